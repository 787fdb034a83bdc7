// A promise of a parsed response that also provides the HTTP response.

import { openAIError } from "./openai-errors.js";

export class APIPromise extends Promise {
  #made;

  /** `made` is a promise of `{ data, response }`. */
  constructor(made) {
    // `then` creates plain promises.
    super((resolve) => resolve(undefined));
    this.#made = made.catch((error) => {
      throw openAIError(error);
    });
    this.#made.catch(() => {});
  }

  static get [Symbol.species]() {
    return Promise;
  }

  then(resolve, reject) {
    return this.#made.then(({ data }) => data).then(resolve, reject);
  }

  catch(reject) {
    return this.then(undefined, reject);
  }

  finally(last) {
    return this.then((value) => value).finally(last);
  }

  /** The HTTP response: its status, its headers, and its content as JSON. */
  asResponse() {
    return this.#made.then(({ response, data }) => response(data));
  }

  /** The parsed response, with the HTTP response and the id of the request. */
  withResponse() {
    return this.#made.then(({ response, data }) => {
      const made = response(data);
      return { data, response: made, request_id: made.headers.get("x-request-id") };
    });
  }

}

/** Creates the `Response`, once. The body is serialized again, since it has been read. */
export function responseOf(status, headers) {
  let made;
  return (data) => (made ??= rewritten(status, headers, data));
}

function rewritten(status, headers, data) {
  const kept = new Headers(headers);
  for (const name of ["content-encoding", "content-length", "transfer-encoding"]) kept.delete(name);
  const isStream = typeof data?.toReadableStream === "function";
  const body = data === undefined || status === 204 ? null : isStream ? data.toEventStream() : JSON.stringify(data);
  return new Response(body, { status, headers: kept });
}
