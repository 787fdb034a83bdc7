/**
 * A client for TabbyAPI servers. Requests and responses are plain objects with the field names of the wire.
 *
 * ```ts
 * import { Tabby } from "tabbyapi";
 *
 * const tabby = new Tabby({ baseURL: "http://127.0.0.1:5000", apiKey: "…" });
 * for await (const chunk of tabby.chat.stream({ messages: [{ role: "user", content: "Name a river." }] })) {
 *   console.log(chunk.choices[0]?.delta.content ?? "");
 * }
 * ```
 */
export * from "./wire.js";
export * from "./values.js";

import type * as values from "./values.js";
import type * as web from "./web.js";
import type * as wire from "./wire.js";
import type Services from "./wire.js";

/** Loads the WebAssembly module. Calls do this automatically. Call it to load early, or to pass a module. */
export function init(options?: {
  /** The module: compiled, its bytes, a `Response` with them, or its address. Set it before the first call. */
  module?: ModuleSource | Promise<ModuleSource> | undefined;
}): Promise<void>;

/** The location of the module: compiled, its bytes, a response with them, or its address. */
export type ModuleSource = web.WasmModule | ArrayBuffer | ArrayBufferView | web.ResponseObject | string | web.UrlObject;

/** Returns the same object, with a type that gives access to fields that this package does not declare. */
export function extraOf(answer: object): Record<string, unknown>;

/**
 * Reads a stream from the lines that `toReadableStream` wrote elsewhere, from the body of a response, or from the response. Errors are the
 * errors of the original stream, without the address of its server.
 */
export function fromReadableStream<Item = wire.ChatChunk, Total = wire.ChatCompletion>(
  from: web.ByteStream | web.ResponseObject | Promise<web.ByteStream | web.ResponseObject>,
  options?: { limits?: Limits | undefined },
): MessageStream<Item, Total>;

/** A client of one server. Creating one sends and loads nothing. */
export class Tabby {
  /** Throws a `TabbyError` if an option is invalid. */
  constructor(options: TabbyOptions | TabbyServersOptions);
  /**
   * Calls a route without a method in the services, with the keys, timeouts and retries of the client. The response is JSON. Methods other
   * than `GET` and `HEAD` are repeated only if the server cannot have started them.
   */
  request<T = unknown>(request: RouteRequest & { stream?: false | undefined }, options?: CallOptions): Answer<T>;
  /** The same for a route that streams events: yields the data of each as JSON, up to `[DONE]` or the end. */
  request<T = unknown>(request: RouteRequest & { stream: true }, options?: CallOptions): Stream<T, T[]>;
  /**
   * Returns another client with the options of this one, overridden by these. Both clients share servers, keys, limits and breakers, unless the
   * options set others. Shared limits apply to the calls of both together.
   */
  withOptions(options: Partial<TabbyOptions>): Tabby;
  /** Returns the state of each server, as seen by the calls of this client, in the order in which they were given. Sends nothing. */
  servers(): Promise<ServerStatus[]>;
  /** Returns the number of calls that wait for a server, because of `concurrency` or `rateLimit`. */
  waiting(): Promise<number>;
  /**
   * Requests the loaded model of each server (`GET /v1/model`), once, and returns them in the order of the servers. The results are recorded: calls
   * that name a `model` then prefer a server that has loaded it, and a server without a model comes last. Servers are not probed automatically.
   */
  probe(options?: Omit<CallOptions, "server" | "maxRetries" | "retry">): Promise<ProbedServer[]>;
}

export interface Tabby extends Services {}

