// The base class of the services.

import { whole } from "./stream.js";

/** A service. The module has the names and paths of operations. Requests and responses are plain objects with the field names of the wire. */
export class Service {
  #core;

  constructor(core) {
    this.#core = core;
  }

  get core() {
    return this.#core;
  }

  /** Calls an operation. `make` returns the request, if there is one. Its exceptions reject the call. */
  ask(operation, make, options, finish) {
    return whole(this.#core, { operation, make }, options, finish);
  }

  /** Streams an operation. `make` may return more than the request, such as the number of choices. */
  streamed(Kind, operation, make, options, Total) {
    return new Kind(this.#core, { operation, make }, options, Total);
  }
}

/** The result of a response without content. */
export const nothing = () => undefined;
