// Connections of Node: they wait as long as the calls do, and one that answered with a 5xx is not used again. Servers that fail close theirs shortly after, without saying so,
// and a request that is written meanwhile is lost, with no sign whether the server began it.
//
// Node's `fetch` has no switch for that. It publishes what it does on channels, though, with the socket, which is closed here.

import { subscribe } from "node:diagnostics_channel";
import { runInThisContext } from "node:vm";
import { host, origins } from "./exchange.js";

host.closes = true;

/** Of Node, since undici 8, and before. */
const [NEW, OLD] = [2, 1].map((version) => Symbol.for(`undici.globalDispatcher.${version}`));
const own = globalThis.fetch;
/** Where `fetch` has its dispatcher: test runners give programs a global object of their own. */
const main = runInThisContext("globalThis");

/**
 * Node's `fetch` gives up after five minutes of silence. The calls have timeouts of their own, so it is to wait: through the dispatcher
 * that is in force, which may be one for a proxy, with its limits set aside. Bun has a limit and a switch for it.
 */
const patient = {
  dispatch(options, handler) {
    const isNew = Number.parseInt(process.versions.undici, 10) >= 8;
    const dispatcher = (isNew && main[NEW]) || main[OLD];
    return dispatcher.dispatch({ ...options, headersTimeout: 0, bodyTimeout: 0 }, handler);
  },
};

host.options = () => {
  if (globalThis.Bun !== undefined) return { timeout: false };
  // Another one in its place may know nothing of dispatchers. Node's own makes the one in force with the first call, so it is looked up then.
  return globalThis.fetch === own && process.versions.undici !== undefined ? { dispatcher: patient } : undefined;
};

const sockets = new WeakMap();
const failed = new WeakSet();

subscribe("undici:client:sendHeaders", ({ request, socket }) => {
  if (origins.has(String(request?.origin))) sockets.set(request, socket);
});
subscribe("undici:request:headers", ({ request, response }) => {
  if (response?.statusCode >= 500 && sockets.has(request)) failed.add(request);
});
// The whole answer was read, and the connection is not yet given back.
subscribe("undici:request:trailers", ({ request }) => {
  if (failed.has(request)) sockets.get(request)?.destroy?.();
});
