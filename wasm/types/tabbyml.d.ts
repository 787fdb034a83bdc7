/**
 * A client for TabbyML/tabby, the self-hosted coding assistant, and a session for editors. This is a different server than the one of the
 * package's main entry point. Requests and responses are plain objects with the field names of the wire.
 *
 * ```ts
 * import { TabbyML } from "tabbyapi/tabbyml";
 *
 * const tabby = new TabbyML({ baseURL: "http://127.0.0.1:8080", token: "auth_…" });
 * const segments = { prefix: "def fib(n):\n    ", suffix: "\n", filepath: "fib.py" };
 * const completion = await tabby.completions.create({ language: "python", segments });
 * console.log(completion.choices[0]?.text);
 * ```
 */
import type { Answer, CallOptions, ChatChunk, ChatCompletion, ChatRequest as AnyChatRequest, MessageStream, ModuleSource, ServerStatus, TabbyOptions } from "./index.js";

export { MessageStream, Stream, TabbyError } from "./index.js";
export type { Answer, Breaker, CallOptions, ChatChunk, ChatCompletion, ChatMessage, Concurrency, RateLimit, ServerStatus } from "./index.js";

/** Loads the WebAssembly module of this entry point. Calls do this automatically. Call it to load early, or to pass a module. */
export function init(options?: {
  /** The module `tabbyapi/tabbyml.wasm`: compiled, its bytes, a `Response` with them, or its address. Set it before the first call. */
  module?: ModuleSource | Promise<ModuleSource> | undefined;
}): Promise<void>;

/** A client of one server. Creating one sends and loads nothing. */
export class TabbyML {
  /** Throws a `TabbyError` if an option is invalid. */
  constructor(options: TabbyMLOptions);
  /** Code completions. */
  readonly completions: Completions;
  /** Conversations. */
  readonly chat: Chat;
  /** Events about completions, for the statistics of the server. */
  readonly events: Events;
  /** Health and capabilities of the server. */
  readonly health: Health;
  /** The available models. */
  readonly models: Models;
  /** The server's settings for clients. */
  readonly serverSetting: ServerSettings;
  /** Your documents for the server's index. */
  readonly ingestion: Ingestion;
  /** The GraphQL API of servers with accounts, which includes search in code and documents. */
  readonly graphql: GraphQl;
  /**
   * Returns which server is at the address: TabbyML/tabby (`tabbyml`), theroyallab/tabbyAPI (`tabbyapi`), or another one (`other`).
   * Rejects if no server answers.
   */
  detect(options?: CallOptions): Promise<ServerKind>;
  /**
   * Returns another client with the options of this one, overridden by these. Both clients share server, tokens, limits and breaker, unless the
   * options set others. Shared limits apply to the calls of both together.
   */
  withOptions(options: Partial<TabbyMLOptions>): TabbyML;
  /** Returns the state of the server, as seen by the calls of this client, as a list of one element. Sends nothing. */
  servers(): Promise<ServerStatus[]>;
  /** Returns the number of calls that wait for the server, because of `concurrency` or `rateLimit`. */
  waiting(): Promise<number>;
}

/**
 * The rate limit of a TabbyML server: 120 requests in 60,000 ms for each user, shared by all of the user's clients. A client with
 * `rateLimit: RATE_LIMIT` stays within it and waits when it is full; with `{ ...RATE_LIMIT, whenFull: "refuse" }` it fails at once with code
 * `rate_limited`. The server does not count `GET /v1/health`, GraphQL and ingestion; this limit does. Requests of the
 * user's other clients are not counted.
 */
export const RATE_LIMIT: Readonly<{ requests: number; interval: number }>;

/** Which server answers at an address. */
export type ServerKind = "tabbyml" | "tabbyapi" | "other";

