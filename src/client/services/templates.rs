//! Chat templates.

use crate::api::{ListTemplates, ListTemplatesAsApiKey, SwitchTemplate, TemplateList, UnloadTemplate};
use crate::client::answer::Calling;
use crate::client::client::Client;
use crate::decode::{Empty, Json};

/// Chat templates, which turn conversations into prompts: `client.templates()`.
#[derive(Clone, Copy, Debug)]
pub struct Templates<'a> {
    pub(crate) client: &'a Client,
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

    /// Switches the loaded model to this template until it is loaded again; needs the admin key.
    ///
    /// Errors have the codes `unknown_template` (the server fails on a name that it does not know, with 500 and no words),
    /// `nothing_named` (an empty name) or `no_model_loaded`.
    pub fn switch(&self, name: impl Into<String>) -> Calling<Json<Empty>> {
        self.client.call(&SwitchTemplate::new(name))
    }

    /// Takes the loaded model's template away; needs the admin key. Chat is refused from then on, with the code
    /// `no_template`, until another one is switched to or the model is loaded again.
    pub fn unload(&self) -> Calling<Json<Empty>> {
        self.client.call(&UnloadTemplate)
    }
}
