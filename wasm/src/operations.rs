//! The operations, by the names that the package gives them.
//!
//! Each row names the library's own operation. What is said of its errors comes from there; verb, key, path, pace and whether it may
//! be sent again are told here, for typed requests would bring their models along, and the tests hold them against the
//! library's.

use std::borrow::Cow;
use std::marker::PhantomData;

use bytes::Bytes;
use http::{Method, StatusCode};
use tabbyapi::api::*;
use tabbyapi::call::{Call, Shared};
use tabbyapi::{Endpoint, Error, ErrorKind, Extra, Options, Pace, Paces, Replay, Result, Scope};

use crate::config::Wanted;
use crate::format::Kind;
use crate::wire::Wire;

/// One row of the table.
pub(crate) struct Row {
    name: &'static str,
    /// What is the same for many operations: the code of a call is made once for each.
    group: fn(&Shared, &Row, &Wanted<'_>, &Options) -> Result<Call<Wire>>,
    path: &'static str,
    pace: fn(&Paces) -> Pace,
    kind: Kind,
    also: Option<StatusCode>,
    /// What the library knows to say of the operation's errors.
    pub(crate) explain: fn(Error) -> Error,
}

/// The row of an operation.
pub(crate) fn find(name: &str) -> Result<&'static Row> {
    let unknown = || Error::custom(ErrorKind::Misuse, "misuse", ["there is no operation `", name, "`"].concat());
    TABLE.iter().find(|row| row.name == name).ok_or_else(unknown)
}

impl Row {
    /// A call of the operation.
    pub(crate) fn call(&self, shared: &Shared, wanted: &Wanted<'_>) -> Result<Call<Wire>> {
        (self.group)(shared, self, wanted, &wanted.options(shared))
    }
}

/// An operation with a body that stays in JavaScript.
struct Raw<'a, G> {
    row: &'a Row,
    has_body: bool,
    choices: Option<u64>,
    wants_usage: bool,
    group: PhantomData<G>,
}

/// Verb, key, and whether it may be sent again.
trait Group {
    const METHOD: Method;
    const SCOPE: Scope;
    const REPLAY: Replay;
}

impl<G: Group> Endpoint for Raw<'_, G> {
    type Decoder = Wire;
    const METHOD: Method = G::METHOD;
    const SCOPE: Scope = G::SCOPE;
    const REPLAY: Replay = G::REPLAY;

    fn path(&self) -> Cow<'_, str> {
        self.row.path.into()
    }

    fn body(&self) -> Result<Option<Bytes>> {
        // That there is one is all that matters here.
        Ok(self.has_body.then(|| Bytes::from_static(b"{}")))
    }

    fn body_with(&self, _: &Extra) -> Result<Option<Bytes>> {
        self.body()
    }

    fn pace(&self, paces: &Paces) -> Pace {
        (self.row.pace)(paces)
    }

    fn decoder(&self) -> Wire {
        Wire::new(self.row.kind, self.row.also, self.choices, self.wants_usage)
    }
}

fn make<G: Group>(shared: &Shared, row: &Row, wanted: &Wanted<'_>, options: &Options) -> Result<Call<Wire>> {
    let Wanted { has_body, choices, wants_usage, .. } = *wanted;
    Call::with(shared, &Raw::<G> { row, has_body, choices, wants_usage, group: PhantomData }, options)
}

/// Declares groups.
macro_rules! groups {
    ($( $name:ident: $method:ident $scope:ident $replay:ident; )*) => {
        $(
            struct $name;
            impl Group for $name {
                const METHOD: Method = Method::$method;
                const SCOPE: Scope = Scope::$scope;
                const REPLAY: Replay = Replay::$replay;
            }
        )*
    };
}

groups! {
    Look: GET Public Safe;
    Read: GET Api Safe;
    List: GET List Safe;
    Ask: POST Api Safe;
    Generate: POST Api IfUnsent;
    Change: POST Admin IfUnsent;
    Once: POST Admin Never;
}

