/**
 * A client for servers of TabbyML/tabby, the self-hosted coding assistant, and a session for editors. It is another server than the one that the
 * package's first entry is for. Requests and answers are plain objects with the names that they have on the wire.
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

/** Loads the WebAssembly module of this entry. Calls do it by themselves; this does it early, or takes a module that you bring. */
export function init(options?: {
  /** The module `tabbyapi/tabbyml.wasm`: compiled, its bytes, a `Response` with them, or its address. Give it before the first call. */
  module?: ModuleSource | Promise<ModuleSource> | undefined;
}): Promise<void>;

/** A client of one server. Making one sends nothing and loads nothing. */
export class TabbyML {
  /** Throws a `TabbyError` if an option cannot be used. */
  constructor(options: TabbyMLOptions);
  /** Code completions. */
  readonly completions: Completions;
  /** Conversations. */
  readonly chat: Chat;
  /** What happened to completions, for the statistics of the server. */
  readonly events: Events;
  /** What the server is and what it can do. */
  readonly health: Health;
  /** The models that it offers. */
  readonly models: Models;
  /** Its settings for clients. */
  readonly serverSetting: ServerSettings;
  /** Documents of yours for its index. */
  readonly ingestion: Ingestion;
  /** The GraphQL API of servers with accounts. Search in code and documents is only here. */
  readonly graphql: GraphQl;
  /**
   * Returns which server is at the address: this one (`tabbyml`), the other one that is called TabbyAPI (`tabbyapi`), or something else (`other`).
   * Rejects if no server answers.
   */
  detect(options?: CallOptions): Promise<ServerKind>;
  /**
   * Returns another client with the options of this one, overridden by these. Unless they name another server, tokens, limits or a breaker, both share
   * these: the limits hold for the calls of both together.
   */
  withOptions(options: Partial<TabbyMLOptions>): TabbyML;
  /** Returns the state of the server, as seen by the calls of this client: a list of one. Sends nothing. */
  servers(): Promise<ServerStatus[]>;
  /** Returns how many calls wait for the server, because of `concurrency` or `rateLimit`. */
  waiting(): Promise<number>;
}

/**
 * The rate limit of a TabbyML server: 120 requests in 60,000 ms for each user, shared by all of the user's clients. A client with
 * `rateLimit: RATE_LIMIT` stays within it and waits when it is full; with `{ ...RATE_LIMIT, whenFull: "refuse" }` it fails at once with code
 * `rate_limited`. The server does not count `GET /v1/health`, GraphQL and ingestion; this limit does. Requests of the
 * user's other clients are not taken into account.
 */
export const RATE_LIMIT: Readonly<{ requests: number; interval: number }>;

/** Which server answers at an address. */
export type ServerKind = "tabbyml" | "tabbyapi" | "other";

/** Settings of a client. */
export interface TabbyMLOptions extends Omit<TabbyOptions, "servers" | "balance" | "apiKey" | "adminKey" | "bearer" | "getKey" | "preferAdminKey"> {
  /** The token of a user (wire: `Authorization: Bearer`), which the server's home page shows, or an access token of `graphql.signIn`. */
  token?: string | undefined;
  /** The registration token, which ingestion requires and which is sent for nothing else. */
  registrationToken?: string | undefined;
  /**
   * Tokens from elsewhere, in place of fixed ones: asked once for all calls, kept until they expire, and asked again after a 401, upon which the
   * request is sent once more.
   */
  getToken?: ((wanted: TokenRequest) => Token | string | null | undefined | Promise<Token | string | null | undefined>) | undefined;
}

/** Which token is needed. */
export interface TokenRequest {
  /** That of a user, or the registration token. */
  kind: "user" | "registration";
  /** Whether the server refused the previous one. */
  rejected: boolean;
}

/** A token from elsewhere. */
export interface Token {
  /** The token. */
  token: string;
  /** After how many milliseconds it expires; never by default. */
  expiresIn?: number | undefined;
}