/** Settings of a client. */
export interface TabbyOptions {
  /**
   * The server's address, such as `http://127.0.0.1:5000`. A path prefix or a trailing `/v1` is accepted. In pages and their workers, a path
   * such as `/api` refers to the page's own server.
   */
  baseURL: string | web.UrlObject;
  /**
   * Additional servers, up to 64 in total, for failover: a call that a server cannot have started is sent to another one. Each has its own
   * keys, which are not sent to other servers. Calls prefer, in this order, servers that they have not tried, that have a model, that have
   * loaded the `model` of the request (if known from `probe()`), and that did not fail within the last 10 seconds.
   */
  servers?: (string | web.UrlObject | ServerOptions)[] | undefined;
  /**
   * How calls are distributed over equally suitable servers: to the one with the fewest calls in flight (`leastInFlight`, the default), in
   * turn (`roundRobin`), or to the first in the order of the list (`inOrder`).
   */
  balance?: "leastInFlight" | "roundRobin" | "inOrder" | undefined;
  /**
   * How many calls run at a time on each server, and how many may wait; no limit by default. A number sets `running`. Other calls wait, first in,
   * first out. An aborted call leaves the queue. Waiting counts towards the `total` timeout, and towards `timeout`.
   */
  concurrency?: Concurrency | number | undefined;
  /** The rate limit of each server; none by default. */
  rateLimit?: RateLimit | undefined;
  /** A circuit breaker for each server, which pauses calls to a failing server; off by default. `true` uses the defaults. */
  breaker?: Breaker | boolean | undefined;
  /** The API key (`X-API-Key`) for `baseURL`. */
  apiKey?: string | undefined;
  /** The admin key (`X-Admin-Key` on admin operations, `X-API-Key` on lists and without an API key). */
  adminKey?: string | undefined;
  /** A key that is sent as `Authorization: Bearer` if no other key fits. */
  bearer?: string | undefined;
  /**
   * A source of keys, in place of fixed keys. It is called once for all calls, and its keys are cached until they expire. After a 401 it is
   * called again, and the request is repeated once. A string is an API key, or an admin key if the scope is `admin`.
   */
  getKey?: ((wanted: KeyRequest) => Key | string | null | undefined | Promise<Key | string | null | undefined>) | undefined;
  /** Deadlines per kind of operation. */
  timeoutPolicy?: Partial<Record<"read" | "generate" | "stream" | "streamTools" | "load" | "download", Timeouts>> | undefined;
  /** Deadlines for every kind of operation. */
  timeouts?: Timeouts | undefined;
  /**
   * The longest wait of a call, in milliseconds: until its first item (including connecting, keys, retries and delays), and
   * then during each silence of a stream. Keep-alive comments do not count. Whole responses and downloads are limited to their end, model loads
   * until they start. The duration of an active stream is not limited. Overrides `timeoutPolicy` and `timeouts`, except a longer `total`.
   * Not set by default. `Infinity` unsets it.
   */
  timeout?: number | undefined;
  /**
   * Whether calls that need an API key send the admin key instead, if it is set, as `X-API-Key`; false by default. A server with inline
   * model loading loads the `model` of a generation only for the admin key. `getKey` is then called with the scope `prefer_admin`, as for lists.
   */
  preferAdminKey?: boolean | undefined;
  /** The maximum number of retries of a failed call; 2 by default. */
  maxRetries?: number | undefined;
  /** All retry settings. */
  retry?: Retry | undefined;
  /** Limits on what is accepted. */
  limits?: Limits | undefined;
  /** Headers for every request. */
  headers?: web.HeadersLike | undefined;
  /** Used instead of the host's own `fetch`. */
  fetch?: ((url: string, init: web.FetchOptions) => Promise<web.ResponseObject>) | undefined;
  /** Passed to `fetch`, except method, headers, body, signal and redirect: `{ dispatcher }` in Node, `{ cache, credentials }` in pages. */
  fetchOptions?: web.FetchOptions | undefined;
  /** Called before each request that is sent. */
  onAttempt?: ((attempt: AttemptEvent) => void) | undefined;
  /** For example `console`: `debug` is called for each request and each successful call, `warn` for each failed one. */
  logger?: Logger | undefined;
  /** Called at the end of each call. */
  onOutcome?: ((outcome: OutcomeEvent) => void) | undefined;
}

/** Settings of a client with `servers` instead of `baseURL`. */
export interface TabbyServersOptions extends Omit<TabbyOptions, "baseURL" | "servers" | "apiKey" | "adminKey" | "bearer"> {
  baseURL?: undefined;
  /** The servers, each with its own keys; see `TabbyOptions`. */
  servers: (string | web.UrlObject | ServerOptions)[];
}

