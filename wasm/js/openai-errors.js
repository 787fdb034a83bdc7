// The error classes of npm `openai`. Each error has the error of this package as `cause`.

export class OpenAIError extends Error {}

/** An error response, or a missing response. */
export class APIError extends OpenAIError {
  constructor(status, error, message, headers) {
    super(sentence(status, error, message));
    this.status = status;
    this.headers = headers;
    this.requestID = headers?.get("x-request-id");
    this.error = error;
    this.code = error?.code;
    this.param = error?.param;
    this.type = error?.type;
  }

  /** Creates an error of the class for the status. */
  static generate(status, body, message, headers) {
    if (!status || !headers) return new APIConnectionError({ message, cause: body instanceof Error ? body : undefined });
    const Kind = BY_STATUS[status] ?? (status >= 500 ? InternalServerError : APIError);
    return new Kind(status, body?.error, message, headers);
  }
}

function sentence(status, error, message) {
  const words = error?.message ? (typeof error.message === "string" ? error.message : JSON.stringify(error.message)) : (message ?? (error && JSON.stringify(error)));
  if (status) return `${status} ${words || "status code (no body)"}`;
  return words || "(no status code or body)";
}

export class APIUserAbortError extends APIError {
  constructor({ message } = {}) {
    super(undefined, undefined, message || "Request was aborted.", undefined);
  }
}

export class APIConnectionError extends APIError {
  constructor({ message, cause } = {}) {
    super(undefined, undefined, message || "Connection error.", undefined);
    if (cause) this.cause = cause;
  }
}

export class APIConnectionTimeoutError extends APIConnectionError {
  constructor({ message } = {}) {
    super({ message: message ?? "Request timed out." });
  }
}

export class BadRequestError extends APIError {}
export class AuthenticationError extends APIError {}
export class PermissionDeniedError extends APIError {}
export class NotFoundError extends APIError {}
export class ConflictError extends APIError {}
export class UnprocessableEntityError extends APIError {}
export class RateLimitError extends APIError {}
export class InternalServerError extends APIError {}

const BY_STATUS = {
  400: BadRequestError,
  401: AuthenticationError,
  403: PermissionDeniedError,
  404: NotFoundError,
  409: ConflictError,
  422: UnprocessableEntityError,
  429: RateLimitError,
};

export class LengthFinishReasonError extends OpenAIError {
  constructor() {
    super("Could not parse response content as the length limit was reached");
  }
}

export class ContentFilterFinishReasonError extends OpenAIError {
  constructor() {
    super("Could not parse response content as the request was rejected by the content filter");
  }
}

/** Converts an error of this package, or any thrown value, to one of these. */
export function openAIError(thrown) {
  if (thrown instanceof OpenAIError || typeof thrown?.kind !== "string") return thrown;
  const made = byKind(thrown);
  Object.defineProperty(made, "cause", { value: thrown, enumerable: false, configurable: true, writable: true });
  // Programs read the server's error. The error of this package has more.
  made.code ??= thrown.code;
  made.hint = thrown.hint;
  return made;
}

function byKind({ kind, code, status, message, reason, headers, body }) {
  if (kind === "cancelled") return new APIUserAbortError();
  if (kind === "timeout") return new APIConnectionTimeoutError({ message });
  if (status && (kind === "server" || status >= 400)) {
    const error = detailsOf(body);
    // The server sent only a status, so the message is that of this package.
    if (status >= 400) return APIError.generate(status, { error: error ?? { message: reason, code } }, message, headers);
    return new APIError(undefined, error ?? { message: reason, code }, message, headers);
  }
  if (kind === "config" || kind === "misuse" || kind === "encode") return new OpenAIError(message);
  return new APIConnectionError({ message });
}

/** The server's error: `{error: {…}}` of OpenAI, or `{detail: …}` of TabbyAPI. */
function detailsOf(body) {
  if (!body) return undefined;
  try {
    const { error, detail } = JSON.parse(body);
    if (typeof error === "object" && error !== null) return error;
    if (typeof error === "string") return { message: error };
    return typeof detail === "string" ? { message: detail } : undefined;
  } catch {
    return undefined;
  }
}