/** Code completions. */
export interface Completions {
  /**
   * Completes the code at the cursor. Aborting the call cancels it on the server. The server never streams completions. An empty text can mean that
   * its model backend failed, so it is not final.
   *
   * Codes: `no_completion_model`, `request_timeout`, `request_too_large`, `bad_request`, `validation_failed`, `unauthorized`, `rate_limited`,
   * `not_found`.
   */
  create(request: CompletionRequest, options?: CallOptions): Answer<CompletionResponse>;
}

/** A place in some code that is to be completed. Fields that are null are left out, as the server refuses null for some. */
export interface CompletionRequest {
  /** The language, by the ids of VS Code, such as `python`. It selects stop words and the syntax of comments. */
  language?: string | undefined;
  /** The code around the cursor. Required, unless `debug_options` has a raw prompt. */
  segments?: Segments | undefined;
  /** The user. A server with accounts replaces it by the id of the user that the token belongs to. */
  user?: string | undefined;
  /** The temperature; the server's default is 0.1. */
  temperature?: number | undefined;
  /** The seed, from 0 on; by default one that depends on the time. */
  seed?: number | undefined;
  /** What is completed: the code at the cursor, or its next edit, which requires `segments.edit_history`. Since 0.29. */
  mode?: "standard" | "next_edit_suggestion" | undefined;
  /** What is reported about the completion. */
  debug_options?: DebugOptions | undefined;
  /** Fields that the types do not name. */
  extra_body?: Record<string, unknown> | undefined;
}

/**
 * The code around the cursor. The server cuts the prompt to its last 1,536 bytes by default, from the front: a suffix that is longer than that
 * removes the whole prefix. `CompletionSession.trim` bounds both.
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
  /** Snippets of files that were changed lately. Since 0.10. */
  relevant_snippets_from_changed_files?: Snippet[] | undefined;
  /** Snippets of files that were opened lately. Since 0.19. */
  relevant_snippets_from_recently_opened_files?: Snippet[] | undefined;
  /** The edits that the next one is predicted from. Since 0.29. */
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
  /** How relevant it is. The server requires it, and takes 1 for snippets that it is sent. */
  score: number;
}

/** The edits that the next one is predicted from. */
export interface EditHistory {
  /** The code before the edits. */
  original_code: string;
  /** The edits, as a unified diff. */
  edits_diff: string;
  /** The code as it is now. */
  current_version: string;
}

/** What is reported about a completion. */
export interface DebugOptions {
  /** A prompt that is sent to the model as it is; the segments are ignored then. */
  raw_prompt?: string | undefined;
  /** Whether to return the snippets that the server added; false by default. */
  return_snippets?: boolean | undefined;
  /** Whether to return the prompt; false by default. */
  return_prompt?: boolean | undefined;
  /** Whether to leave snippets of indexed repositories out; false by default. */
  disable_retrieval_augmented_code_completion?: boolean | undefined;
}

/** A completion. */
export interface CompletionResponse {
  /** The id, which events about the completion name. */
  id: string;
  /** The choices: exactly one on current servers, none on some others. */
  choices: { index: number; text: string }[];
  /** What `debug_options` asked for. */
  debug_data?: { snippets?: Snippet[] | null; prompt?: string | null } | null;
  /** The mode. Servers before 0.29 do not send it. */
  mode?: string;
}

/** Conversations. */
export interface Chat {
  /**
   * Generates the next message of a conversation, and returns it whole. The server only streams; this adds its stream up. An error has the message
   * until then as `partial`.
   *
   * Codes: `no_chat_model`, `empty_stream` (the server's model backend failed), `stream_restarted` (the server lost it, and began the answer again),
   * `truncated`, `validation_failed`, `unauthorized`, `rate_limited`, `not_found`.
   */
  create(request: ChatRequest, options?: CallOptions): Answer<ChatCompletion>;
  /** Generates the next message of a conversation, and streams it. Leaving the stream ends the generation. */
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
  /** Fields that the types do not name. */
  extra_body?: Record<string, unknown> | undefined;
}