/** One of several servers, with its keys. */
export interface ServerOptions {
  /** The server's address, as in `TabbyOptions`. */
  baseURL: string | web.UrlObject;
  /** The API key (`X-API-Key`). */
  apiKey?: string | undefined;
  /** The admin key (`X-Admin-Key` on admin operations, `X-API-Key` on lists and without an API key). */
  adminKey?: string | undefined;
  /** A key that is sent as `Authorization: Bearer` if no other key fits. */
  bearer?: string | undefined;
  /** The concurrency limit of this server, instead of the client's. The queue is shared with the client. */
  concurrency?: Pick<Concurrency, "running"> | number | undefined;
  /** The rate limit of this server, instead of the client's. */
  rateLimit?: RateLimit | undefined;
}

/** How many calls run at a time. A call keeps its slot until its response has ended, or until the stream is closed. */
export interface Concurrency {
  /** The maximum number of running calls; from 1. */
  running: number;
  /** The maximum number of waiting calls, over all servers; 10,000 by default. Further calls fail at once with kind `policy` and code `queue_full`. */
  waiting?: number | undefined;
}

/**
 * How much is sent to a server in an interval. The limit is exact: no interval of this length contains more. A call over the limit waits, first in,
 * first out, or fails with kind `policy` and code `rate_limited`.
 */
export interface RateLimit {
  /** The number of requests, including retries; from 1. No limit by default. */
  requests?: number | undefined;
  /**
   * The estimated number of tokens, from 1; requires `estimate`. No limit by default. A request that exceeds the limit on its own is sent when nothing
   * else was sent in the interval.
   */
  tokens?: number | undefined;
  /** The interval, in milliseconds. */
  interval: number;
  /** What happens to a call over the limit: it waits (`wait`, the default), or fails at once (`refuse`) unless it already waits for its turn. */
  whenFull?: "wait" | "refuse" | undefined;
  /**
   * Returns the tokens of a request for chat, completions or embeddings, including the response, such as `requestTokens` of `tabbyapi/estimate`. Other
   * calls count as 0 tokens. All servers use the same estimate.
   */
  estimate?: ((request: any) => number) | undefined;
}

/**
 * A circuit breaker. While the circuit is open, calls are sent to other servers. Without another server they fail at once with kind `policy` and code
 * `circuit_open`, and `retryAfter`. Failed connections, responses that do not start in time or are truncated, and statuses from 500 count as failures,
 * except "no model is loaded". Cancelled calls do not count.
 */
export interface Breaker {
  /** The time over which attempts are counted, in milliseconds; 30000 by default. */
  window?: number | undefined;
  /** The minimum number of attempts in the window before the circuit can open, from 1; 5 by default. */
  minAttempts?: number | undefined;
  /** The fraction of failures that opens the circuit, above 0, up to 1; 0.5 by default. */
  failureRate?: number | undefined;
  /** How long the circuit stays open, in milliseconds; 10000 by default. */
  openFor?: number | undefined;
  /** The number of attempts in the half-open state, from 1; 1 by default. The circuit closes if all succeed, and opens if one fails. */
  probes?: number | undefined;
}

/** The state of a server, as seen by the calls of a client. */
export interface ServerStatus {
  /** The address. */
  base: string;
  /** The state of the circuit; `closed` without a breaker. */
  breaker: "closed" | "open" | "half_open";
  /** The time until an open circuit becomes half open, in milliseconds; null if it is not open. */
  retry_after: number | null;
  /** The number of attempts in flight. */
  in_flight: number;
  /** The number of attempts so far. */
  attempts: number;
  /** The number of attempts that failed because of the server. */
  failures: number;
  /** Whether the last finished attempt failed. */
  failing: boolean;
  /** The loaded model, as found by `probe()`; empty if no model is loaded, null if unknown. */
  model: string | null;
}

/** The result of probing a server: its model, or an error. */
export interface ProbedServer {
  /** The address. */
  base: string;
  /** The loaded model. */
  model?: wire.ModelCard;
  /** The error: its code is `no_model_loaded`, or the request failed. */
  error?: TabbyError;
}