/** Settings of a client. */
export interface TabbyMLOptions extends Omit<TabbyOptions, "servers" | "balance" | "apiKey" | "adminKey" | "bearer" | "getKey" | "preferAdminKey"> {
  /** The token of a user (wire: `Authorization: Bearer`), which the server's home page shows, or an access token from `graphql.signIn`. */
  token?: string | undefined;
  /** The registration token. Ingestion requires it. It is not sent with other requests. */
  registrationToken?: string | undefined;
  /**
   * A source of tokens, in place of fixed tokens. It is called once for all calls, and its tokens are cached until they expire. After a 401 it is
   * called again, and the request is repeated once.
   */
  getToken?: ((wanted: TokenRequest) => Token | string | null | undefined | Promise<Token | string | null | undefined>) | undefined;
}

/** The required token. */
export interface TokenRequest {
  /** The token of a user, or the registration token. */
  kind: "user" | "registration";
  /** Whether the server rejected the previous token. */
  rejected: boolean;
}

/** A token from a source. */
export interface Token {
  /** The token. */
  token: string;
  /** The lifetime of the token in milliseconds; unlimited by default. */
  expiresIn?: number | undefined;
}

/** Code completions. */
export interface Completions {
  /**
   * Completes the code at the cursor. Aborting the call cancels it on the server. The server never streams completions. An empty text can also mean
   * that the server's model backend failed, so it is not final.
   *
   * Codes: `no_completion_model`, `request_timeout`, `request_too_large`, `bad_request`, `validation_failed`, `unauthorized`, `rate_limited`,
   * `not_found`.
   */
  create(request: CompletionRequest, options?: CallOptions): Answer<CompletionResponse>;
}

/** A position in code to complete. Null fields are not sent, since the server rejects null for some fields. */
export interface CompletionRequest {
  /** The language, as a VS Code language id, such as `python`. It selects stop words and the comment syntax. */
  language?: string | undefined;
  /** The code around the cursor. Required, unless `debug_options` has a raw prompt. */
  segments?: Segments | undefined;
  /** The user. A server with accounts replaces it with the id of the token's user. */
  user?: string | undefined;
  /** The temperature; the server's default is 0.1. */
  temperature?: number | undefined;
  /** The seed, from 0; depends on the time by default. */
  seed?: number | undefined;
  /** The mode: complete the code at the cursor, or predict the next edit, which requires `segments.edit_history`. Since 0.29. */
  mode?: "standard" | "next_edit_suggestion" | undefined;
  /** Debug options. */
  debug_options?: DebugOptions | undefined;
  /** Fields that the types do not declare. */
  extra_body?: Record<string, unknown> | undefined;
}

/**
 * The code around the cursor. By default, the server keeps only the last 1,536 bytes of the prompt: a longer suffix
 * removes the whole prefix. `CompletionSession.trim` limits both.
 */
export interface Segments {
  /** The code before the cursor; may be empty. */
  prefix: string;
  /** The code after the cursor. */
  suffix?: string | undefined;
  /** The path of the file, relative to the root of the repository if `git_url` is set, else to the workspace. Since 0.10. */
  filepath?: string | undefined;
  /** The URL of the repository's remote. The server adds snippets of an indexed repository with the same name. Since 0.10. */
  git_url?: string | undefined;
  /** The text on the clipboard. The server logs it and does not use it. */
  clipboard?: string | undefined;
  /** Declarations of symbols that the code uses. Since 0.10. */
  declarations?: Declaration[] | undefined;
  /** Snippets of recently changed files. Since 0.10. */
  relevant_snippets_from_changed_files?: Snippet[] | undefined;
  /** Snippets of recently opened files. Since 0.19. */
  relevant_snippets_from_recently_opened_files?: Snippet[] | undefined;
  /** The edits from which the next edit is predicted. Since 0.29. */
  edit_history?: EditHistory | undefined;
}

/** A declaration of a symbol. */
export interface Declaration {
  /** The path of its file. */
  filepath: string;
  /** Its code. */
  body: string;
}

/** A piece of another file. */
export interface Snippet {
  /** The path of its file. */
  filepath: string;
  /** Its code. */
  body: string;
  /** The relevance. The server requires it, and uses 1 for snippets of clients. */
  score: number;
}

/** The edits from which the next edit is predicted. */
export interface EditHistory {
  /** The code before the edits. */
  original_code: string;
  /** The edits, as a unified diff. */
  edits_diff: string;
  /** The current code. */
  current_version: string;
}