/** What happened to completions. The server answers nothing; each event is a request of its own and counts against the limit of the user. */
export interface Events {
  /** Reports that a completion was shown. */
  view(event: CompletionEvent, options?: CallOptions): Answer<void>;
  /** Reports that a completion, or with `select_kind` a part of it, was accepted. */
  select(event: CompletionEvent & { select_kind?: "line" | undefined }, options?: CallOptions): Answer<void>;
  /** Reports that a completion was rejected. */
  dismiss(event: CompletionEvent, options?: CallOptions): Answer<void>;
  /** Reports an event that has its type itself, such as those of a session. */
  log(event: LogEvent, options?: CallOptions): Answer<void>;
}

/** An event about a completion. */
export interface CompletionEvent {
  /** The id of the completion. */
  completion_id: string;
  /** The number of the choice; 0 by default. */
  choice_index?: number | undefined;
  /** The id of this display of the completion. */
  view_id?: string | undefined;
  /** The milliseconds since it was shown, rounded to whole ones. */
  elapsed?: number | undefined;
}

/** An event with its type. */
export interface LogEvent extends CompletionEvent {
  /** What happened. */
  type: "view" | "select" | "dismiss";
  /** How much was accepted, of a `select`: a word or a line of it, or all of it. */
  select_kind?: "line" | undefined;
}

/** What the server is. */
export interface Health {
  /** Returns what the server is and which models it has. Without `model` it completes no code, without `chat_model` there is no chat. */
  check(options?: CallOptions): Answer<HealthState>;
}

/** What the server is. */
export interface HealthState {
  /** The model that completes code. */
  model?: string | null;
  /** The model for chat. */
  chat_model?: string | null;
  /** The device of the model for chat, if it is another one. */
  chat_device?: string | null;
  /** What models run on, such as `cpu` or `cuda`. */
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
  /** At another server. */
  remote?: { kind: string; model_name?: string | null; api_endpoint: string };
  /** In the server itself. */
  local?: { model_id: string; device: string; cuda_devices?: string[] };
}

/** The models that are offered. */
export interface Models {
  /** Returns the models that the server's HTTP backends are configured with. Since 0.19. */
  list(options?: CallOptions): Answer<{ completion?: string[] | null; chat?: string[] | null }>;
}

/** Settings for clients. */
export interface ServerSettings {
  /** Returns them. Since 0.9. */
  get(options?: CallOptions): Answer<{ disable_client_side_telemetry: boolean }>;
}

/** Documents of yours for the index of the server. Requires the registration token, a server with accounts, and version 0.29. */
export interface Ingestion {
  /** Adds a document, or replaces the one with the same source and id. The server accepts it, and indexes it later. */
  add(document: IngestionRequest, options?: CallOptions): Answer<{ id: string; source: string; message: string }>;
  /** Removes a document. Succeeds if there is none, too. */
  delete(source: string, id: string, options?: CallOptions): Answer<void>;
  /** Removes all documents of a source. Succeeds if there are none, too. */
  deleteSource(source: string, options?: CallOptions): Answer<void>;
}

/** A document. Lengths are counted in characters. */
export interface IngestionRequest {
  /** What the document belongs to; 1 to 256 characters. */
  source: string;
  /** Its id in the source; 1 to 256 characters. */
  id: string;
  /** Its title; 1 to 65,535 characters. */
  title: string;
  /** Its text. */
  body: string;
  /** Where it can be read. */
  link?: string | undefined;
  /** How long it is kept, such as `90d` or `12h 30m`; 90 days by default. */
  ttl?: string | undefined;
}

/**
 * The GraphQL API. The server reports errors with status 200; their code is that of the server in lower case, such as `unauthorized` or `forbidden`,
 * or `graphql_error`. Most fields refuse the token of a user, and take the access token of `signIn` instead; those here take both, unless they say
 * otherwise.
 */