/** A request to any route. */
export interface RouteRequest {
  /** The method; `GET` by default. */
  method?: string | undefined;
  /** The path under `baseURL`, with its leading slash, and a query if there is one. */
  path: string;
  /** The body, which is sent as JSON; none by default. */
  body?: unknown;
  /** The scope of the key; `api` by default. `prefer_admin` uses the admin key if it is set. */
  scope?: "api" | "admin" | "prefer_admin" | "public" | undefined;
}

/** A logger for single lines, which contain neither keys nor prompts. */
export interface Logger {
  /** Called for requests and successful calls. */
  debug?(line: string): void;
  /** Called for failed calls. */
  warn?(line: string): void;
}

/** The scope of a key. */
export interface KeyRequest {
  /** The address of the server that the key is for. */
  server: string;
  /** The required scope: `prefer_admin` uses the admin key if it is set. */
  scope: "api" | "prefer_admin" | "admin";
  /** Whether the server rejected the last key. */
  rejected: boolean;
}

/** A key and the header that carries it: one of the three. */
export interface Key {
  /** Sent as `X-API-Key`. */
  apiKey?: string | undefined;
  /** Sent as `X-Admin-Key`, or as `X-API-Key` on lists. */
  adminKey?: string | undefined;
  /** Sent as `Authorization: Bearer`. */
  bearer?: string | undefined;
  /** The lifetime of the key in milliseconds. */
  expiresIn?: number | undefined;
}

/**
 * Time limits for each part of a call, in milliseconds. `Infinity` means no limit. Missing values keep their default. Defaults per kind of
 * operation, in seconds:
 *
 * | | `head` | `firstItem` | `idle` | `total` |
 * |---|---|---|---|---|
 * | `read` | 30 | | 30 | 60 |
 * | `generate` | 600 | | 60 | |
 * | `stream` | 300 | 600 | 120 | |
 * | `streamTools` | 300 | 600 | 900 | |
 * | `load` | 30 | | | |
 * | `download` | | | | |
 */
export interface Timeouts {
  /** From sending the request to the head of the response. */
  head?: number | undefined;
  /** From sending the request to the first item of a stream. */
  firstItem?: number | undefined;
  /** Between two arrivals of data. Keep-alive comments do not count as data, and time during which you do not read does not count. */
  idle?: number | undefined;
  /** The whole call, including retries and delays. */
  total?: number | undefined;
}

/** When a failed call is retried. */
export interface Retry {
  /** The maximum number of retries, from 0; 2 by default. */
  maxRetries?: number | undefined;
  /** The first delay before jitter, in milliseconds; 500 by default. */
  base?: number | undefined;
  /** The longest delay before jitter, in milliseconds; 8000 by default. */
  cap?: number | undefined;
  /** The longest `Retry-After` that is waited for, in milliseconds; 60000 by default. */
  retryAfterCap?: number | undefined;
  /** Whether generations are retried although the server may have started them, which may generate twice; false by default. */
  retryGenerations?: boolean | undefined;
}

/** Limits on the data accepted from a server, in bytes of UTF-8. */
export interface Limits {
  /** The largest event of a stream; 16 MiB by default. */
  event?: number | undefined;
  /** The largest body that is not a stream; 64 MiB by default. */
  body?: number | undefined;
  /** The part of an error's body that is kept; 64 KiB by default. */
  errorExcerpt?: number | undefined;
  /** The text, tool arguments and logprobs that a stream may accumulate; 64 MiB by default. */
  accumulated?: number | undefined;
  /** The number of choices, and of tool calls per choice, in a stream; 1024 by default. Not in bytes. */
  indices?: number | undefined;
  /** The number of values in one JSON document; 16,777,216 by default. Not in bytes. Documents of up to 64 KiB are not counted. */
  items?: number | undefined;
  /** The nesting depth of one JSON document; 128 by default, which is also the maximum. Not in bytes. */
  depth?: number | undefined;
  /** The memory of the values of a JSON document, as a multiple of its size; 4 by default, and at least 16 MiB. Not in bytes. */
  expansion?: number | undefined;
}