/** Debug options of a completion. */
export interface DebugOptions {
  /** A prompt that is sent to the model unchanged. The segments are then ignored. */
  raw_prompt?: string | undefined;
  /** Whether to return the snippets that the server added; false by default. */
  return_snippets?: boolean | undefined;
  /** Whether to return the prompt; false by default. */
  return_prompt?: boolean | undefined;
  /** Whether to omit snippets of indexed repositories; false by default. */
  disable_retrieval_augmented_code_completion?: boolean | undefined;
}

/** A completion. */
export interface CompletionResponse {
  /** The id, for events about the completion. */
  id: string;
  /** The choices: exactly one on current servers, none on some others. */
  choices: { index: number; text: string }[];
  /** The data requested by `debug_options`. */
  debug_data?: { snippets?: Snippet[] | null; prompt?: string | null } | null;
  /** The mode. Servers before 0.29 do not send it. */
  mode?: string;
}

/** Conversations. */
export interface Chat {
  /**
   * Generates the next message of a conversation, and returns it whole. The server only streams, so this accumulates the stream. An error has the message
   * until then as `partial`.
   *
   * Codes: `no_chat_model`, `empty_stream` (the server's model backend failed), `stream_restarted` (the server lost it, and restarted the response),
   * `truncated`, `validation_failed`, `unauthorized`, `rate_limited`, `not_found`.
   */
  create(request: ChatRequest, options?: CallOptions): Answer<ChatCompletion>;
  /** Generates the next message of a conversation, and streams it. Leaving the loop ends the generation. */
  stream(request: ChatRequest, options?: CallOptions): MessageStream<ChatChunk, ChatCompletion>;
}

/** A conversation to continue. The server drops all other fields. */
export interface ChatRequest
  extends Pick<
    AnyChatRequest,
    | "messages"
    | "max_tokens"
    | "temperature"
    | "top_p"
    | "n"
    | "stop"
    | "frequency_penalty"
    | "presence_penalty"
    | "logit_bias"
    | "logprobs"
    | "top_logprobs"
    | "response_format"
    | "tools"
    | "tool_choice"
    | "stream_options"
    | "user"
  > {
  /** The seed. */
  seed?: number | undefined;
  /** The model. The server uses its default for `""`, which is sent while this is unset, and for models that it does not list. */
  model?: string | undefined;
  /** Fields that the types do not declare. */
  extra_body?: Record<string, unknown> | undefined;
}

/** Events about completions. Responses are empty. Each event is a separate request and counts against the limit of the user. */
export interface Events {
  /** Reports that a completion was shown. */
  view(event: CompletionEvent, options?: CallOptions): Answer<void>;
  /** Reports that a completion, or with `select_kind` a part of it, was accepted. */
  select(event: CompletionEvent & { select_kind?: "line" | undefined }, options?: CallOptions): Answer<void>;
  /** Reports that a completion was rejected. */
  dismiss(event: CompletionEvent, options?: CallOptions): Answer<void>;
  /** Reports an event with its type, such as the events of a session. */
  log(event: LogEvent, options?: CallOptions): Answer<void>;
}

/** An event about a completion. */
export interface CompletionEvent {
  /** The id of the completion. */
  completion_id: string;
  /** The index of the choice; 0 by default. */
  choice_index?: number | undefined;
  /** The id of this display of the completion. */
  view_id?: string | undefined;
  /** The time since it was shown, in milliseconds, rounded to integers. */
  elapsed?: number | undefined;
}

/** An event with its type. */
export interface LogEvent extends CompletionEvent {
  /** What happened. */
  type: "view" | "select" | "dismiss";
  /** For `select`: how much was accepted, a word, a line, or everything. */
  select_kind?: "line" | undefined;
}

/** Health and capabilities of the server. */
export interface Health {
  /** Returns the version and the models of the server. Without `model` it cannot complete code, without `chat_model` it cannot chat. */
  check(options?: CallOptions): Answer<HealthState>;
}