export interface GraphQl {
  /** Sends a document of yours, and returns its `data`. */
  query<T = Record<string, unknown>>(document: string, variables?: Record<string, unknown>, options?: CallOptions): Answer<T>;
  /** Returns the user that the token belongs to. */
  me(options?: CallOptions): Answer<{ id: string; email: string; name: string; isAdmin: boolean; isOwner: boolean; authToken: string }>;
  /** Returns what can be searched: repositories, documents, pages. */
  contextInfo(options?: CallOptions): Answer<{ sources: { sourceId: string; sourceKind: string; sourceName: string }[] }>;
  /** Returns the repositories that the server has indexed. */
  repositories(options?: CallOptions): Answer<Repository[]>;
  /** Returns the files of a repository whose paths match the pattern. */
  searchFiles(search: RepositoryQuery & { pattern: string }, options?: CallOptions): Answer<FileMatch[]>;
  /**
   * Returns the lines of a repository that match the query: a regular expression, with the filters `f:` for file names and `lang:` for languages.
   * A leading `-` negates one.
   */
  grep(search: RepositoryQuery & { query: string }, options?: CallOptions): Answer<GrepOutput>;
  /** Returns the conversations of the user, page by page. */
  myThreads(page?: PageQuery, options?: CallOptions): Answer<Page<Thread>>;
  /** Returns the messages of a conversation, page by page. */
  threadMessages(page: PageQuery & { threadId: string }, options?: CallOptions): Answer<Page<ThreadMessage>>;
  /** Returns how far documents are indexed, by source. Refuses the token of a user. */
  ingestionStatus(options?: CallOptions): Answer<{ source: string; pending: number; failed: number; total: number }[]>;
  /** Signs in with the password of an account, and returns an access token, which is good for 30 minutes as `token`, and a refresh token. */
  signIn(account: { email: string; password: string }, options?: CallOptions): Answer<SessionTokens>;
  /** Returns new tokens for a refresh token. */
  refresh(refreshToken: string, options?: CallOptions): Answer<SessionTokens>;
}