/** The options of a call, which override those of the client. */
export interface CallOptions {
  /** Cancels the call. It rejects with the signal's reason as `cause`. */
  signal?: web.Signal | undefined;
  /** Headers of this call, in addition to those of the client. They take precedence. */
  headers?: web.HeadersLike | undefined;
  /** Passed to `fetch`, in addition to the options of the client. They take precedence. */
  fetchOptions?: web.FetchOptions | undefined;
  /** Also overrides the client's `timeout`. */
  timeouts?: Timeouts | undefined;
  /** Overrides the client's `timeout`, in milliseconds. See `TabbyOptions`. */
  timeout?: number | undefined;
  /** The maximum number of retries, from 0; the client's setting by default. */
  maxRetries?: number | undefined;
  /** All retry settings. */
  retry?: Retry | undefined;
  /** Limits on what is accepted. */
  limits?: Limits | undefined;
  /** Whether to send the admin key instead of the API key, such as for inline model loading. See `TabbyOptions`. */
  preferAdminKey?: boolean | undefined;
  /** The address of the only server to call, of the client's `servers`; any of them by default. */
  server?: string | web.UrlObject | undefined;
}

/** Options of a streamed conversation or completion. */
export interface ResumableOptions extends CallOptions {
  /**
   * Resumes the stream when it stalls or breaks: another request generates the rest, and the stream continues with its items. `true`
   * uses the defaults; off by default. The server processes the prompt again. Streams with several choices, with tool calls, in the middle of
   * reasoning or with a grammar are not resumed.
   */
  resume?: Resume | boolean | undefined;
}

/** Whether and how often a stream that stalls or breaks is resumed. */
export interface Resume {
  /** The maximum number of times a stream is resumed; 3 by default. */
  attempts?: number | undefined;
  /** The first delay before jitter, in milliseconds; 500 by default. It doubles with each attempt. */
  base?: number | undefined;
  /** The longest delay before jitter, in milliseconds; 8000 by default. */
  cap?: number | undefined;
  /** Whether a stream may continue with another model; false by default. */
  anyModel?: boolean | undefined;
  /**
   * Whether conversations are continued with `continue_final_message` even if no reasoning had arrived. Models of the Harmony format need this. False
   * by default, so that `response_prefix` is used. Requires a server of July 2026 or newer.
   */
  finalMessage?: boolean | undefined;
  /** Called each time the stream breaks. */
  onResume?: ((event: ResumeEvent) => void) | undefined;
}

/** Describes a stream that broke, and the action that follows. */
export interface ResumeEvent {
  /**
   * The action: the rest is requested (`resumed`); only the announced end was missing (`completed`); `max_tokens` had arrived (`length`); or the
   * stream ends with the error (`refused`).
   */
  action: "resumed" | "completed" | "length" | "refused";
  /** The delay before the rest is requested, in milliseconds. */
  wait: number | null;
  /** Why it is not resumed, if it is not. */
  code: ErrorCode | null;
  /** The number of items that had arrived. */
  items: number;
  /** How often the stream has been resumed, including this time. */
  resumes: number;
  /** The error that broke the stream. */
  error: TabbyError;
}

/** A request that is about to be sent. */
export interface AttemptEvent {
  /** The method, such as `chat.create`. */
  operation: string;
  /** Counted from 1. */
  attempt: number;
  /** The HTTP method, such as `POST`. */
  method: string;
  /** The URL. */
  url: string;
}

/** The result of a call. */
export interface OutcomeEvent extends Partial<Outcome> {
  /** The method, such as `chat.create`. */
  operation: string;
  /** Whether it succeeded. */
  ok: boolean;
  /** The error. */
  error?: Error | undefined;
}

