//! `ErrorCode`: what happened, as a stable word for programs.

use crate::base::open_enum::open_enum;

open_enum! {
    /// What happened, as a stable word for programs.
    ///
    /// An error of kind [`Server`](crate::ErrorKind::Server) has the server's own code if it sends one, so there are codes that
    /// are not listed here. Codes can be compared with strings: `error.code() == "no_model_loaded"`.
    ErrorCode {
        /// The target directory of a download already exists.
        AlreadyExists = "already_exists",
        /// This model is already loaded.
        AlreadyLoaded = "already_loaded",
        /// The server answered 400. The message has the reason.
        BadRequest = "bad_request",
        /// The prompt, or prompt and response together, exceed the context size.
        ContextLengthExceeded = "context_length_exceeded",
        /// A download took longer than the request's own timeout.
        DownloadTimeout = "download_timeout",
        /// The server aborted the generation.
        GenerationAborted = "generation_aborted",
        /// A whole response was cut because the model was unloaded during the generation.
        GenerationCut = "generation_cut",
        /// The server answered with a status that has no other code.
        HttpError = "http_error",
        /// Parts of the response contradict each other.
        InconsistentAnswer = "inconsistent_answer",
        /// The server rejected the key.
        InvalidKey = "invalid_key",
        /// A token id does not exist.
        InvalidToken = "invalid_token",
        /// The KoboldAI API is not enabled on the server.
        KoboldDisabled = "kobold_disabled",
        /// The route does not support this method.
        MethodNotAllowed = "method_not_allowed",
        /// The server requires a key and none was sent.
        MissingKey = "missing_key",
        /// No embedding model is loaded.
        NoEmbeddingModelLoaded = "no_embedding_model_loaded",
        /// No model is loaded, or one is being loaded.
        NoModelLoaded = "no_model_loaded",
        /// The model has no chat template.
        NoTemplate = "no_template",
        /// The server does not have this route.
        NotFound = "not_found",
        /// The name or list in the request is empty.
        NothingNamed = "nothing_named",
        /// The filters do not match any file.
        NothingToDownload = "nothing_to_download",
        /// The OpenAI API is not enabled in the server's configuration.
        OaiDisabled = "oai_disabled",
        /// The server answered 429, or a rate limit of this client was reached.
        RateLimited = "rate_limited",
        /// The server answered with a redirect. Redirects are not followed.
        Redirect = "redirect",
        /// The hub denies this account access to the repository.
        RepoForbidden = "repo_forbidden",
        /// The server answered 408.
        RequestTimeout = "request_timeout",
        /// The server answered with a 5xx status.
        ServerError = "server_error",
        /// The server reported an error in a stream.
        StreamError = "stream_error",
        /// The chat template failed on the conversation.
        TemplateError = "template_error",
        /// The model does not exist.
        UnknownModel = "unknown_model",
        /// The preset of sampler overrides does not exist.
        UnknownPreset = "unknown_preset",
        /// The repository does not exist.
        UnknownRepo = "unknown_repo",
        /// The chat template does not exist.
        UnknownTemplate = "unknown_template",
        /// The server answered 422. [`validation`](crate::Error::validation) returns the entries.
        ValidationFailed = "validation_failed",
        /// A TabbyML server rejected the token, or no token was sent.
        Unauthorized = "unauthorized",
        /// A TabbyML server has no model for code completion.
        NoCompletionModel = "no_completion_model",
        /// A TabbyML server has no model for chat.
        NoChatModel = "no_chat_model",
        /// The request is larger than the server accepts.
        RequestTooLarge = "request_too_large",
        /// The server does not accept the content type of the request.
        UnsupportedMediaType = "unsupported_media_type",
        /// A chat stream of a TabbyML server ended without an event because its backend refused or failed.
        EmptyStream = "empty_stream",
        /// A chat stream of a TabbyML server restarted from the beginning because its backend was lost.
        StreamRestarted = "stream_restarted",
        /// GraphQL reported an error without a code.
        GraphQlError = "graphql_error",
        /// The response is complete and cannot be continued.
        AlreadyComplete = "already_complete",
        /// A hook set a header that is not valid.
        BadHeader = "bad_header",
        /// A body exceeds [`Limits::body`](crate::Limits::body).
        BodyTooLarge = "body_too_large",
        /// The chat template cannot continue a message.
        CannotContinue = "cannot_continue",
        /// The call was cancelled.
        Cancelled = "cancelled",
        /// The server's TLS certificate was rejected.
        Certificate = "certificate",
        /// The server's circuit is open after too many failures.
        CircuitOpen = "circuit_open",
        /// The attempts of a [`Resume`](crate::policy::Resume) are used up.
        AttemptsUsedUp = "attempts_used_up",
        /// A response that is constrained by a schema, grammar or regex cannot be continued.
        Constrained = "constrained",
        /// The configuration is invalid.
        Config = "config",
        /// The connection could not be established.
        Connect = "connect",
        /// The connection was lost.
        ConnectionLost = "connection_lost",
        /// The conversation does not fit into the context, even after trimming.
        ConversationTooLong = "conversation_too_long",
        /// Decoding the document would exceed the memory limit of [`Limits::expansion`](crate::Limits::expansion).
        DecodedTooLarge = "decoded_too_large",
        /// The request could not be serialized as JSON.
        Encode = "encode",
        /// The body has a content encoding, although the client did not accept any.
        EncodedBody = "encoded_body",
        /// An event exceeds [`Limits::event`](crate::Limits::event).
        EventTooLarge = "event_too_large",
        /// An image file exceeds the size limit.
        ImageTooLarge = "image_too_large",
        /// The type of the image could not be detected.
        ImageUnknown = "image_unknown",
        /// An image file could not be read.
        ImageUnreadable = "image_unreadable",
        /// The text is not JSON.
        InvalidJson = "invalid_json",
        /// A line of a batch file is not a valid request.
        InvalidLine = "invalid_line",
        /// A recording could not be read.
        InvalidRecording = "invalid_recording",
        /// The request is invalid; see `validate`.
        InvalidRequest = "invalid_request",
        /// A key file does not contain a key.
        KeyFileInvalid = "key_file_invalid",
        /// A key file could not be read.
        KeyFileUnreadable = "key_file_unreadable",
        /// A key from the environment is not a valid header value.
        KeyInvalid = "key_invalid",
        /// The reader of a [`tee`](crate::flow::tee) fell too far behind.
        Lagged = "lagged",
        /// The log probabilities of two parts of a stream cannot be joined because their offsets do not start at zero.
        LogprobsApart = "logprobs_apart",
        /// A [`Call`](crate::call::Call) was driven incorrectly.
        Misuse = "misuse",
        /// The server does not report a context size.
        NoContext = "no_context",
        /// The list of texts is empty.
        NoInput = "no_input",
        /// The list of prompts is empty.
        NoPrompt = "no_prompt",
        /// A number is not finite, which JSON cannot express.
        NotFinite = "not_finite",
        /// Streams of this operation or request cannot be resumed.
        NotResumable = "not_resumable",
        /// Content other than text cannot be continued.
        NotText = "not_text",
        /// There is no text to continue.
        NothingToContinue = "nothing_to_continue",
        /// The token endpoint returned an unexpected response.
        OauthAnswer = "oauth_answer",
        /// The token endpoint could not be reached.
        OauthConnect = "oauth_connect",
        /// The OAuth configuration is invalid.
        OauthSetup = "oauth_setup",
        /// The token endpoint did not respond in time.
        OauthTimeout = "oauth_timeout",
        /// The token is not a bearer token.
        OauthTokenType = "oauth_token_type",
        /// The server that a stream was resumed on has another model loaded.
        OtherModel = "other_model",
        /// The queue of this client is full.
        QueueFull = "queue_full",
        /// A resumed stream started reasoning again.
        ReasoningRestarted = "reasoning_restarted",
        /// A response that broke off during the reasoning cannot be continued.
        ReasoningUnfinished = "reasoning_unfinished",
        /// The [`RetryBudget`](crate::policy::RetryBudget) of the client is used up.
        RetryBudgetUsedUp = "retry_budget_used_up",
        /// A response with several choices cannot be continued.
        SeveralChoices = "several_choices",
        /// The user has to sign in again.
        SignInNeeded = "sign_in_needed",
        /// The `state` of an OAuth redirect does not match.
        StateMismatch = "state_mismatch",
        /// The stream was stopped by the caller.
        Stopped = "stopped",
        /// A stream exceeds [`Limits::accumulated`](crate::Limits::accumulated).
        StreamTooLarge = "stream_too_large",
        /// The first item did not arrive in time.
        TimeoutFirstItem = "timeout_first_item",
        /// The head of the response did not arrive in time.
        TimeoutHead = "timeout_head",
        /// No data arrived for too long.
        TimeoutIdle = "timeout_idle",
        /// The server was not ready in time.
        TimeoutReady = "timeout_ready",
        /// The call did not finish in time.
        TimeoutTotal = "timeout_total",
        /// A document is nested deeper than [`Limits::depth`](crate::Limits::depth).
        TooDeep = "too_deep",
        /// A stream has more choices or tool calls than [`Limits::indices`](crate::Limits::indices).
        TooManyIndices = "too_many_indices",
        /// A document has more values than [`Limits::items`](crate::Limits::items).
        TooManyItems = "too_many_items",
        /// A response that calls tools cannot be continued.
        ToolsCalled = "tools_called",
        /// The response ended before its announced end.
        Truncated = "truncated",
        /// The response has an unexpected content type.
        UnexpectedContentType = "unexpected_content_type",
        /// The response is JSON of an unexpected shape.
        UnexpectedJson = "unexpected_json",
        /// The text does not match the schema.
        Unstructured = "unstructured",
    }
}
