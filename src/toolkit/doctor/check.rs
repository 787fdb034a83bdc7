//! The checks: what each finding means, why it matters and what to do, written once.

use serde::Serialize;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Severity {
    /// Informative. Nothing breaks.
    Note,
    /// Some clients or some requests break.
    Warning,
    /// Requests fail, or responses cannot be trusted.
    Error,
}

impl Severity {
    /// Returns `note`, `warning` or `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// One check, and what a finding of it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// The name of the finding, such as `done-missing`. It does not change in later versions.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Why it matters.
    pub why: &'static str,
    /// Which clients it breaks.
    pub breaks: &'static str,
    /// What to do.
    pub fix: &'static str,
}

const ALL: &str = "all clients";
const STREAMS: &str = "all clients that stream";
const BROWSERS: &str = "browsers";
const STRICT: &str = "clients with typed answers, such as this library, OpenAI's SDKs and Pydantic models";
const SERVER: &str = "report it to the project of the server, with this report";
const PROXY: &str = "look for a proxy in between, and compare with an examination of the server's own address";

macro_rules! checks {
    ($($name:ident = $id:literal $severity:ident: $why:expr; $breaks:expr; $fix:expr;)*) => {
        $(pub(super) const $name: Check =
            Check { id: $id, severity: Severity::$severity, why: $why, breaks: $breaks, fix: $fix };)*

        /// All checks.
        pub const CHECKS: &[Check] = &[$($name),*];
    };
}