/** The history of a call. Times are milliseconds since its start. */
export interface Outcome {
  /** The HTTP status of the last response. */
  status: number | null;
  /** The headers of the last response, as pairs. */
  headers: [string, string][];
  /** The duration, in milliseconds. */
  elapsed: number | null;
  /** When the first item arrived, in milliseconds since the start. */
  first_item: number | null;
  /** Time spent waiting between attempts and for keys, in milliseconds. */
  waited: number;
  /** The number of items. */
  items: number;
  /** How often `getKey` was called again after a 401. */
  key_refreshes: number;
  /** The number of requests sent. */
  attempt_count: number;
  /** How often the stream was resumed. */
  resumes: number;
  /** Why a stream that broke was not resumed, or not resumed again; null if resuming was not enabled. */
  not_resumed: ErrorCode | null;
  /** The requests. If there are more than 16, the first 15 and the last one. */
  attempts: Attempt[];
}

/** One request. */
export interface Attempt {
  /** The server. */
  base: string;
  /** When the request was sent, in milliseconds since the start of the call. */
  sent: number;
  /** When the head of the response arrived, in milliseconds since the start of the call. */
  head: number | null;
  /** When it ended, in milliseconds since the start of the call. */
  ended: number | null;
  /** The HTTP status. */
  status: number | null;
  /** The size of the request body in bytes. */
  request_bytes: number;
  /** The received bytes of the response body, decompressed. */
  response_bytes: number;
  /** The number of items it delivered. */
  items: number;
  /** Whether it resumes earlier attempts. */
  resumes: boolean;
  /** Why it failed: the code of the error. */
  cause: string | null;
  /** The delay that followed, in milliseconds. */
  retry_after: number | null;
}

/** The class of an error. */
export type ErrorKind =
  | "config" | "encode" | "credentials" | "connect" | "transport" | "timeout" | "server" | "truncated" | "decode" | "too_large"
  | "cancelled" | "misuse" | "policy" | "trapped";

/** Error codes. A server can have other codes, which are passed on. */
export type ErrorCode =
  | "already_complete" | "already_exists" | "already_loaded" | "attempts_used_up" | "bad_header" | "bad_request"
  | "body_too_large" | "cancelled" | "cannot_continue" | "certificate" | "circuit_open" | "config" | "connect" | "connection_lost"
  | "constrained" | "context_length_exceeded" | "conversation_too_long" | "decoded_too_large" | "download_timeout"
  | "empty_stream" | "encode" | "encoded_body" | "event_too_large" | "generation_aborted" | "generation_cut" | "graphql_error"
  | "http_error" | "image_too_large" | "image_unknown" | "image_unreadable" | "inconsistent_answer" | "invalid_header"
  | "invalid_json" | "invalid_key" | "invalid_line" | "invalid_option" | "invalid_recording" | "invalid_request" | "invalid_token"
  | "key_file_invalid" | "key_file_unreadable" | "key_invalid" | "kobold_disabled" | "lagged" | "logprobs_apart"
  | "method_not_allowed" | "missing_key" | "misuse" | "module_unavailable" | "no_chat_model" | "no_completion_model"
  | "no_context" | "no_embedding_model_loaded" | "no_input" | "no_model_loaded" | "no_prompt" | "no_template" | "not_finite"
  | "not_found" | "not_resumable" | "not_text" | "nothing_named" | "nothing_to_continue" | "nothing_to_download" | "oai_disabled"
  | "oauth_answer" | "oauth_connect" | "oauth_setup" | "oauth_timeout" | "oauth_token_type" | "other_model" | "queue_full"
  | "rate_limited" | "reasoning_restarted" | "reasoning_unfinished" | "redirect" | "repo_forbidden" | "request_timeout"
  | "request_too_large" | "retry_budget_used_up" | "server_error" | "several_choices" | "sign_in_needed" | "state_mismatch"
  | "stopped" | "stream_error" | "stream_in_use" | "stream_restarted" | "stream_too_large" | "template_error"
  | "timeout_first_item" | "timeout_head" | "timeout_host" | "timeout_idle" | "timeout_ready" | "timeout_total" | "too_deep"
  | "too_large" | "too_many_indices" | "too_many_items" | "tools_called" | "transport" | "trapped" | "truncated" | "unauthorized"
  | "unexpected_content_type" | "unexpected_json" | "unknown_model" | "unknown_preset" | "unknown_repo" | "unknown_template"
  | "unstructured" | "unsupported_media_type" | "validation_failed"
  | (string & {});

