//! `POST /v1/events`: the use of completions in the editor.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::failure::refined;
use crate::api::kinds::json;
use crate::api::operation::{Described, endpoints};
use crate::base::{Advice, Error, ErrorKind, Remedy, Result, TimeoutPolicy, Timeouts};
use crate::decode::open_enum::open_enum;
use crate::decode::{Empty, Json};
use crate::protocol::{Endpoint, Idempotency, Scope, json_body};

/// The table of this service. See [`operation`](crate::api::operation).
macro_rules! service {
    ($make:ident) => {
        $make! {
            /// Events about completions in the editor, for the statistics of the server: `client.events()`.
            ///
            /// By convention a completion is viewed once, and then either selected or dismissed, with the time since it was shown. Each event
            /// counts against the rate limit of the user.
            events: Events {
                /// Reports that a completion was shown.
                call view(event: &LogEvent) -> Empty = &ViewEvent(event) =>
                    own [ViewEvent<'_>]: POST "/v1/events", Api, IfUnsent, read, map_error;
                /// Reports that a completion was accepted: whole, or in part with [`LogEvent::select_kind`].
                call select(event: &LogEvent) -> Empty = &SelectEvent(event) =>
                    own [SelectEvent<'_>]: POST "/v1/events", Api, IfUnsent, read, map_error;
                /// Reports that a completion was rejected. Requires a server of version 0.8.
                call dismiss(event: &LogEvent) -> Empty = &DismissEvent(event) =>
                    own [DismissEvent<'_>]: POST "/v1/events", Api, IfUnsent, read, map_error;
                /// Reports an event with the type that is set in it.
                call log(event: &LogEvent) -> Empty = event =>
                    own [LogEvent]: POST "/v1/events", Api, IfUnsent, read, map_error;
            }
        }
    };
}
pub(crate) use service;

service!(endpoints);

/// An event about a completion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LogEvent {
    /// The type of the event (wire: `type`). The methods `view`, `select` and `dismiss` send their own.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// The id of the completion.
    pub completion_id: String,
    /// The index of the choice that was shown.
    pub choice_index: u32,
    /// The id of this display of the completion. Since 0.8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view_id: Option<String>,
    /// The time since it was shown, in milliseconds. Since 0.8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elapsed: Option<u32>,
    /// How much of it was accepted. Sent in the query.
    #[serde(skip)]
    pub select_kind: Option<SelectKind>,
}

impl LogEvent {
    /// Creates an event about the first choice of the completion with this id. Its type is a view, unless a method other than `log` sends it.
    pub fn new(completion_id: impl Into<String>) -> Self {
        LogEvent {
            kind: EventType::View,
            completion_id: completion_id.into(),
            choice_index: 0,
            view_id: None,
            elapsed: None,
            select_kind: None,
        }
    }

    /// Sets the type.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<EventType>) -> Self {
        self.kind = kind.into();
        self
    }

    /// Sets the index of the choice.
    #[must_use]
    pub fn choice_index(mut self, index: u32) -> Self {
        self.choice_index = index;
        self
    }

    /// Sets the id of the display.
    #[must_use]
    pub fn view_id(mut self, id: impl Into<String>) -> Self {
        self.view_id = Some(id.into());
        self
    }

    /// Sets the time since the completion was shown, in whole milliseconds; at most 49 days.
    #[must_use]
    pub fn elapsed(mut self, elapsed: Duration) -> Self {
        self.elapsed = Some(u32::try_from(elapsed.as_millis()).unwrap_or(u32::MAX));
        self
    }

    /// Sets how much of the completion was accepted.
    #[must_use]
    pub fn select_kind(mut self, kind: impl Into<SelectKind>) -> Self {
        self.select_kind = Some(kind.into());
        self
    }

    fn path(&self, kind: &EventType) -> Cow<'static, str> {
        match &self.select_kind {
            Some(SelectKind::Line) if *kind == EventType::Select => "/v1/events?select_kind=line".into(),
            _ => <LogEvent as Described>::PATH.into(),
        }
    }

    fn body(&self, kind: &EventType) -> Result<Option<Bytes>> {
        match self.kind == *kind {
            true => json_body(self),
            false => json_body(&LogEvent { kind: kind.clone(), ..self.clone() }),
        }
    }
}

open_enum! {
    /// What happened to a completion.
    EventType {
        /// It was shown.
        View = "view",
        /// It was accepted.
        Select = "select",
        /// It was rejected.
        Dismiss = "dismiss",
    }
}

open_enum! {
    /// How much of a completion was accepted.
    SelectKind {
        /// A word or a line of it. The server ignores all other values.
        Line = "line",
    }
}

/// The operation of [`Events::view`](crate::tabbyml::services::Events::view).
#[derive(Clone, Copy, Debug)]
pub struct ViewEvent<'a>(pub(crate) &'a LogEvent);
/// The operation of [`Events::select`](crate::tabbyml::services::Events::select).
#[derive(Clone, Copy, Debug)]
pub struct SelectEvent<'a>(pub(crate) &'a LogEvent);
/// The operation of [`Events::dismiss`](crate::tabbyml::services::Events::dismiss).
#[derive(Clone, Copy, Debug)]
pub struct DismissEvent<'a>(pub(crate) &'a LogEvent);

macro_rules! event_endpoints {
    ($($endpoint:ty, |$this:ident| $event:expr, $kind:expr;)*) => { $(
        impl Endpoint for $endpoint {
            type Decoder = Json<Empty>;
            const METHOD: http::Method = <Self as Described>::METHOD;
            const SCOPE: Scope = <Self as Described>::SCOPE;
            const IDEMPOTENCY: Idempotency = <Self as Described>::IDEMPOTENCY;

            fn path(&self) -> Cow<'_, str> {
                let $this = self;
                LogEvent::path($event, $kind)
            }

            fn body(&self) -> Result<Option<Bytes>> {
                let $this = self;
                LogEvent::body($event, $kind)
            }

            fn timeouts(&self, policy: &TimeoutPolicy) -> Timeouts {
                <Self as Described>::timeouts(policy)
            }

            fn decoder(&self) -> Self::Decoder {
                json()
            }

            fn map_error(error: Error) -> Error {
                <Self as Described>::map_error(error)
            }
        }
    )* };
}

event_endpoints! {
    ViewEvent<'_>, |this| this.0, &EventType::View;
    SelectEvent<'_>, |this| this.0, &EventType::Select;
    DismissEvent<'_>, |this| this.0, &EventType::Dismiss;
    LogEvent, |this| this, &this.kind;
}

fn map_error(error: Error) -> Error {
    let error = refined(error);
    match (error.kind(), error.status().map_or(0, |status| status.as_u16()), error.code().as_str()) {
        (ErrorKind::Server, 400, "bad_request") => error.with_advice(Advice::new(
            Remedy::Change,
            "the server knows the events `view`, `select` and `dismiss`, the last one since version 0.8",
        )),
        _ => error,
    }
}