/// Declares the table: name, group, the library's operation, path, pace, kind of answer.
macro_rules! operations {
    ($( $name:literal => $group:ident $type:ty, $path:literal, $pace:ident, $kind:expr $(, also $also:ident)? ; )*) => {
        static TABLE: &[Row] = &[$(Row {
            name: $name,
            group: make::<$group>,
            path: $path,
            pace: $pace,
            kind: $kind,
            also: { let also: Option<StatusCode> = None; $(let also = { let _ = also; Some(StatusCode::$also) };)? also },
            explain: <$type>::explain,
        }),*];

        /// What is to be the same in the group and in the library's operation, for the test.
        #[cfg(test)]
        #[allow(clippy::type_complexity, reason = "a list for one test")]
        const GROUPS: &[(&str, (Method, Scope, Replay), (Method, Scope, Replay))] = &[$((
            $name,
            ($group::METHOD, $group::SCOPE, $group::REPLAY),
            (<$type>::METHOD, <$type>::SCOPE, <$type>::REPLAY),
        )),*];
    };
}

const CHUNKS: Kind = Kind::Chunks { unbounded: false };

operations! {
    "chat.create" => Generate ChatRequest, "/v1/chat/completions", generate, Kind::Body(&["choices"]);
    "chat.stream" => Generate Streamed<'static, ChatRequest>, "/v1/chat/completions", stream, CHUNKS;
    "chat.stream_tools" => Generate Streamed<'static, ChatRequest>, "/v1/chat/completions", stream_tools, CHUNKS;
    "completions.create" => Generate CompletionRequest, "/v1/completions", generate, Kind::Body(&["choices"]);
    "completions.stream" => Generate Streamed<'static, CompletionRequest>, "/v1/completions", stream, CHUNKS;
    "completions.stream_unbounded" => Generate Streamed<'static, CompletionRequest>, "/v1/completions", stream, Kind::Chunks { unbounded: true };
    "embeddings.create" => Ask EmbeddingsRequest, "/v1/embeddings", generate, Kind::Body(&["data"]);
    "models.list" => List ListModels, "/v1/models", read, Kind::Body(&["data"]);
    "models.list_as_api_key" => Read ListModelsAsApiKey, "/v1/models", read, Kind::Body(&["data"]);
    "models.current" => Read CurrentModel, "/v1/model", read, Kind::Body(&["id"]);
    "models.props" => Read GetProps, "/props", read, Kind::Body(&["total_slots", "chat_template", "default_generation_settings"]);
    "models.load" => Change LoadRequest, "/v1/model/load", load, Kind::Load;
    "models.unload" => Change UnloadModel, "/v1/model/unload", read, Kind::Body(&[]);
    "models.drafts" => List ListDrafts, "/v1/model/draft/list", read, Kind::Body(&["data"]);
    "models.drafts_as_api_key" => Read ListDraftsAsApiKey, "/v1/model/draft/list", read, Kind::Body(&["data"]);
    "models.download" => Once DownloadRequest, "/v1/download", download, Kind::Body(&["download_path"]);
    "embedding_models.list" => List ListEmbeddingModels, "/v1/model/embedding/list", read, Kind::Body(&["data"]);
    "embedding_models.list_as_api_key" => Read ListEmbeddingModelsAsApiKey, "/v1/model/embedding/list", read, Kind::Body(&["data"]);
    "embedding_models.current" => Read CurrentEmbeddingModel, "/v1/model/embedding", read, Kind::Body(&["id"]);
    "embedding_models.load" => Change EmbeddingLoadRequest, "/v1/model/embedding/load", load_whole, Kind::Body(&["model_type"]);
    "embedding_models.unload" => Change UnloadEmbeddingModel, "/v1/model/embedding/unload", read, Kind::Body(&[]);
    "loras.list" => List ListLoras, "/v1/loras", read, Kind::Body(&["data"]);
    "loras.list_as_api_key" => Read ListLorasAsApiKey, "/v1/loras", read, Kind::Body(&["data"]);
    "loras.active" => Read ActiveLoras, "/v1/lora", read, Kind::Body(&["data"]);
    "loras.load" => Change LoraLoadRequest, "/v1/lora/load", load_whole, Kind::Body(&["success", "failure"]);
    "loras.unload" => Change UnloadLoras, "/v1/lora/unload", read, Kind::Body(&[]);
    "templates.list" => List ListTemplates, "/v1/templates", read, Kind::Body(&["data"]);
    "templates.list_as_api_key" => Read ListTemplatesAsApiKey, "/v1/templates", read, Kind::Body(&["data"]);
    "templates.switch" => Change SwitchTemplate, "/v1/template/switch", read, Kind::Body(&[]);
    "templates.unload" => Change UnloadTemplate, "/v1/template/unload", read, Kind::Body(&[]);
    "tokens.encode" => Ask EncodeRequest, "/v1/token/encode", read, Kind::Body(&["tokens", "length"]);
    "tokens.decode" => Ask DecodeRequest, "/v1/token/decode", read, Kind::Body(&["text"]);
    "sampling.overrides" => List ListOverrides, "/v1/sampling/overrides", read, Kind::Body(&["selected_preset", "overrides", "presets"]);
    "sampling.overrides_as_api_key" => Read ListOverridesAsApiKey, "/v1/sampling/overrides", read, Kind::Body(&["selected_preset", "overrides", "presets"]);
    "sampling.switch" => Change SwitchPreset, "/v1/sampling/override/switch", read, Kind::Body(&[]);
    "sampling.unload" => Change UnloadOverrides, "/v1/sampling/override/unload", read, Kind::Body(&[]);
    "health.check" => Look CheckHealth, "/health", read, Kind::Body(&["status"]), also SERVICE_UNAVAILABLE;
    "health.service_info" => Look GetServiceInfo, "/.well-known/serviceinfo", read, Kind::Body(&["version", "software", "api"]);
    "auth.permission" => Read GetPermission, "/v1/auth/permission", read, Kind::Body(&["permission"]);
    "kobold.generate" => Generate KoboldRequest, "/api/v1/generate", generate, Kind::Body(&["results"]);
    "kobold.stream" => Generate Streamed<'static, KoboldRequest>, "/api/extra/generate/stream", stream, Kind::Kobold;
    "kobold.abort" => Generate KoboldAbort, "/api/extra/abort", read, Kind::Body(&["success"]);
    "kobold.check" => Ask KoboldCheck, "/api/extra/generate/check", read, Kind::Body(&["results"]);
    "kobold.model" => Read GetKoboldModel, "/api/v1/model", read, Kind::Body(&["result"]);
    "kobold.count_tokens" => Ask KoboldCountTokens, "/api/extra/tokencount", read, Kind::Body(&["value"]);
    "kobold.max_length" => Read GetKoboldMaxLength, "/api/v1/config/max_length", read, Kind::Body(&["value"]);
    "kobold.max_context_length" => Read GetKoboldMaxContextLength, "/api/v1/config/max_context_length", read, Kind::Body(&["value"]);
    "kobold.version" => Look GetKoboldVersion, "/api/v1/info/version", read, Kind::Body(&["result"]);
    "kobold.extra_version" => Look GetKoboldExtraVersion, "/api/extra/version", read, Kind::Body(&["version"]);
}