/** Tokens of a session. */
export interface SessionTokens {
  /** The token of a client. */
  accessToken: string;
  /** What brings new ones. */
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

/** Where to search. */
export interface RepositoryQuery {
  /** The kind of the repository, as in `repositories`. */
  kind: string;
  /** Its id. */
  id: string;
  /** The revision, such as a branch; that of the index by default. */
  rev?: string | undefined;
}

/** A file whose path matches. */
export interface FileMatch {
  type: string;
  path: string;
  /** The places of the characters that matched. */
  indices: number[];
}

/** Lines that match. */
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

/** Which page is asked for. */
export interface PageQuery {
  /** The cursor after which it begins: `pageInfo.endCursor` of the one before. */
  after?: string | undefined;
  /** How many entries it has at most. */
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

/** A message of one. */
export interface ThreadMessage {
  id: string;
  threadId: string;
  role: string;
  content: string;
  createdAt: string;
  updatedAt: string;
}

/**
 * Decides for one cursor when to ask for completions, what to send, what to show and which events to report. It does no IO and has no clock: report
 * what happens with the time in milliseconds, of a clock that never goes back, and do what `poll` returns until that is `wait`. All lengths count
 * UTF-16 units, as strings do.
 */
export class CompletionSession {
  private constructor();
  /** Loads the module if it is not loaded, and opens a session. Rejects if a setting cannot be used. */
  static open(settings?: SessionSettings): Promise<CompletionSession>;
  /**
   * Reports that the document or the cursor has changed. If the user typed the beginning of what is shown, the rest stays shown. Otherwise it is
   * dismissed, the request that is under way is cancelled, and another one is scheduled, unless a completion is known already.
   */
  edit(now: number, cursor: Cursor): void;
  /** Reports that the user asks for a completion: it is requested at once. */
  trigger(now: number, cursor: Cursor): void;
  /** Reports that completions are of no use for now, such as when the editor loses the focus. */
  stop(now: number): void;
  /** Returns what is to be done next. */
  poll(now: number): Action;
  /** Reports the response to a request. One that was cancelled is ignored. */
  answered(now: number, id: number, response: Pick<CompletionResponse, "id" | "choices">): void;
  /** Reports that a request failed. After a `rate_limited` nothing is asked for by itself for `pause`. */
  failed(now: number, id: number, error: unknown): void;
  /** Reports that the suggestion is shown. */
  shown(now: number): void;
  /** Reports that the user accepted the suggestion, or so many characters from its beginning; the rest stays shown then. */
  accepted(now: number, length?: number): void;
  /** Reports that the user rejected the suggestion. */
  dismissed(now: number): void;
  /** What is shown, or about to be. */
  get suggestion(): Suggestion | undefined;
  /** Returns segments within the session's budget, such as after declarations were added to those of a request. */
  trim(segments: Segments): Segments;
  /** Frees the session. One that is forgotten is freed by the host in time. */
  close(): void;
}

/** A place in a file. */
export interface Cursor {
  /** The language, by the ids of VS Code. */
  language: string;
  /** The path of the file. */
  filepath: string;
  /** The text of the file before the cursor. */
  prefix: string;
  /** The text after it. */
  suffix: string;
}

/** What the editor is to do. */
export type Action =
  /** Send this request, and report the response with `answered` or `failed`. */
  | { type: "send"; id: number; request: CompletionRequest }
  /** Abort the call of this request. */
  | { type: "cancel"; id: number }
  /** Show this in place of what is shown, and report it with `shown`. */
  | { type: "show"; suggestion: Suggestion }
  /** Remove what is shown. */
  | { type: "hide" }
  /** Send this event with `events.log`; its result does not matter. */
  | { type: "report"; event: LogEvent }
  /** There is nothing to do until the editor reports something, or until this time; `Infinity` if there is none. */
  | { type: "wait"; until: number };

/** A completion to be shown at the cursor. */
export interface Suggestion {
  /** The text to insert. */
  text: string;
  /** How many characters after the cursor it replaces: brackets at the end of the line that it has itself. */
  replace: number;
  /** The id of the completion. */
  completion_id: string;
}

/** What a session is opened with. Times are in milliseconds. */
export interface SessionSettings {
  /** A fixed delay before a request. By default it adapts to the rhythm of typing, between 100 and 1,000. */
  debounce?: number | undefined;
  /** How much of the code is sent. */
  budget?: SegmentBudget | undefined;
  /** Which rules remove something from completions: all by default, none with `false`. */
  cleanup?: Cleanup | boolean | undefined;
  /** How many completions are kept; 100 by default. */
  cached?: number | undefined;
  /** How long they are kept; 300,000 by default. */
  cachedFor?: number | undefined;
  /** How long nothing is asked for by itself after the server answered 429; 30,000 by default. */
  pause?: number | undefined;
}

/** Limits for the segments of a request. */
export interface SegmentBudget {
  /** The most lines before the cursor; 20 by default. */
  prefixLines?: number | undefined;
  /** The most lines after the cursor; 20 by default. */
  suffixLines?: number | undefined;
  /** The most bytes before the cursor; 1,024 by default. */
  prefixBytes?: number | undefined;
  /** The most bytes after the cursor; 448 by default. */
  suffixBytes?: number | undefined;
  /** The most declarations; 5 by default. */
  declarations?: number | undefined;
  /** The most snippets of changed files; 3 by default. */
  changed?: number | undefined;
  /** The most snippets of opened files; 5 by default. */
  opened?: number | undefined;
  /** The most bytes of each declaration or snippet; 500 by default. */
  snippetBytes?: number | undefined;
  /** The most bytes of all of them; 768 by default. */
  contextBytes?: number | undefined;
}

/** Rules that remove from a completion what a user would have to remove. */
export interface Cleanup {
  /** In the middle of a line, keeps one line. */
  singleLine?: boolean | undefined;
  /** Drops a completion whose first lines are those that follow the cursor. */
  similar?: boolean | undefined;
  /** Removes lines at the end that are the next lines after the cursor. */
  suffix?: boolean | undefined;
  /** Removes brackets and lines that close a block which is closed after the cursor already. */
  closedBlocks?: boolean | undefined;
  /** Removes what follows the block in which the cursor is, by indentation. */
  scope?: boolean | undefined;
  /** Removes an end that repeats itself. */
  repetition?: boolean | undefined;
  /** Removes blanks at both ends where the code has some. */
  blanks?: boolean | undefined;
  /** The fewest characters that are worth showing; 4 by default. */
  least?: number | undefined;
}
