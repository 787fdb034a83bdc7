//! The requests of an examination, by stage. Each stage depends on the results of earlier ones.

use serde_json::{Value, json};

/// Which key a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    None,
    Wrong,
    Api,
    /// The admin key in the header of API keys.
    Admin,
    /// A key that was accepted, in the header of admin keys.
    ApiAsAdmin,
}

/// One request to send.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) name: &'static str,
    pub(super) purpose: &'static str,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) key: Key,
    pub(super) body: Option<Body>,
    pub(super) headers: Vec<(&'static str, String)>,
    /// The expected statuses.
    pub(super) expected: &'static [u16],
    pub(super) generates: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    Json(Value),
    Text(&'static str),
}

impl Ask {
    fn new(name: &'static str, purpose: &'static str, method: &'static str, path: &'static str) -> Self {
        let (key, expected, generates) = (Key::None, &[200][..], false);
        Ask { name, purpose, method, path, key, body: None, headers: Vec::new(), expected, generates }
    }

    fn key(mut self, key: Key) -> Self {
        self.key = key;
        self
    }

    fn json(mut self, body: Value) -> Self {
        self.body = Some(Body::Json(body));
        self
    }

    fn expects(mut self, expected: &'static [u16]) -> Self {
        self.expected = expected;
        self
    }

    fn generates(mut self) -> Self {
        self.generates = true;
        self
    }
}

/// Which server is at the address.
pub(super) fn identify() -> Vec<Ask> {
    vec![
        Ask::new("health", "whether a server answers", "GET", "/health").expects(&[200, 503]),
        Ask::new("service", "which server it is", "GET", "/.well-known/serviceinfo"),
    ]
}

/// Whether it is the other server of this name, which reports its version if a token is sent.
pub(super) fn other_dialect(key: Key) -> Vec<Ask> {
    vec![Ask::new("tabbyml", "whether it is TabbyML/tabby", "GET", "/v1/health").key(key).expects(&[200, 401, 404])]
}

/// What keys may do.
pub(super) fn permissions(has_api: bool, has_admin: bool) -> Vec<Ask> {
    let ask = |name, purpose, key| Ask::new(name, purpose, "GET", "/v1/auth/permission").key(key);
    let mut asks = vec![
        ask("permission-none", "whether a key is required", Key::None).expects(&[200, 401]),
        ask("permission-wrong", "whether a wrong key is refused", Key::Wrong).expects(&[200, 401]),
    ];
    if has_api {
        asks.push(ask("permission-api", "what the key may do", Key::Api));
    }
    if has_admin {
        asks.push(ask("permission-admin", "what the admin key may do", Key::Admin));
    }
    asks
}

/// All routes that can be read with this key, and errors.
pub(super) fn reads(key: Key) -> Vec<Ask> {
    let get = |name, path| Ask::new(name, "conformance", "GET", path).key(key);
    let model = &[200, 503];
    let mut asks = vec![
        get("model", "/v1/model").expects(model),
        get("models", "/v1/models"),
        get("model-list", "/v1/model/list"),
        get("props", "/props").expects(model),
        get("drafts", "/v1/model/draft/list"),
        get("embedding-models", "/v1/model/embedding/list"),
        get("embedding-model", "/v1/model/embedding").expects(model),
        get("loras", "/v1/loras"),
        get("lora-list", "/v1/lora/list"),
        get("lora", "/v1/lora").expects(model),
        get("templates", "/v1/templates"),
        get("template-list", "/v1/template/list"),
        get("overrides", "/v1/sampling/overrides"),
        get("override-list", "/v1/sampling/override/list"),
        get("kobold", "/api/v1/model").expects(&[200, 404, 503]),
    ];
    let post = |name, purpose, path| Ask::new(name, purpose, "POST", path).key(key);
    asks.push(
        post("encode", "tokens of a text", "/v1/token/encode")
            .json(json!({"text": TEXT, "add_bos_token": false}))
            .expects(model),
    );
    asks.push(
        Ask::new("unknown-route", "the error of an unknown route", "GET", "/v1/no-such-route").key(key).expects(&[404]),
    );
    asks.push(get("wrong-method", "/v1/chat/completions").expects(&[405]));
    asks.push(
        post("invalid-field", "the error of an invalid request", "/v1/token/decode")
            .json(json!({"tokens": "none"}))
            .expects(&[422, 503]),
    );
    let mut broken = post("invalid-json", "the error of a body that is not JSON", "/v1/token/decode");
    broken.body = Some(Body::Text("{"));
    asks.push(broken.expects(&[422]));
    // Rejected before anything is changed: by the key, or because the name of the template is missing.
    asks.push(
        Ask::new("admin-route", "whether the key may do what its permission says", "POST", "/v1/template/switch")
            .key(Key::ApiAsAdmin)
            .json(json!({}))
            .expects(&[401, 422, 503]),
    );
    asks
}

/// The routes of KoboldAI, if one of them exists.
pub(super) fn kobold(key: Key) -> Vec<Ask> {
    let get = |name, path| Ask::new(name, "conformance", "GET", path).key(key).expects(&[200, 503]);
    vec![
        get("kobold-version", "/api/v1/info/version"),
        get("kobold-extra-version", "/api/extra/version"),
        get("kobold-length", "/api/v1/config/max_length"),
        get("kobold-context", "/api/v1/config/max_context_length"),
        Ask::new("kobold-count", "tokens of a text", "POST", "/api/extra/tokencount")
            .key(key)
            .json(json!({"prompt": TEXT}))
            .expects(&[200, 503]),
    ]
}

/// The text of these tokens.
pub(super) fn decode(key: Key, tokens: &Value) -> Ask {
    Ask::new("decode", "the text of these tokens", "POST", "/v1/token/decode")
        .key(key)
        .json(json!({"tokens": tokens, "add_bos_token": false}))
}

/// The server's own document.
pub(super) fn document() -> Ask {
    Ask::new("document", "its own OpenAPI document", "GET", "/openapi.json").expects(&[])
}

/// The text that is tokenized.
pub(super) const TEXT: &str = "The quick brown fox jumps over the lazy dog.";

/// The requests that a browser sends before and for a request of this origin, to the path that it reads.
pub(super) fn cors(key: Key, key_header: &str, origin: &str, path: &'static str) -> Vec<Ask> {
    let with_origin = |mut ask: Ask| {
        ask.headers.push(("origin", origin.to_owned()));
        ask
    };
    let mut preflight =
        with_origin(Ask::new("preflight", "what a browser asks first", "OPTIONS", "/v1/chat/completions"));
    preflight.headers.push(("access-control-request-method", "POST".to_owned()));
    preflight.headers.push(("access-control-request-headers", format!("content-type,{key_header}")));
    // Its status is judged by the rules of CORS.
    preflight.expected = &[];
    vec![
        preflight,
        with_origin(Ask::new("cors-answer", "an answer for a browser", "GET", path).key(key)),
        with_origin(
            Ask::new("cors-error", "an error for a browser", "GET", "/v1/no-such-route").key(key).expects(&[404]),
        ),
    ]
}

/// Generation in all four forms, and embeddings if an embedding model is loaded.
pub(super) fn generation(key: Key, has_template: bool, has_embeddings: bool) -> Vec<Ask> {
    let ask = |name, path, body: Value| Ask::new(name, "generation", "POST", path).key(key).json(body).generates();
    let chat = |stream: bool| {
        json!({
            "messages": [{"role": "user", "content": "Count from one to ten in words."}],
            "max_tokens": MAX_TOKENS, "temperature": 0, "stream": stream, "stream_options": {"include_usage": true},
        })
    };
    let text = |stream: bool| {
        json!({
            "prompt": "One two three four", "max_tokens": MAX_TOKENS, "temperature": 0, "stream": stream,
            "stream_options": {"include_usage": true},
        })
    };
    let mut asks = Vec::new();
    if has_template {
        asks.push(ask("chat", "/v1/chat/completions", chat(false)));
        asks.push(ask("chat-stream", "/v1/chat/completions", chat(true)));
    }
    asks.push(ask("completion", "/v1/completions", text(false)));
    asks.push(ask("completion-stream", "/v1/completions", text(true)));
    if has_embeddings {
        asks.push(ask("embeddings", "/v1/embeddings", json!({"input": ["one", "two and three"]})));
    }
    asks
}

const MAX_TOKENS: u32 = 16;
