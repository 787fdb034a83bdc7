// What services have in common.

import { whole } from "./stream.js";

/** A service: names and paths of operations are the module's, requests and answers are plain objects with the wire's names. */
export class Service {
  #core;

  constructor(core) {
    this.#core = core;
  }

  get core() {
    return this.#core;
  }

  /** `make` gives the request, if there is one: what it throws rejects the call. */
  ask(operation, make, options, finish) {
    return whole(this.#core, { operation, make }, options, finish);
  }

  /** What `make` gives may say more of the call than its operation: the number of choices, say. */
  streamed(Kind, operation, make, options, Total) {
    return new Kind(this.#core, { operation, make }, options, Total);
  }
}

/** Of an answer that has no content. */
export const nothing = () => undefined;
