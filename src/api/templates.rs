//! The routes of chat templates: listing, switching, unloading.

use serde::{Deserialize, Serialize};

use crate::api::fields::request;
use crate::api::kinds::kinds;
use crate::api::operation::endpoints;
use crate::base::{Advice, Error, ErrorCode, Extra, Remedy};
use crate::decode::Empty;
use crate::decode::in_place::listed;

/// The table of this service. See [`operation`](crate::api::operation).
macro_rules! service {
    ($make:ident) => {
        $make! {
            /// Chat templates, which turn conversations into prompts: `client.templates()`.
            ///
            /// `cargo run --example templates` runs them against an emulated server.
            ///
            /// ```no_run
            /// # async fn run(client: tabbyapi::Client) -> tabbyapi::Result<()> {
            /// let names = client.templates().list().await?;
            /// if let Some(name) = names.data.first() {
            ///     client.templates().switch(name.as_str()).await?;
            /// }
            /// client.templates().unload().await?;
            /// # Ok(())
            /// # }
            /// ```
            templates: Templates {
                /// Returns the names of the templates in the server's template directory.
                ///
                /// Uses the admin key if it is set. With an API key the server lists only the active template.
                call list() -> TemplateList = &ListTemplates =>
                    unit [ListTemplates]: GET "/v1/templates", PreferAdmin, Idempotent, read;
                /// Switches the loaded model to this template, until the model is loaded again. Requires the admin key.
                ///
                /// # Errors
                ///
                /// * `unknown_template`: the server answers 500 without a message for an unknown name.
                /// * `nothing_named`: the name is empty.
                /// * `no_model_loaded`.
                call switch(name: impl Into<String>) -> Empty = &SwitchTemplate::new(name) =>
                    json [SwitchTemplate]: POST "/v1/template/switch", Admin, IfUnsent, read, map_error;
                /// Removes the template of the loaded model. Requires the admin key.
                ///
                /// Chat then fails with code `no_template` until a template is set or the model is loaded again.
                call unload() -> Empty = &UnloadTemplate =>
                    unit [UnloadTemplate]: POST "/v1/template/unload", Admin, IfUnsent, read;
            }
        }
    };
}
pub(crate) use service;

service!(endpoints);

/// A list of templates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TemplateList {
    /// The names, without `.jinja`.
    #[serde(default, deserialize_with = "listed")]
    pub data: Vec<String>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

request! {
    /// The chat template to switch to.
    ///
    /// The operation of [`Templates::switch`](crate::services::Templates::switch).
    pub struct SwitchTemplate {
        required {
            /// The name of the template, with or without `.jinja` (wire: `prompt_template_name`).
            prompt_template_name: String,
        }
        optional {}
    }
}

impl SwitchTemplate {
    /// Creates a request to switch to this template.
    pub fn new(name: impl Into<String>) -> Self {
        SwitchTemplate::blank(name.into())
    }
}

fn map_error(error: Error) -> Error {
    if error.status().is_some_and(|status| status == 500) {
        return error.with_code(ErrorCode::UnknownTemplate).with_advice(Advice::new(
            Remedy::Call,
            "the server fails this way on unknown templates; {method:templates.list} returns the names, with the admin key",
        ));
    }
    error
}

kinds! {
    TemplateList: "data";
}
