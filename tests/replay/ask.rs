//! Which call of the API a recording belongs to.

use tabbyapi::api::{ChatMessage, ChatRequest, CompletionRequest, LoadRequest};

use crate::recording::Recording;
use crate::requests;

/// One call of a service.
pub(crate) enum Ask {
    Chat(ChatRequest),
    ChatStream(ChatRequest),
    Completion(CompletionRequest),
    CompletionStream(CompletionRequest),
    Load(LoadRequest),
    Unload,
    Models,
    Current,
    Props,
    Health,
    ServiceInfo,
    Permission,
}

impl Ask {
    /// The call that would get this answer; `None` if there is none.
    pub(crate) fn of(recording: &Recording) -> Option<Ask> {
        let name = recording.name.as_str();
        let streamed =
            recording.request_json().is_some_and(|body| body.get("stream").is_some_and(|stream| stream == true));
        // What was sent wrongly on purpose cannot be sent by the API; the answer is replayed all the same.
        let chat = || {
            let made = requests::chat(name).or_else(|| read(recording));
            made.unwrap_or_else(|| ChatRequest::new([ChatMessage::user("hi")]))
        };
        let completion = || {
            let made = requests::completion(name).or_else(|| read(recording));
            made.unwrap_or_else(|| CompletionRequest::new("hi").max_tokens(5))
        };
        Some(match (recording.exchange.method.as_str(), recording.exchange.path.as_str()) {
            ("POST", "/v1/chat/completions") if streamed => Ask::ChatStream(chat()),
            ("POST", "/v1/chat/completions") => Ask::Chat(chat()),
            ("POST", "/v1/completions") if streamed => Ask::CompletionStream(completion()),
            ("POST", "/v1/completions") => Ask::Completion(completion()),
            ("POST", "/v1/model/load") => Ask::Load(requests::load(name).unwrap_or_else(|| LoadRequest::new("model"))),
            ("POST", "/v1/model/unload") => Ask::Unload,
            // The server has two paths for the same list.
            ("GET", "/v1/models" | "/v1/model/list") => Ask::Models,
            ("GET", "/v1/model") => Ask::Current,
            ("GET", "/props") => Ask::Props,
            ("GET", "/health") => Ask::Health,
            ("GET", "/.well-known/serviceinfo") => Ask::ServiceInfo,
            ("GET", "/v1/auth/permission") => Ask::Permission,
            _ => return None,
        })
    }

    /// The name of the operation, as in `openapi.json`.
    pub(crate) fn operation(&self) -> &'static str {
        match self {
            Ask::Chat(_) => "chat.create",
            Ask::ChatStream(_) => "chat.stream",
            Ask::Completion(_) => "completions.create",
            Ask::CompletionStream(_) => "completions.stream",
            Ask::Load(_) => "models.load",
            Ask::Unload => "models.unload",
            Ask::Models => "models.list",
            Ask::Current => "models.current",
            Ask::Props => "models.props",
            Ask::Health => "health.check",
            Ask::ServiceInfo => "health.service_info",
            Ask::Permission => "auth.permission",
        }
    }

    pub(crate) fn is_stream(&self) -> bool {
        matches!(self, Ask::ChatStream(_) | Ask::CompletionStream(_) | Ask::Load(_))
    }
}

/// The request of a recording with an engine.
fn read<T: serde::de::DeserializeOwned>(recording: &Recording) -> Option<T> {
    if !recording.has_engine {
        return None;
    }
    let mut body = recording.request_json()?;
    // The library asks for usage in any case, and each call sets whether it streams.
    body.as_object_mut()?.retain(|field, _| field != "stream" && field != "stream_options");
    serde_json::from_value(body).ok()
}

/// The recordings that belong to a call, with it.
pub(crate) fn served() -> Vec<(&'static Recording, Ask)> {
    let all = crate::recording::all().iter();
    all.filter_map(|recording| Some((recording, Ask::of(recording)?))).collect()
}

/// Those of them whose answer is a stream.
pub(crate) fn streams() -> Vec<(&'static Recording, Ask)> {
    served().into_iter().filter(|(recording, _)| recording.is_stream()).collect()
}