checks! {
    // The connection.
    UNREACHABLE = "unreachable" Error: "No connection was made."; ALL; "check that the server runs, and its host and port; TabbyAPI takes the next port if its own is in use";
    TLS = "tls" Error: "No TLS connection was made: the certificate was not accepted, or the port does not speak TLS."; ALL; "renew the certificate, or add its authority to the system's; for a server without TLS, write `http://`";
    PLAIN_KEY = "key-in-plain-text" Warning: "Keys and prompts cross the network unencrypted."; "no client, but everyone on the way can read the key"; "put a proxy with TLS in front, or use a tunnel";
    CONNECTION_CUT = "connection-cut" Error: "The connection ended before the answer did."; ALL; "look at the server's console and at the limits of proxies";
    ANSWER_LATE = "answer-late" Error: "The answer did not arrive within the limit of the check."; ALL; "look at the load of the server, and whether it hangs";
    SLOW_ANSWERS = "slow-answers" Note: "Answers without generation normally take milliseconds."; "clients with short timeouts"; "look at the load of the server and at the network";
    TIME_LIMIT = "time-limit" Warning: "The examination reached its time limit, and the rest was not checked."; "no client"; "allow more time, or find out why the server is slow";
    ANSWER_TOO_LARGE = "answer-too-large" Error: "The answer went on beyond the limit of the check."; "clients that limit the size of answers"; PROXY;
    CLOCK_SKEW = "clock-skew" Warning: "The clocks of server and client differ, so dates in `Retry-After` and logs are wrong."; "clients that compare times"; "set both clocks by NTP";
    DATE_MISSING = "date-missing" Note: "HTTP servers with a clock send `Date`."; "clients that compute from `Date`"; PROXY;

    // Which server it is.
    OTHER_SERVER = "other-server" Error: "The address belongs to another kind of server."; ALL; "check the address and the path prefix; give the address of the server itself";
    TABBYML = "tabbyml-server" Warning: "TabbyML/tabby is another server with other operations, though both are called TabbyAPI."; "clients for theroyallab/tabbyAPI"; "use a client for TabbyML, such as `tabby ml` or the module `tabbyml`";
    REDIRECT = "redirect" Error: "Clients must not send keys to another address."; "all clients that do not follow redirects, and those that drop the key or the body when they do"; "use the address it points to";
    HTML = "html" Error: "An HTML page arrived where JSON was expected."; ALL; "look for a login page or an error page of a proxy, and check the address";
    ROUTE_MISSING = "route-missing" Error: "A route that every TabbyAPI server has is missing."; "clients that use it"; "check the path prefix and the rules of proxies";
    STATUS_UNEXPECTED = "status-unexpected" Error: "TabbyAPI answers with another status here, and clients depend on it."; ALL; SERVER;
    SERVER_ERROR = "server-error" Error: "The server failed on a request that does no harm."; ALL; "look at the server's console for a traceback";

    // Keys.
    NO_KEY = "no-key" Warning: "The server requires a key and none was given, so most routes were not checked."; "no client"; "give the API key, and the admin key if there is one";
    KEY_REFUSED = "key-refused" Error: "The server refuses the key."; ALL; "compare the key with the server's `api_tokens.yml`";
    ADMIN_KEY_REFUSED = "admin-key-refused" Error: "The server refuses the admin key."; "clients that load models"; "compare the key with the server's `api_tokens.yml`";
    AUTH_DISABLED = "auth-disabled" Warning: "Everyone who reaches the server may load and unload models."; "no client"; "remove `disable_auth` from the server's configuration, or restrict access to the port";
    AUTH_ACCEPTS_ANYTHING = "auth-accepts-anything" Error: "The server refuses a missing key but accepts a wrong one."; "no client, but the key protects nothing"; SERVER;
    AUTH_STATUS = "auth-status" Error: "A refused key must be 401 with a reason. Clients request another key on this status."; "clients that renew keys"; SERVER;
    PERMISSION_LIES = "permission-lies" Error: "`/v1/auth/permission` does not match what the key may do."; "clients that show or hide what the key allows"; SERVER;
    ADMIN_KEY_NOT_ADMIN = "admin-key-not-admin" Error: "The key that was given as the admin key has the permission of an API key."; "clients that load models"; "give the admin key of the server's `api_tokens.yml`";

    // The model.
    UNHEALTHY = "unhealthy" Warning: "A generation failed since the server started. The server reports this until it is restarted, even if it works."; "balancers and clients that ask for health first"; "look at the server's console, and restart the server";
    HEALTH_DISAGREES = "health-disagrees" Error: "The status of `/health` contradicts its body."; "balancers and clients that ask for health first"; SERVER;
    NO_MODEL = "no-model" Warning: "No model is loaded, so nothing can be generated."; "all clients that generate"; "load a model, for instance with `tabby load`";
    LOAD_LIES = "load-lies" Error: "The server reports a loaded model, but refuses to use it."; "clients that wait until a model is loaded"; SERVER;
    MODEL_NOT_LISTED = "model-not-listed" Warning: "The loaded model is not in the list of models."; "clients that offer the list for selection"; SERVER;
    MODEL_NAME = "model-name" Warning: "An answer names another model than the one that is loaded."; "clients that record which model answered"; SERVER;
    CONTEXT_UNKNOWN = "context-unknown" Warning: "The length of the context is missing or not positive."; "clients that fit prompts into the context"; SERVER;
    CONTEXT_DISAGREES = "context-disagrees" Warning: "`/props` and `/v1/model` give different lengths of the context."; "clients that fit prompts into the context"; SERVER;
    CACHE_SMALL = "cache-small" Warning: "Prompts that fit into the context are refused, since the cache has no room for them and one chunk."; "clients that fit prompts into the context"; "raise `cache_size`, or lower `max_seq_len` or `chunk_size`";
    NO_TEMPLATE = "no-template" Warning: "The model has no chat template, so chats are refused."; "all clients that chat"; "set `prompt_template`, or switch to a template";
    TOKENS_WRONG = "tokens-wrong" Error: "Decoding the tokens does not return their text, or their number is wrong."; "clients that count tokens to fit the context"; SERVER;

    // HTTP.
    ENCODING_UNASKED = "encoding-unasked" Error: "The body is compressed though the request does not allow it."; "all clients without decompression"; PROXY;
    ENCODING_UNANNOUNCED = "encoding-unannounced" Error: "The body is compressed and no header says so."; ALL; PROXY;
    LENGTH_CONFLICT = "length-conflict" Error: "`content-length` and `transfer-encoding` in one answer make its end ambiguous, which attackers use."; "strict HTTP stacks, which close the connection"; PROXY;
    LENGTH_WRONG = "length-wrong" Error: "`content-length` is not the length of the body."; ALL; PROXY;
    CONTENT_TYPE = "content-type" Error: "The content type is not that of the body."; "clients that parse by content type, browsers among them"; PROXY;
    CHARSET = "charset" Error: "JSON and event streams are UTF-8, and another charset is announced."; "clients that decode by charset"; PROXY;
    NOT_UTF8 = "not-utf8" Error: "The body is not valid UTF-8."; ALL; SERVER;

    // Answers.
    EMPTY_BODY = "empty-body" Error: "The answer has no body."; ALL; PROXY;
    JSON_INVALID = "json-invalid" Error: "The body is not valid JSON."; ALL; SERVER;
    ERROR_IN_SUCCESS = "error-in-success" Error: "The status says success and the body is an error."; "clients that decide by status"; SERVER;
    FIELD_MISSING = "field-missing" Error: "A field that every TabbyAPI server sends is missing."; STRICT; SERVER;
    FIELD_TYPE = "field-type" Error: "A field has another type than TabbyAPI's."; STRICT; SERVER;
    FIELD_VALUE = "field-value" Error: "A field has a value that TabbyAPI does not send."; STRICT; SERVER;
    ERROR_SHAPE = "error-shape" Error: "The error has none of TabbyAPI's formats, so clients cannot show its reason."; "clients that show or match reasons"; SERVER;
    ERROR_STATUS = "error-status" Error: "The reason of the error belongs to another status, and clients decide by status."; "clients that retry, or ask for another key"; SERVER;
    EMBEDDINGS_WRONG = "embeddings-wrong" Error: "The vectors do not match the request: their number, order or length is wrong."; "clients that search"; SERVER;

    // Streams: framing.
    STREAMING_OFF = "streaming-off" Warning: "A request for a stream is answered as a whole."; "clients that parse only event streams, OpenAI's SDKs among them"; "remove `disable_request_streaming` from the server's configuration";
    SSE_LINE = "sse-line" Error: "A line of the event stream is neither a field nor a comment, so it is ignored."; STREAMS; SERVER;
    SSE_JOINED = "sse-joined-events" Error: "The blank line between two events is missing, so both become one that is not JSON."; STREAMS; SERVER;
    SSE_UNFINISHED = "sse-unfinished" Error: "The last event has no blank line after it, so it is discarded."; STREAMS; SERVER;
    SSE_LINE_ENDS = "sse-line-ends" Warning: "The line ends of the stream are bare CR, or mixed."; "clients that split at LF or at blank lines of one kind"; SERVER;
    SSE_BOM = "sse-bom" Warning: "The stream starts with a byte order mark."; "clients that compare the first line with `data:`"; PROXY;
    SSE_NAMED = "sse-named-events" Warning: "Events have a name other than `message`."; "clients on `EventSource` that listen for messages"; SERVER;
    EVENT_JSON = "event-json" Error: "The data of an event is not valid JSON."; STREAMS; SERVER;
    NON_FINITE = "non-finite" Warning: "A number is written as NaN or Infinity, which is not JSON."; "clients with a strict JSON parser, JavaScript among them"; SERVER;
    DONE_MISSING = "done-missing" Error: "The stream ends without `[DONE]`, so clients treat it as cut."; STREAMS; "look for a proxy that cuts streams, otherwise report it to the project of the server";
    DONE_EARLY = "done-early" Error: "Events follow `[DONE]`, which clients do not read."; STREAMS; SERVER;
    STREAM_ERROR = "stream-error" Error: "The stream ends with an error event."; STREAMS; "look at the server's console";

    // Streams: order.
    ID_CHANGES = "id-changes" Warning: "The id changes within one stream."; "clients that join chunks by id"; SERVER;
    ROLE_LATE = "role-late" Warning: "The role arrives after content."; "clients that create a message when the role arrives"; SERVER;
    FINISH_MISSING = "finish-missing" Error: "A choice ends without a `finish_reason`."; "clients that wait for it, or show why it ended"; SERVER;
    FINISH_TWICE = "finish-twice" Error: "A choice has several finish reasons."; "clients that close a choice at the first"; SERVER;
    AFTER_FINISH = "content-after-finish" Error: "Content follows the `finish_reason` of its choice."; "clients that stop reading there"; SERVER;
    FINISH_UNKNOWN = "finish-unknown" Warning: "The `finish_reason` is not a known one."; STRICT; SERVER;
    INDEX_WRONG = "index-wrong" Error: "The index of a choice was not requested."; "clients that put choices in a list"; SERVER;
    NO_CONTENT = "no-content" Warning: "The answer has no text."; "all clients that generate"; "look at the server's console, the template and the model";
    TOOL_ARGUMENTS = "tool-arguments" Warning: "The arguments of a tool call are not JSON text."; "clients that call tools"; SERVER;
    PROGRESS_BACKWARDS = "progress-backwards" Error: "The progress of a load goes backwards."; "clients with a progress bar"; SERVER;
    PROGRESS_BEYOND = "progress-beyond" Error: "The progress of a load is beyond its total."; "clients with a progress bar"; SERVER;
    LOAD_UNFINISHED = "load-unfinished" Error: "The stream of a load ends without `finished` and without an error."; "clients that wait for a load"; "look at the server's console, and for a proxy that cuts";

    // Usage.
    USAGE_MISSING = "usage-missing" Warning: "Usage was requested and is missing."; "clients that account for tokens"; SERVER;
    USAGE_SUM = "usage-sum" Error: "The total is not the sum of prompt and completion."; "clients that account for tokens"; SERVER;
    USAGE_NEGATIVE = "usage-negative" Error: "A number of tokens or a time is negative."; "clients with unsigned numbers, and those that account for tokens"; SERVER;
    USAGE_IMPLAUSIBLE = "usage-implausible" Warning: "The numbers of usage cannot be true."; "clients that account for tokens"; SERVER;
    USAGE_ORDER = "usage-order" Error: "Chunks with content follow the chunk with usage, or usage comes twice."; "clients that treat usage as the end, or sum it"; SERVER;
    LIMIT_IGNORED = "limit-ignored" Warning: "More tokens were generated than `max_tokens` allows."; "clients that budget tokens"; SERVER;

    // Streams: time.
    STREAM_BUFFERED = "stream-buffered" Warning: "The events of the stream arrived together, long after they were generated."; "clients that show text as it is generated"; "switch off buffering in the proxy, with nginx `proxy_buffering off`";
    STREAM_STALLS = "stream-stalls" Error: "The stream stays open and only pings, or nothing, arrive."; "clients whose timeout is reset by pings"; "look at the server's console; a model that was unloaded leaves its streams open";
    STREAM_ENDLESS = "stream-endless" Error: "The stream did not end within the limit of the check."; "clients without a limit for the whole stream"; "look at the server's console";
    NO_PINGS = "no-pings" Warning: "The stream was silent for longer than the interval of pings, so proxies may cut it."; "clients behind proxies, and those with an idle timeout"; "set `sse_ping_interval` in the server's configuration, and switch off buffering in proxies";
    IDLE_CUT = "idle-cut" Error: "The stream was cut after a silence, as proxies do."; STREAMS; "raise the read timeout of the proxy, and set `sse_ping_interval`";
    STREAM_CUT = "stream-cut" Error: "The connection broke in the middle of the stream."; STREAMS; "look at the server's console and at proxies";

    // CORS.
    CORS_PREFLIGHT = "cors-preflight" Error: "The preflight request fails, so browsers do not send the request."; BROWSERS; "let proxies pass OPTIONS requests without authentication";
    CORS_ORIGIN = "cors-origin" Error: "The origin is not allowed."; BROWSERS; "allow the origin in the proxy, or remove the proxy's own CORS rules";
    CORS_METHOD = "cors-method" Error: "The method is not allowed."; BROWSERS; "allow GET and POST in the proxy";
    CORS_HEADERS = "cors-headers" Error: "The headers of keys or of JSON are not allowed."; BROWSERS; "allow `content-type`, `authorization`, `x-api-key` and `x-admin-key` in the proxy";
    CORS_ANSWER = "cors-answer" Error: "The answer itself does not allow the origin, so browsers withhold it."; BROWSERS; "add the CORS headers to all answers, errors included";
    CORS_TWICE = "cors-twice" Error: "`access-control-allow-origin` is sent twice, which browsers refuse."; BROWSERS; "let either the server or the proxy set it";
    CORS_VARY = "cors-vary" Warning: "The allowed origin is that of the request, and `vary` does not name `Origin`, so caches mix origins up."; "browsers behind caches"; "add `vary: Origin`";
    MIXED_CONTENT = "mixed-content" Error: "A page loaded over https cannot call a server over http."; BROWSERS; "serve the server with TLS, or the page from the same host";

    // The server's own document.
    DRIFT_UNREADABLE = "drift-unreadable" Warning: "The server's own `/openapi.json` cannot be compared."; "no client"; "check that no proxy hides `/openapi.json`";
}
