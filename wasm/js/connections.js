// Connections of Node: one that answered with a 5xx is not used again. Servers that fail close theirs shortly after, without saying so,
// and a request that is written meanwhile is lost, with nothing to tell whether the server began it.
//
// Node's `fetch` has no switch for that. It publishes what it does on channels, though, with the socket, which is closed here.

import { subscribe } from "node:diagnostics_channel";
import { host, origins } from "./exchange.js";

host.closes = true;

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
