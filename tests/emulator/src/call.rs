//! A request during its processing by a route: its body, its keys, its checks, in the server's order.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use axum::body::Bytes;
use axum::http::Method;
use axum::http::header::{CONTENT_TYPE, HeaderMap};

use crate::app::{App, Loaded};
use crate::json::Json;
use crate::net::Conn;
use crate::refusal::{Invalid, Refusal, detail};
use crate::schema::{self, Field};

#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    pub(crate) conn: Arc<Conn>,
    /// The number of events written so far, if the response is a stream.
    pub(crate) events: Arc<AtomicUsize>,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The parsed body. `None` if there is none. It is a string if its content type is not JSON.
pub(crate) struct Payload(Option<Json>);

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Permission {
    Api,
    Admin,
}

impl Call {
    /// The first check: the syntax of the body, if its content type is JSON.
    pub(crate) fn payload(&self) -> Result<Payload, Refusal> {
        if self.body.is_empty() {
            return Ok(Payload(None));
        }
        let Ok(text) = std::str::from_utf8(&self.body) else {
            return Err(detail(400, "There was an error parsing the body"));
        };
        if !self.is_json() {
            return Ok(Payload(Some(text.into())));
        }
        match Json::parse(text) {
            Ok(Json::Null) => Ok(Payload(None)),
            Ok(value) => Ok(Payload(Some(value))),
            Err(error) => Err(Refusal::Invalid(vec![Invalid {
                r#type: "json_invalid",
                loc: vec!["body".into(), Json::Int(error.at as i128)],
                msg: "JSON decode error".to_owned(),
                input: Json::Dict(Vec::new()),
                ctx: Some(Json::Dict(vec![("error".to_owned(), Json::Str(error.message))])),
            }])),
        }
    }

    fn is_json(&self) -> bool {
        let value = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = value.unwrap_or("").split(';').next().unwrap_or("").trim();
        match essence.to_ascii_lowercase().strip_prefix("application/") {
            Some(kind) => kind == "json" || kind.ends_with("+json"),
            None => false,
        }
    }

    /// Requires an API key or the admin key, in the headers of endpoints of the level `api`.
    pub(crate) fn api(&self) -> Result<(), Refusal> {
        if !self.app.config.auth {
            return Ok(());
        }
        let given = self.filled("x-api-key").or_else(|| self.bearer());
        match given.as_deref() {
            Some(key) if self.permission_of(key).is_some() => Ok(()),
            Some(_) => Err(detail(401, "Invalid API key")),
            None if self.filled("authorization").is_some() => Err(detail(401, "Invalid API key")),
            None => Err(detail(401, "Please provide an API key")),
        }
    }

    /// Requires the admin key, in the headers of endpoints of the level `admin`.
    pub(crate) fn admin(&self) -> Result<(), Refusal> {
        if !self.app.config.auth {
            return Ok(());
        }
        let given = self.filled("x-admin-key").or_else(|| self.bearer());
        match given.as_deref() {
            Some(key) if self.permission_of(key) == Some(Permission::Admin) => Ok(()),
            Some(_) => Err(detail(401, "Invalid admin key")),
            None if self.filled("authorization").is_some() => Err(detail(401, "Invalid admin key")),
            None => Err(detail(401, "Please provide an admin key")),
        }
    }

    /// Returns the permission of the caller, after the key was accepted. The rule differs: here an empty header counts, so there
    /// may be no permission.
    pub(crate) fn permission(&self) -> Option<Permission> {
        if !self.app.config.auth {
            return Some(Permission::Admin);
        }
        let given = self.header("x-admin-key").or_else(|| self.header("x-api-key"));
        let given = given.map(str::to_owned).or_else(|| self.bearer())?;
        self.permission_of(&given)
    }

    /// Returns the model. 503 if none is loaded.
    pub(crate) fn model(&self) -> Result<Arc<Loaded>, Refusal> {
        self.app.model().ok_or_else(|| detail(503, "No models are currently loaded."))
    }

    fn permission_of(&self, key: &str) -> Option<Permission> {
        match key {
            key if key == self.app.config.admin_key => Some(Permission::Admin),
            key if key == self.app.config.api_key => Some(Permission::Api),
            _ => None,
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap_or("\u{FFFD}"))
    }

    fn filled(&self, name: &str) -> Option<String> {
        self.header(name).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    fn bearer(&self) -> Option<String> {
        let (scheme, key) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
    }
}

impl Payload {
    /// The last check before the handler: the body against the fields of its model.
    pub(crate) fn check(self, fields: &[&[Field]]) -> Result<Json, Refusal> {
        let invalid = |r#type, msg: &str, input| {
            let loc = vec!["body".into()];
            Refusal::Invalid(vec![Invalid { r#type, loc, msg: msg.to_owned(), input, ctx: None }])
        };
        match self.0 {
            None => Err(invalid("missing", "Field required", Json::Null)),
            Some(body @ Json::Dict(_)) => match schema::validate(&body, fields) {
                errors if errors.is_empty() => Ok(body),
                errors => Err(Refusal::Invalid(errors)),
            },
            Some(other) => Err(invalid("model_attributes_type", schema::NO_OBJECT, other)),
        }
    }
}
