// Writes items as lines of JSON, for the body of a response. The last line is an error, or blank if there was none. relay.js reads them.

import { encode } from "./abi.js";
import { needed } from "./host.js";
import { asTabbyError } from "./settings.js";

/** The fields of an error for a page: none about the server behind the route. */
const SHOWN = ["kind", "code", "status", "phase", "retryable", "reason", "hint"];

export function linesOf(items) {
  const write = (value) => encode(`${JSON.stringify(value)}\n`);
  return new (needed("ReadableStream"))({
    type: "bytes",
    async pull(controller) {
      let last;
      try {
        const { value, done } = await items.next();
        if (!done) return controller.enqueue(write(value));
      } catch (error) {
        last = asTabbyError(error);
      }
      controller.enqueue(last ? write({ error: Object.fromEntries(SHOWN.map((name) => [name, last[name]])) }) : encode("\n"));
      controller.close();
      controller.byobRequest?.respond(0);
    },
    cancel: () => void items.return(),
  });
}
