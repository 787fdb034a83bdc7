//! The routes of chat templates: what there is, switching, unloading.

use serde::{Deserialize, Serialize};

use crate::api::fields::{plain, posts, request};
use crate::api::kinds::kinds;
use crate::base::{Advice, Error, Extra, Remedy};
use crate::decode::Empty;
use crate::decode::fill::listed;

/// A list of templates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TemplateList {
    /// Their names, without `.jinja`.
    #[serde(default, deserialize_with = "listed")]
    pub data: Vec<String>,
    /// Fields that this library has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

request! {
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
    /// Switches to this template.
    pub fn new(name: impl Into<String>) -> Self {
        SwitchTemplate::blank(name.into())
    }
}

posts!(SwitchTemplate: "/v1/template/switch", Admin, IfUnsent, Empty, read, explain);

fn explain(error: Error) -> Error {
    if error.status().is_some_and(|status| status == 500) {
        return error.with_code("unknown_template").with_advice(Advice::new(
            Remedy::Call,
            "the server fails so on a template that it does not have; {method:templates.list} has the names, if it is asked with the \
             admin key",
        ));
    }
    error
}

plain! {
    /// The operation of [`Templates::list`](crate::services::Templates::list).
    ListTemplates: GET "/v1/templates", List, Safe, TemplateList, read
}

plain! {
    /// The operation of [`Templates::list_as_api_key`](crate::services::Templates::list_as_api_key).
    ListTemplatesAsApiKey: GET "/v1/templates", Api, Safe, TemplateList, read
}

plain! {
    /// The operation of [`Templates::unload`](crate::services::Templates::unload).
    UnloadTemplate: POST "/v1/template/unload", Admin, IfUnsent, Empty, read
}

kinds! {
    TemplateList: "data";
}