/** Health and capabilities of the server. */
export interface HealthState {
  /** The model that completes code. */
  model?: string | null;
  /** The model for chat. */
  chat_model?: string | null;
  /** The device of the chat model, if it differs. */
  chat_device?: string | null;
  /** The device of the models, such as `cpu` or `cuda`. */
  device: string;
  /** The models and where they run. Since 0.30. */
  models?: { completion?: ModelSource | null; chat?: ModelSource | null; embedding?: ModelSource | null };
  /** The version. `git_describe` is a tag such as `v0.31.2`, or any other text. */
  version: { build_date: string; build_timestamp: string; git_sha: string; git_describe: string };
  /** Whether the server has accounts. */
  webserver?: boolean | null;
  [field: string]: unknown;
}

/** Where a model runs. */
export interface ModelSource {
  /** On another server. */
  remote?: { kind: string; model_name?: string | null; api_endpoint: string };
  /** In the server itself. */
  local?: { model_id: string; device: string; cuda_devices?: string[] };
}

/** The available models. */
export interface Models {
  /** Returns the models that the server's HTTP backends are configured with. Since 0.19. */
  list(options?: CallOptions): Answer<{ completion?: string[] | null; chat?: string[] | null }>;
}

/** Settings for clients. */
export interface ServerSettings {
  /** Returns the settings. Since 0.9. */
  get(options?: CallOptions): Answer<{ disable_client_side_telemetry: boolean }>;
}

/** Your documents for the index of the server. Requires the registration token, a server with accounts, and version 0.29. */
export interface Ingestion {
  /** Adds a document, or replaces the one with the same source and id. The server accepts it, and indexes it later. */
  add(document: IngestionRequest, options?: CallOptions): Answer<{ id: string; source: string; message: string }>;
  /** Removes a document. Also succeeds if it does not exist. */
  delete(source: string, id: string, options?: CallOptions): Answer<void>;
  /** Removes all documents of a source. Also succeeds if there are none. */
  deleteSource(source: string, options?: CallOptions): Answer<void>;
}

/** A document. Lengths are counted in characters. */
export interface IngestionRequest {
  /** The source of the document; 1 to 256 characters. */
  source: string;
  /** Its id in the source; 1 to 256 characters. */
  id: string;
  /** Its title; 1 to 65,535 characters. */
  title: string;
  /** Its text. */
  body: string;
  /** Its URL. */
  link?: string | undefined;
  /** How long it is kept, such as `90d` or `12h 30m`; 90 days by default. */
  ttl?: string | undefined;
}

/**
 * The GraphQL API. The server reports errors with status 200. The error code is the server's code in lower case, such as `unauthorized` or `forbidden`,
 * or `graphql_error`. Most fields reject the token of a user, and accept the access token of `signIn`. The methods here accept both, unless noted
 * otherwise.
 */
export interface GraphQl {
  /** Sends a GraphQL document, and returns its `data`. */
  query<T = Record<string, unknown>>(document: string, variables?: Record<string, unknown>, options?: CallOptions): Answer<T>;
  /** Returns the user of the token. */
  me(options?: CallOptions): Answer<{ id: string; email: string; name: string; isAdmin: boolean; isOwner: boolean; authToken: string }>;
  /** Returns the sources that can be searched: repositories, documents, pages. */
  contextInfo(options?: CallOptions): Answer<{ sources: { sourceId: string; sourceKind: string; sourceName: string }[] }>;
  /** Returns the repositories that the server has indexed. */
  repositories(options?: CallOptions): Answer<Repository[]>;
  /** Returns the files of a repository whose paths match the pattern. */
  searchFiles(search: RepositoryQuery & { pattern: string }, options?: CallOptions): Answer<FileMatch[]>;
  /**
   * Returns the lines of a repository that match the query: a regular expression, with the filters `f:` for file names and `lang:` for languages.
   * A leading `-` negates a filter.
   */
  grep(search: RepositoryQuery & { query: string }, options?: CallOptions): Answer<GrepOutput>;
  /** Returns the conversations of the user, page by page. */
  myThreads(page?: PageQuery, options?: CallOptions): Answer<Page<Thread>>;
  /** Returns the messages of a conversation, page by page. */
  threadMessages(page: PageQuery & { threadId: string }, options?: CallOptions): Answer<Page<ThreadMessage>>;
  /** Returns the indexing progress of documents, per source. Rejects the token of a user. */
  ingestionStatus(options?: CallOptions): Answer<{ source: string; pending: number; failed: number; total: number }[]>;
  /** Signs in with the password of an account. Returns an access token, which is valid for 30 minutes as `token`, and a refresh token. */
  signIn(account: { email: string; password: string }, options?: CallOptions): Answer<SessionTokens>;
  /** Returns new tokens for a refresh token. */
  refresh(refreshToken: string, options?: CallOptions): Answer<SessionTokens>;
}

