//! A chat page in Rust: it lists the models, shows responses as their tokens arrive, and can stop them.
//!
//! `Client` is used as in a native program, and runs on the page's `fetch`. To build and open it:
//!
//! ```text
//! wasm-pack build examples/browser-rust --target web    # makes examples/browser-rust/pkg
//! npx http-server examples/browser-rust                 # or any other server of static files
//! cargo run -p tabbyapi-emulator                        # if there is no TabbyAPI server; it prints its key
//! ```

#![cfg(target_arch = "wasm32")]

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use futures::future::{AbortHandle, abortable};
use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::{Client, Error};
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{Document, Element, Event, HtmlButtonElement, HtmlInputElement};

/// Called by the page once the module is loaded.
#[wasm_bindgen(start)]
pub fn start() -> Result<(), JsValue> {
    let document = web_sys::window().and_then(|window| window.document()).ok_or("this is no page")?;
    let page = Page { document, client: Rc::default(), messages: Rc::default(), answering: Rc::default() };
    page.on("connect", "submit", Page::connect)?;
    page.on("ask", "submit", Page::ask)?;
    page.on("stop", "click", |page| async move {
        // The future of the response is dropped with its stream. This closes the connection, and the server stops generating.
        if let Some(answer) = page.answering.take() {
            answer.abort();
        }
        Ok(())
    })?;
    page.button("go")?.set_disabled(false);
    Ok(())
}

/// The page and its state. Clones share them.
#[derive(Clone)]
struct Page {
    document: Document,
    client: Rc<RefCell<Option<Client>>>,
    messages: Rc<RefCell<Vec<ChatMessage>>>,
    answering: Rc<RefCell<Option<AbortHandle>>>,
}

impl Page {
    async fn connect(self) -> Result<(), Failure> {
        let client = Client::builder(self.input("server")?.value()).api_key(self.input("key")?.value()).build()?;
        let current = client.models().current().await?;
        let list = self.element("models")?;
        list.set_text_content(None);
        for model in &client.models().list().await?.data {
            let item = self.append(&list, "li", &model.id)?;
            if model.id == current.id {
                item.set_attribute("aria-current", "true")?;
            }
        }
        self.say(&format!("Connected; {} is loaded.", current.id), false)?;
        self.button("send")?.set_disabled(false);
        self.input("message")?.focus()?;
        self.client.replace(Some(client));
        Ok(())
    }

    async fn ask(self) -> Result<(), Failure> {
        let (Some(client), field) = (self.client.borrow().clone(), self.input("message")?) else { return Ok(()) };
        let question = field.value();
        field.set_value("");
        let log = self.element("log")?;
        self.append(&log, "p", &question)?.set_class_name("question");
        let answer = self.append(&log, "p", "")?;
        self.messages.borrow_mut().push(ChatMessage::user(question));

        let (work, handle) = abortable(self.clone().answer(client, answer.clone()));
        self.answering.replace(Some(handle));
        self.button("send")?.set_disabled(true);
        self.button("stop")?.set_disabled(false);
        self.say("Answering …", false)?;
        let done = work.await;
        self.button("send")?.set_disabled(false);
        self.button("stop")?.set_disabled(true);

        // The received text is part of the conversation, however the response ended.
        self.messages.borrow_mut().push(ChatMessage::assistant(answer.text_content().unwrap_or_default()));
        match done {
            Ok(summary) => self.say(&summary?, false)?,
            Err(futures::future::Aborted) => self.say("Stopped.", false)?,
        }
        Ok(())
    }

    /// Writes a response into the page as it arrives, and shows its statistics.
    async fn answer(self, client: Client, place: Element) -> Result<String, Failure> {
        let request = ChatRequest::new(self.messages.borrow().clone()).max_tokens(400);
        let mut stream = client.chat().stream(&request);
        while let Some(chunk) = stream.next().await {
            place.append_with_str_1(chunk?.text())?;
            place.scroll_into_view_with_bool(false);
        }
        let answer = stream.finish().await.map_err(|broken| broken.error)?;
        let took = answer.meta().record().elapsed().unwrap_or_default();
        let tokens = answer.usage.as_ref().map_or(0, |usage| usage.completion_tokens);
        Ok(format!("{tokens} tokens in {:.1} s.", took.as_secs_f64()))
    }

    /// Runs a method at each event of an element, and shows its errors.
    fn on<F>(&self, id: &str, event: &str, run: impl Fn(Page) -> F + 'static) -> Result<(), JsValue>
    where
        F: Future<Output = Result<(), Failure>> + 'static,
    {
        let page = self.clone();
        let listener = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            event.prevent_default();
            let (work, page) = (run(page.clone()), page.clone());
            spawn_local(async move {
                if let Err(Failure(message)) = work.await {
                    // If this fails as well, the error cannot be shown.
                    let _ = page.say(&message, true);
                }
            });
        });
        self.element(id)?.add_event_listener_with_callback(event, listener.as_ref().unchecked_ref())?;
        // It lives as long as the page.
        listener.forget();
        Ok(())
    }

    fn say(&self, text: &str, bad: bool) -> Result<(), JsValue> {
        let status = self.element("status")?;
        status.set_text_content(Some(text));
        status.set_class_name(if bad { "bad" } else { "" });
        Ok(())
    }

    fn append(&self, parent: &Element, name: &str, text: &str) -> Result<Element, JsValue> {
        let child = self.document.create_element(name)?;
        child.set_text_content(Some(text));
        parent.append_child(&child)?;
        Ok(child)
    }

    fn element(&self, id: &str) -> Result<Element, JsValue> {
        self.document.get_element_by_id(id).ok_or_else(|| format!("the page has no `{id}`").into())
    }

    fn input(&self, id: &str) -> Result<HtmlInputElement, JsValue> {
        Ok(self.element(id)?.dyn_into()?)
    }

    fn button(&self, id: &str) -> Result<HtmlButtonElement, JsValue> {
        Ok(self.element(id)?.dyn_into()?)
    }
}

/// An error, as a message for the user of the page.
struct Failure(String);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        // The message says what happened, and what to do.
        Failure(error.to_string())
    }
}

impl From<JsValue> for Failure {
    fn from(error: JsValue) -> Self {
        Failure(format!("{error:?}"))
    }
}
