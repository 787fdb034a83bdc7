//! The routes of chat templates: what there is, switching, unloading.

use serde::{Deserialize, Serialize};

use super::fields::{plain, posts, request};
use crate::decode::{Empty, Json};
use crate::fill::listed;
use crate::{Advice, Calling, Client, Error, Extra, Remedy};

/// Chat templates, which turn conversations into prompts: `client.templates()`.
#[derive(Clone, Copy, Debug)]
pub struct Templates<'a> {
    client: &'a Client,
}

impl Client {
    /// What chat templates there are, switching, unloading.
    ///
    /// `cargo run --example templates` shows it at work, against an emulated server.
    pub fn templates(&self) -> Templates<'_> {
        Templates { client: self }
    }
}

impl Templates<'_> {
    /// The names of the templates in the server's template directory. It is asked with the admin key if there is one, since
    /// with an API key the server shows the active template alone.
    pub fn list(&self) -> Calling<Json<TemplateList>> {
        self.client.call(&ListTemplates)
    }

    /// The list as an API key sees it: the active template, or nothing. With an admin key alone it is the whole list.
    pub fn list_as_api_key(&self) -> Calling<Json<TemplateList>> {
        self.client.call(&ListTemplatesAsApiKey)
    }

    /// Switches the loaded model to this template until it is loaded anew; needs the admin key.
    ///
    /// Errors have the codes `unknown_template` (the server fails on a name that it does not know, with 500 and no words),
    /// `nothing_named` (an empty name) or `no_model_loaded`.
    pub fn switch(&self, name: impl Into<String>) -> Calling<Json<Empty>> {
        self.client.call(&SwitchTemplate::new(name))
    }

    /// Takes the loaded model's template away; needs the admin key. Chat is refused from then on, with the code
    /// `no_template`, until another one is switched to or the model is loaded anew.
    pub fn unload(&self) -> Calling<Json<Empty>> {
        self.client.call(&UnloadTemplate)
    }
}

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
    /// The operation of [`Templates::switch`].
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
    /// The operation of [`Templates::list`].
    ListTemplates: GET "/v1/templates", List, Safe, TemplateList, read
}

plain! {
    /// The operation of [`Templates::list_as_api_key`].
    ListTemplatesAsApiKey: GET "/v1/templates", Api, Safe, TemplateList, read
}

plain! {
    /// The operation of [`Templates::unload`].
    UnloadTemplate: POST "/v1/template/unload", Admin, IfUnsent, Empty, read
}