/** Tokens of a session. */
export interface SessionTokens {
  /** The token of a client. */
  accessToken: string;
  /** The token for `refresh`. */
  refreshToken: string;
}

/** A repository that the server has indexed. */
export interface Repository {
  id: string;
  sourceId: string;
  sourceName: string;
  name: string;
  /** Such as `GIT` or `GITHUB`. */
  kind: string;
  gitUrl: string;
  refs: { name: string; commit: string }[];
}

/** The repository to search. */
export interface RepositoryQuery {
  /** The kind of the repository, as in `repositories`. */
  kind: string;
  /** Its id. */
  id: string;
  /** The revision, such as a branch; the indexed revision by default. */
  rev?: string | undefined;
}

/** A file with a matching path. */
export interface FileMatch {
  type: string;
  path: string;
  /** The positions of the matched characters. */
  indices: number[];
}

/** Matching lines. */
export interface GrepOutput {
  elapsedMs: number;
  files: {
    path: string;
    lines: {
      lineNumber: number;
      byteOffset: number;
      /** The line, as text or, if it is not UTF-8, in Base64. */
      line: { text?: string | null; base64?: string | null };
      subMatches: { bytesStart: number; bytesEnd: number }[];
    }[];
  }[];
}

/** The requested page. */
export interface PageQuery {
  /** The cursor after which the page begins: `pageInfo.endCursor` of the previous page. */
  after?: string | undefined;
  /** The maximum number of entries. */
  first?: number | undefined;
}

