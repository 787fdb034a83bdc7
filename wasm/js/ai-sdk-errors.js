// Errors that the AI SDK recognizes by its markers, so that none of its packages is needed.

const MARK = "vercel.ai.error";

const marked = (error, name) => {
  for (const mark of [MARK, `${MARK}.${name}`]) Object.defineProperty(error, Symbol.for(mark), { value: true });
  return error;
};

class NamedError extends Error {
  constructor(name, message, cause) {
    super(message, cause === undefined ? undefined : { cause });
    Object.defineProperty(this, "name", { value: name, configurable: true, writable: true });
    marked(this, name);
  }
}

/** The error for a kind of model that the server does not have. */
export class NoSuchModelError extends NamedError {
  constructor(modelId, modelType) {
    super("AI_NoSuchModelError", `TabbyAPI has no such model: ${JSON.stringify(modelId)} (${modelType})`);
    this.modelId = modelId;
    this.modelType = modelType;
  }
}

/** The error for a feature that the server does not support. */
export class UnsupportedError extends NamedError {
  constructor(functionality) {
    super("AI_UnsupportedFunctionalityError", `TabbyAPI does not support ${functionality}`);
    this.functionality = functionality;
  }
}

/** Converts an error of the client to one of the AI SDK. Abort errors stay as they are. */
export function callError(error, request, signal) {
  if (error?.code === "cancelled" && signal?.aborted) return signal.reason ?? error;
  if (typeof error?.kind !== "string" || error.kind === "cancelled") return error;
  const made = new NamedError("AI_APICallError", error.message, error);
  return Object.assign(made, {
    url: error.url ?? "",
    requestBodyValues: request,
    statusCode: error.status,
    responseHeaders: Object.fromEntries(error.headers ?? []),
    responseBody: error.body,
    // The client has already retried if that is safe.
    isRetryable: false,
    data: undefined,
  });
}