/** An error. Its message is one sentence: what happened, where, and what to do. It contains neither keys nor prompts. */
export class TabbyError<Partial = unknown> extends Error {
  /** `AbortError` or `TimeoutError` for calls that a signal cancelled. */
  readonly name: "TabbyError" | "AbortError" | "TimeoutError";
  /** The class of the error. */
  readonly kind: ErrorKind;
  /** A stable code: the server's own, such as `context_length_exceeded`, or one of this package, such as `no_model_loaded`. */
  readonly code: ErrorCode;
  /** The HTTP status, if the server responded. */
  readonly status: number | undefined;
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;
  /** The delay before the next attempt, in milliseconds: from `Retry-After`, or until a rate limit or breaker of the client allows calls. */
  readonly retryAfter: number | undefined;
  /** The accumulated response of a stream so far. */
  partial: Partial | undefined;
  /** The requests of the call. */
  readonly attempts: Attempt[];
  /** What happened, without the location and the hint. For server errors this is the server's own message. */
  readonly reason: string;
  /** What to do about it. */
  readonly hint: string | undefined;
  /** The part of the call that timed out. */
  readonly phase: "head" | "first_item" | "idle" | "total" | undefined;
  /** The path inside the document that failed to decode. */
  readonly path: string | undefined;
  /** The server's traceback, if it sends one. */
  readonly trace: string | undefined;
  /** The method of the request. */
  readonly method: string | undefined;
  /** The URL of the request. */
  readonly url: string | undefined;
  /** The entries of a 422 response. */
  readonly validation: { loc: string[]; msg: string; type: string; input: string | null }[];
  /** The headers of the response. For another origin, a page can read only those that the server exposes. */
  readonly headers: web.HeadersObject;
  /** The raw body of the response, or the event that carried the error. It can echo the request. */
  readonly body: string | undefined;
  /** The history of the call. */
  readonly outcome: Outcome | undefined;
  /** Returns the value for `JSON.stringify`, which `structuredClone` and `postMessage` also accept. */
  toJSON(): Record<string, unknown>;
  /** Creates an error from the result of `toJSON`, on the other side. */
  static from(value: unknown): TabbyError;
}

/** A call with a single response: a promise of the response. */
export interface Answer<T> extends Promise<T> {
  /** The response with its metadata. */
  withResponse(): Promise<{ data: T; status: number; headers: web.HeadersObject; attempts: Attempt[]; outcome: Outcome }>;
}

/**
 * A streamed response. Nothing is sent before the first item is requested. Not reading applies back-pressure. Leaving the loop, or garbage
 * collection of the stream, closes the connection. A stream has one reader. A second one is rejected with code `stream_in_use`.
 */
export class Stream<Item, Total> implements AsyncIterable<Item> {
  protected constructor();
  [Symbol.asyncIterator](): AsyncIterableIterator<Item>;
  /** Splits the stream into two iterators. Each gets all items. Items that only one has read are buffered for the other. */
  tee(): [AsyncIterableIterator<Item>, AsyncIterableIterator<Item>];
  /** Sends the request, and resolves to the head of a successful response. Await it before a route responds with the stream. */
  readonly opened: Promise<{ status: number; headers: web.HeadersObject }>;
  /** The accumulated response so far. */
  readonly soFar: Total;
  /** Whether the stream has ended, successfully or not. */
  readonly ended: boolean;
  /** The history of the call, after its end. */
  readonly outcome: Outcome | undefined;
  /** Reads the rest, or waits until a loop has read it, and resolves to the whole response. An error has the response so far as `partial`. */
  final(): Promise<Total>;
  /**
   * Called with each part of text and the index of its choice. Listening reads the stream, unless a loop does, and starts in the same turn.
   * Errors of listeners are reported and do not end the stream.
   */
  on(event: "content", listener: (piece: string, index: number) => void): this;
  /** Called with each complete tool call, and the index of its choice. */
  on(event: "toolCall", listener: (call: wire.ToolCall, index: number) => void): this;
  /** Called if the stream fails or is aborted. Without a listener the error is reported as an uncaught one. */
  on(event: "error", listener: (error: TabbyError<Total>) => void): this;
  /** Called with the whole response at the end. */
  on(event: "end", listener: (whole: Total) => void): this;
  /** Aborts the stream: closes the connection, after which the server ends the generation. Loops over it end without an error. */
  abort(reason?: unknown): void;
  /**
   * Returns the items as lines of JSON, for example for the body of a `Response`. An error is the last line, as `{"error": …}`. Cancelling the
   * returned stream aborts this one. `fromReadableStream` reads it.
   */
  toReadableStream(): web.ByteStream;
}