/** A page of a list. */
export interface Page<T> {
  edges: { cursor: string; node: T }[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

/** A conversation of the server's own chat. */
export interface Thread {
  id: string;
  userId: string;
  isEphemeral: boolean;
  createdAt: string;
  updatedAt: string;
}

/** A message of a conversation. */
export interface ThreadMessage {
  id: string;
  threadId: string;
  role: string;
  content: string;
  createdAt: string;
  updatedAt: string;
}

/**
 * Decides for one cursor when to request completions, what to send, what to show and which events to report. It has no IO and no clock. Report
 * what happens with the time in milliseconds, from a clock that never goes back, and carry out the actions of `poll` until it returns `wait`. All lengths
 * count UTF-16 units, like strings.
 */
export class CompletionSession {
  private constructor();
  /** Loads the module if needed, and opens a session. Rejects if a setting is invalid. */
  static open(settings?: SessionSettings): Promise<CompletionSession>;
  /**
   * Reports that the document or the cursor has changed. If the user typed the beginning of what is shown, the rest stays shown. Otherwise it is
   * dismissed, the current request is cancelled, and another one is scheduled, unless a completion is cached.
   */
  edit(now: number, cursor: Cursor): void;
  /** Reports that the user asked for a completion, which is then requested at once. */
  trigger(now: number, cursor: Cursor): void;
  /** Reports that completions are not needed for now, such as when the editor loses the focus. */
  stop(now: number): void;
  /** Returns the next action. */
  poll(now: number): Action;
  /** Reports the response to a request. Responses to cancelled requests are ignored. */
  answered(now: number, id: number, response: Pick<CompletionResponse, "id" | "choices">): void;
  /** Reports that a request failed. After `rate_limited`, no automatic requests are made for `pause`. */
  failed(now: number, id: number, error: unknown): void;
  /** Reports that the suggestion is shown. */
  shown(now: number): void;
  /** Reports that the user accepted the suggestion, or this many characters from its beginning; then the rest stays shown. */
  accepted(now: number, length?: number): void;
  /** Reports that the user rejected the suggestion. */
  dismissed(now: number): void;
  /** The suggestion that is shown, or about to be shown. */
  get suggestion(): Suggestion | undefined;
  /** Returns segments within the session's budget, such as after declarations were added to those of a request. */
  trim(segments: Segments): Segments;
  /** Frees the session. Otherwise, garbage collection frees it. */
  close(): void;
}

/** A position in a file. */
export interface Cursor {
  /** The language, as a VS Code language id. */
  language: string;
  /** The path of the file. */
  filepath: string;
  /** The text of the file before the cursor. */
  prefix: string;
  /** The text after it. */
  suffix: string;
}

/** An action for the editor. */
export type Action =
  /** Send this request, and report the response with `answered` or `failed`. */
  | { type: "send"; id: number; request: CompletionRequest }
  /** Abort the call of this request. */
  | { type: "cancel"; id: number }
  /** Show this suggestion instead of the current one, and report it with `shown`. */
  | { type: "show"; suggestion: Suggestion }
  /** Remove the suggestion. */
  | { type: "hide" }
  /** Send this event with `events.log`; its result does not matter. */
  | { type: "report"; event: LogEvent }
  /** Nothing to do until the editor reports something, or until this time; `Infinity` if there is none. */
  | { type: "wait"; until: number };

/** A completion to show at the cursor. */
export interface Suggestion {
  /** The text to insert. */
  text: string;
  /** The number of characters after the cursor that it replaces: brackets at the end of the line that the text repeats. */
  replace: number;
  /** The id of the completion. */
  completion_id: string;
}

/** Settings of a session. Times are in milliseconds. */
export interface SessionSettings {
  /** A fixed delay before a request. By default it adapts to the rhythm of typing, between 100 and 1,000. */
  debounce?: number | undefined;
  /** Limits on the code that is sent. */
  budget?: SegmentBudget | undefined;
  /** The rules that remove parts of completions: all by default, none with `false`. */
  cleanup?: Cleanup | boolean | undefined;
  /** The number of cached completions; 100 by default. */
  cached?: number | undefined;
  /** How long they are cached; 300,000 by default. */
  cachedFor?: number | undefined;
  /** How long no automatic requests are made after the server answered 429; 30,000 by default. */
  pause?: number | undefined;
}

/** Limits for the segments of a request. */
export interface SegmentBudget {
  /** The maximum number of lines before the cursor; 20 by default. */
  prefixLines?: number | undefined;
  /** The maximum number of lines after the cursor; 20 by default. */
  suffixLines?: number | undefined;
  /** The maximum number of bytes before the cursor; 1,024 by default. */
  prefixBytes?: number | undefined;
  /** The maximum number of bytes after the cursor; 448 by default. */
  suffixBytes?: number | undefined;
  /** The maximum number of declarations; 5 by default. */
  declarations?: number | undefined;
  /** The maximum number of snippets of changed files; 3 by default. */
  changed?: number | undefined;
  /** The maximum number of snippets of opened files; 5 by default. */
  opened?: number | undefined;
  /** The maximum size of each declaration or snippet, in bytes; 500 by default. */
  snippetBytes?: number | undefined;
  /** The maximum size of all of them, in bytes; 768 by default. */
  contextBytes?: number | undefined;
}

/** Rules that remove parts of a completion that a user would have to remove. */
export interface Cleanup {
  /** In the middle of a line, keeps one line. */
  singleLine?: boolean | undefined;
  /** Drops a completion whose first lines repeat the lines after the cursor. */
  similar?: boolean | undefined;
  /** Removes lines at the end that repeat the lines after the cursor. */
  suffix?: boolean | undefined;
  /** Removes brackets and lines that close a block that is already closed after the cursor. */
  closedBlocks?: boolean | undefined;
  /** Removes everything after the block of the cursor, by indentation. */
  scope?: boolean | undefined;
  /** Removes repetitions at the end. */
  repetition?: boolean | undefined;
  /** Removes spaces at both ends where the code already has some. */
  blanks?: boolean | undefined;
  /** The minimum number of characters to show; 4 by default. */
  least?: number | undefined;
}
