//! `ErrorCode`: what happened, for programs.

use crate::base::open_enum::open_enum;

open_enum! {
    /// What happened, for programs: a stable word.
    ///
    /// An error of [`ErrorKind::Server`](crate::ErrorKind::Server) has the server's own code where it sends one, so there are codes that
    /// are not listed here. Codes compare with strings, too: `error.code() == "no_model_loaded"`.
    ErrorCode {
        /// The directory that a download is to make exists already.
        AlreadyExists = "already_exists",
        /// This model is loaded already.
        AlreadyLoaded = "already_loaded",
        /// The server answered 400; its message says why.
        BadRequest = "bad_request",
        /// The prompt, or prompt and response together, do not fit into the context.
        ContextLengthExceeded = "context_length_exceeded",
        /// A download took longer than the request's own timeout.
        DownloadTimeout = "download_timeout",
        /// The server aborted the generation.
        GenerationAborted = "generation_aborted",
        /// A whole response was cut, because the model was unloaded meanwhile.
        GenerationCut = "generation_cut",
        /// The server answered with a status that has no other code.
        HttpError = "http_error",
        /// Parts of the response contradict each other.
        InconsistentAnswer = "inconsistent_answer",
        /// The server refuses the key.
        InvalidKey = "invalid_key",
        /// A token id does not exist.
        InvalidToken = "invalid_token",
        /// The server has no KoboldAI API.
        KoboldDisabled = "kobold_disabled",
        /// The route has no such method.
        MethodNotAllowed = "method_not_allowed",
        /// The server requires a key.
        MissingKey = "missing_key",
        /// No embedding model is loaded.
        NoEmbeddingModelLoaded = "no_embedding_model_loaded",
        /// No model is loaded, or one is being loaded.
        NoModelLoaded = "no_model_loaded",
        /// The model has no chat template.
        NoTemplate = "no_template",
        /// The server has no such route.
        NotFound = "not_found",
        /// The name or the list is empty.
        NothingNamed = "nothing_named",
        /// The filters match no file.
        NothingToDownload = "nothing_to_download",
        /// The server's configuration does not list its OpenAI API.
        OaiDisabled = "oai_disabled",
        /// The server answered 429, or a rate limit of this client is full.
        RateLimited = "rate_limited",
        /// The server answered with a redirect, which is not followed.
        Redirect = "redirect",
        /// The hub does not give this repository to this account.
        RepoForbidden = "repo_forbidden",
        /// The server answered 408.
        RequestTimeout = "request_timeout",
        /// The server failed.
        ServerError = "server_error",
        /// The server reported an error in a stream.
        StreamError = "stream_error",
        /// The chat template failed on the conversation.
        TemplateError = "template_error",
        /// There is no such model.
        UnknownModel = "unknown_model",
        /// There is no such preset of sampler overrides.
        UnknownPreset = "unknown_preset",
        /// There is no such repository.
        UnknownRepo = "unknown_repo",
        /// There is no such chat template.
        UnknownTemplate = "unknown_template",
        /// The server answered 422; [`validation`](crate::Error::validation) has the entries.
        ValidationFailed = "validation_failed",
        /// A TabbyML server refuses the token, or was sent none.
        Unauthorized = "unauthorized",
        /// A TabbyML server has no model for code completion.
        NoCompletionModel = "no_completion_model",
        /// A TabbyML server has no model for chat.
        NoChatModel = "no_chat_model",
        /// The request is larger than the server accepts.
        RequestTooLarge = "request_too_large",
        /// The server does not accept the content type of the request.
        UnsupportedMediaType = "unsupported_media_type",
        /// A chat of a TabbyML server ended without an event: its backend refused or failed.
        EmptyStream = "empty_stream",
        /// A chat of a TabbyML server began again from its start: its backend was lost.
        StreamRestarted = "stream_restarted",
        /// GraphQL reports an error without a code of its own.
        GraphQlError = "graphql_error",
        /// A response that is complete cannot be continued.
        AlreadyComplete = "already_complete",
        /// A hook set a header that cannot be sent.
        BadHeader = "bad_header",
        /// A body exceeds [`Limits::body`](crate::Limits::body).
        BodyTooLarge = "body_too_large",
        /// The chat template cannot continue a message.
        CannotContinue = "cannot_continue",
        /// The call was cancelled.
        Cancelled = "cancelled",
        /// The TLS certificate of the server is refused.
        Certificate = "certificate",
        /// The circuit of the server is open: it failed too often.
        CircuitOpen = "circuit_open",
        /// The attempts of a [`Resume`](crate::policy::Resume) are used up.
        AttemptsUsedUp = "attempts_used_up",
        /// A response that is held to a schema, grammar or regex cannot be continued.
        Constrained = "constrained",
        /// The configuration cannot work.
        Config = "config",
        /// No connection could be made.
        Connect = "connect",
        /// The connection was lost.
        ConnectionLost = "connection_lost",
        /// A conversation does not fit into the context, even at its shortest.
        ConversationTooLong = "conversation_too_long",
        /// A document would take too much memory: [`Limits::expansion`](crate::Limits::expansion).
        DecodedTooLarge = "decoded_too_large",
        /// The request cannot be written as JSON.
        Encode = "encode",
        /// The body has a content encoding, although none was accepted.
        EncodedBody = "encoded_body",
        /// An event exceeds [`Limits::event`](crate::Limits::event).
        EventTooLarge = "event_too_large",
        /// An image file is too large.
        ImageTooLarge = "image_too_large",
        /// The type of an image is not known.
        ImageUnknown = "image_unknown",
        /// An image file cannot be read.
        ImageUnreadable = "image_unreadable",
        /// A text is not JSON.
        InvalidJson = "invalid_json",
        /// A line of a batch is not a request.
        InvalidLine = "invalid_line",
        /// A recording cannot be read.
        InvalidRecording = "invalid_recording",
        /// The request is invalid; see `validate`.
        InvalidRequest = "invalid_request",
        /// A key file does not hold a key.
        KeyFileInvalid = "key_file_invalid",
        /// A key file cannot be read.
        KeyFileUnreadable = "key_file_unreadable",
        /// A key of the environment cannot be sent.
        KeyInvalid = "key_invalid",
        /// The reader of a [`tee`](crate::flow::tee) lags too far behind.
        Lagged = "lagged",
        /// The log probabilities of two parts of a stream cannot be joined, because their offsets do not start over.
        LogprobsApart = "logprobs_apart",
        /// A call was driven wrongly.
        Misuse = "misuse",
        /// The server does not report a context size.
        NoContext = "no_context",
        /// The list of texts is empty.
        NoInput = "no_input",
        /// The list of prompts is empty.
        NoPrompt = "no_prompt",
        /// A number is not finite, which JSON cannot express.
        NotFinite = "not_finite",
        /// Streams of this operation, or of this request, cannot be resumed.
        NotResumable = "not_resumable",
        /// Something other than text cannot be continued.
        NotText = "not_text",
        /// There is no text to continue.
        NothingToContinue = "nothing_to_continue",
        /// The token endpoint answered with something else.
        OauthAnswer = "oauth_answer",
        /// The token endpoint cannot be reached.
        OauthConnect = "oauth_connect",
        /// The OAuth configuration cannot work.
        OauthSetup = "oauth_setup",
        /// The token endpoint did not respond in time.
        OauthTimeout = "oauth_timeout",
        /// The token is not a bearer token.
        OauthTokenType = "oauth_token_type",
        /// The server that a stream was resumed on has another model.
        OtherModel = "other_model",
        /// The queue of this client is full.
        QueueFull = "queue_full",
        /// A stream that was resumed began to reason again.
        ReasoningRestarted = "reasoning_restarted",
        /// A response that broke off while the model reasoned cannot be continued.
        ReasoningUnfinished = "reasoning_unfinished",
        /// The [`RetryBudget`](crate::policy::RetryBudget) of the client is used up.
        RetryBudgetUsedUp = "retry_budget_used_up",
        /// Several choices cannot be continued.
        SeveralChoices = "several_choices",
        /// The user has to sign in again.
        SignInNeeded = "sign_in_needed",
        /// The state of an OAuth redirect is another one.
        StateMismatch = "state_mismatch",
        /// The stream was stopped by its owner.
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
        /// The response has another content type.
        UnexpectedContentType = "unexpected_content_type",
        /// The response is JSON of another shape.
        UnexpectedJson = "unexpected_json",
        /// The text is not what the schema requires.
        Unstructured = "unstructured",
    }
}