/** A streamed conversation or completion. */
export class MessageStream<Item, Total> extends Stream<Item, Total> {
  /** Reads the rest, and resolves to the whole response. */
  finalMessage(): Promise<Total>;
  /** Reads the rest, and resolves to the text of the first choice. Empty if it has none. */
  text(): Promise<string>;
}

/** The progress of a model load. Closing the stream does not stop the load. */
export class LoadStream extends Stream<wire.LoadProgress, values.LoadReport> {
  /** Reads the rest. The model is usable after that, which is later than the "finished" events. */
  finalReport(): Promise<values.LoadReport>;
}

/** Embedding vectors of texts. */
export interface Embeddings extends wire.Embeddings {
  /** Returns one vector per text, in the order of the texts. */
  create(request: wire.EmbeddingsRequest, options?: CallOptions): Answer<values.Embeddings>;
}

/** Models. */
export interface Models extends wire.Models {
  /**
   * Unloads the loaded model, then loads. Use it to change the parameters of the loaded model. The unload ends the running
   * generations of all users. So unless the server's lists contain the model, nothing is unloaded, and the call rejects with code
   * `unknown_model`. The lists are complete only for the admin key.
   */
  reload(request: wire.LoadRequest, options?: CallOptions): Promise<LoadStream>;
}

/** Chat templates. */
export interface Templates extends wire.Templates {
  /** Lists the names of the templates on the server. */
  list(options?: CallOptions): Answer<{ object?: string; data: string[] }>;
}

/** Tokens of the loaded model. */
export interface Tokens extends wire.Tokens {
  /** Returns the tokens of a text, or of a conversation as rendered by the chat template. */
  encode(request: string | wire.ChatMessage[] | wire.EncodeRequest, options?: CallOptions): Answer<wire.Encoded>;
  /** Returns the text of tokens. */
  decode(request: number[] | wire.DecodeRequest, options?: CallOptions): Answer<{ text: string }>;
  /** Returns the number of tokens of a text or a conversation. */
  count(request: string | wire.ChatMessage[] | wire.EncodeRequest, options?: CallOptions): Answer<number>;
}

/** Health and readiness of the server. */
export interface Health extends wire.Health {
  /** Waits until a model is loaded, and returns its card. `timeout` is in milliseconds, a minute by default. */
  waitUntilReady(options?: { timeout?: number | undefined; signal?: web.Signal | undefined }): Promise<wire.ModelCard>;
}

/** The permission of the client's key. */
export interface Auth extends wire.Auth {
  /** Returns the permission of the key that generations use. */
  permission(options?: CallOptions): Answer<"api" | "admin" | (string & {})>;
}

/** The KoboldAI API. */
export interface Kobold extends wire.Kobold {
  /** Returns the number of tokens of a text. */
  countTokens(prompt: string, options?: CallOptions): Answer<{ value: number; ids?: number[] }>;
  /** Returns the default number of tokens to generate. */
  maxLength(options?: CallOptions): Answer<{ value: number }>;
  /** Returns the context size, in tokens. */
  maxContextLength(options?: CallOptions): Answer<{ value: number }>;
  /** Returns the version of the API. */
  version(options?: CallOptions): Answer<{ result: string }>;
  /** Returns the name and version of the server. */
  extraVersion(options?: CallOptions): Answer<{ result: string; version: string }>;
}