fn read(paces: &Paces) -> Pace {
    paces.read
}

fn generate(paces: &Paces) -> Pace {
    paces.generate
}

fn stream(paces: &Paces) -> Pace {
    paces.stream
}

fn stream_tools(paces: &Paces) -> Pace {
    paces.stream_tools
}

fn load(paces: &Paces) -> Pace {
    paces.load
}

/// A load without events, whose head comes when it is done.
fn load_whole(paces: &Paces) -> Pace {
    EmbeddingLoadRequest::new("").pace(paces)
}

fn download(paces: &Paces) -> Pace {
    paces.download
}

#[cfg(test)]
mod tests {
    use super::*;
    use tabbyapi::StreamEndpoint;

    #[track_caller]
    fn assert_row(name: &str, typed: &impl Endpoint) {
        let row = find(name).unwrap();
        assert_eq!(typed.path(), row.path, "{name}");
        assert_eq!(typed.pace(&Paces::DEFAULT), (row.pace)(&Paces::DEFAULT), "{name}");
    }

    #[test]
    fn verbs_keys_and_replays_are_those_of_the_library() {
        assert_eq!(GROUPS.len(), TABLE.len());
        for (name, group, typed) in GROUPS {
            assert_eq!(group, typed, "{name}");
        }
    }

    #[test]
    fn paths_and_paces_are_those_of_the_library() {
        let chat = ChatRequest::new([ChatMessage::user("")]);
        let tools = chat.clone().tools([Tool::new("f", "", serde_json::json!({}))]);
        let completion = CompletionRequest::new("");
        assert_row("chat.create", &chat);
        assert_row("chat.stream", &chat.streamed());
        assert_row("chat.stream_tools", &tools.streamed());
        assert_row("completions.create", &completion);
        assert_row("completions.stream", &completion.streamed());
        assert_row("completions.stream_unbounded", &completion.streamed());
        assert_row("embeddings.create", &EmbeddingsRequest::new(""));
        assert_row("models.list", &ListModels);
        assert_row("models.list_as_api_key", &ListModelsAsApiKey);
        assert_row("models.current", &CurrentModel);
        assert_row("models.props", &GetProps);
        assert_row("models.load", &LoadRequest::new(""));
        assert_row("models.unload", &UnloadModel);
        assert_row("models.drafts", &ListDrafts);
        assert_row("models.drafts_as_api_key", &ListDraftsAsApiKey);
        assert_row("models.download", &DownloadRequest::new(""));
        assert_row("embedding_models.list", &ListEmbeddingModels);
        assert_row("embedding_models.list_as_api_key", &ListEmbeddingModelsAsApiKey);
        assert_row("embedding_models.current", &CurrentEmbeddingModel);
        assert_row("embedding_models.load", &EmbeddingLoadRequest::new(""));
        assert_row("embedding_models.unload", &UnloadEmbeddingModel);
        assert_row("loras.list", &ListLoras);
        assert_row("loras.list_as_api_key", &ListLorasAsApiKey);
        assert_row("loras.active", &ActiveLoras);
        assert_row("loras.load", &LoraLoadRequest::new(["a"]));
        assert_row("loras.unload", &UnloadLoras);
        assert_row("templates.list", &ListTemplates);
        assert_row("templates.list_as_api_key", &ListTemplatesAsApiKey);
        assert_row("templates.switch", &SwitchTemplate::new(""));
        assert_row("templates.unload", &UnloadTemplate);
        assert_row("tokens.encode", &EncodeRequest::new(""));
        assert_row("tokens.decode", &DecodeRequest::new([1]));
        assert_row("sampling.overrides", &ListOverrides);
        assert_row("sampling.overrides_as_api_key", &ListOverridesAsApiKey);
        assert_row("sampling.switch", &SwitchPreset::new(""));
        assert_row("sampling.unload", &UnloadOverrides);
        assert_row("health.check", &CheckHealth);
        assert_row("health.service_info", &GetServiceInfo);
        assert_row("auth.permission", &GetPermission);
        assert_row("kobold.generate", &KoboldRequest::new(""));
        assert_row("kobold.stream", &KoboldRequest::new("").streamed());
        assert_row("kobold.model", &GetKoboldModel);
        assert_row("kobold.max_length", &GetKoboldMaxLength);
        assert_row("kobold.max_context_length", &GetKoboldMaxContextLength);
        assert_row("kobold.version", &GetKoboldVersion);
        assert_row("kobold.extra_version", &GetKoboldExtraVersion);
    }
}
