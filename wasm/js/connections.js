// Connections in Node: they wait as long as the calls, and a connection that answered 5xx is not reused. A failing server closes it shortly after, without announcing it,
// and a request that is written in the meantime is lost, without a sign of whether the server started it.
//
// Node's `fetch` has no option for this. But it publishes its requests on channels, with the socket, which is closed here.

import { subscribe } from "node:diagnostics_channel";
import { runInThisContext } from "node:vm";
import { host, origins } from "./exchange.js";

host.closes = true;

/** The symbols of Node, since undici 8, and before. */
const [NEW, OLD] = [2, 1].map((version) => Symbol.for(`undici.globalDispatcher.${version}`));
const own = globalThis.fetch;
/** The global object with the dispatcher of `fetch`: test runners give programs a separate global object. */
const main = runInThisContext("globalThis");

/**
 * Node's `fetch` fails after five minutes of silence. The calls have their own timeouts, so `fetch` must wait: through the current
 * dispatcher, which may be one for a proxy, without its limits. Bun has a limit and an option for it.
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
  // A replaced `fetch` may not support dispatchers. Node's own creates the current one with the first call, so it is looked up then.
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
// The whole response was read, and the connection is not yet back in the pool.
subscribe("undici:request:trailers", ({ request }) => {
  if (failed.has(request)) sockets.get(request)?.destroy?.();
});
