// The running calls of a tool run, with their time limits.

import { failure } from "./toolfailure.js";
import { called } from "./toolset.js";

/** The longest delay of hosts. Longer delays would end at once. */
const LONGEST = 2 ** 31 - 1;

export class Calls {
  #loop;
  #signal;
  #running = new Set();
  /** Finished calls that were not read yet. */
  #ended = [];
  #wake;

  /** `signal` is the signal of the run. Aborting it ends all calls. */
  constructor(loop, signal) {
    this.#loop = loop;
    this.#signal = signal;
    signal.addEventListener("abort", () => {
      this.stop();
      this.#look();
    });
  }

  /** Starts a call. */
  start(index, call) {
    const { timeout } = this.#loop;
    const controller = new AbortController();
    const running = { controller, timer: undefined };
    const began = Date.now();
    const end = (result) => {
      if (!this.#running.delete(running)) return;
      clearTimeout(running.timer);
      this.#ended.push({ index, call, result, elapsed: Date.now() - began });
      this.#look();
    };
    const late = () => {
      end({ failure: failure("timed_out", `the call took longer than ${timeout / 1000} seconds and was given up`) });
      controller.abort(new DOMException("the time limit of the call has passed", "TimeoutError"));
    };
    if (timeout <= LONGEST) running.timer = setTimeout(late, timeout);
    this.#running.add(running);
    called(this.#loop.tools, call, controller.signal).then(end);
  }

  /** The event of the next call that ends; none once the run is aborted. */
  async next() {
    while (this.#ended.length === 0 && !this.#signal.aborted) await new Promise((resolve) => (this.#wake = resolve));
    if (this.#signal.aborted) return undefined;
    const { index, call, result, elapsed } = this.#ended.shift();
    return { type: "finished", call, result: this.#loop.result(index, result), elapsed };
  }

  /** Ends the running calls. */
  stop() {
    for (const { controller, timer } of this.#running) {
      clearTimeout(timer);
      controller.abort(this.#signal.reason);
    }
    this.#running.clear();
  }

  #look() {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
