//! Models and embedding models: lists, and the loaded one.

use tabbyapi::api::{EmbeddingLoadRequest, ModelCard, ModelList, ModelProps};
use tabbyapi::{Client, ResponseFuture};

use super::{done, or_none};
use crate::args::{EmbeddingModels, Models, ModelsArgs};
use crate::failure::Failure;
use crate::output::{Output, plain, table};

pub async fn models(client: &Client, what: &ModelsArgs, output: &Output) -> Result<(), Failure> {
    match what.what.as_ref().unwrap_or(&Models::List) {
        Models::List => {
            let models = client.models().list().await?.into_inner();
            let loaded = id_of(client.models().current(), output).await;
            output.print(&models, |models| list(models, loaded.as_deref()))
        }
        Models::Drafts => output.print(&client.models().drafts().await?.into_inner(), |models| list(models, None)),
        Models::Current => output.print(&client.models().current().await?.into_inner(), card),
        Models::Props => output.print(&client.models().props().await?.into_inner(), props),
        Models::Embedding(args) => {
            embedding(client, args.what.as_ref().unwrap_or(&EmbeddingModels::List), output).await
        }
    }
}

async fn embedding(client: &Client, what: &EmbeddingModels, output: &Output) -> Result<(), Failure> {
    let models = client.embedding_models();
    match what {
        EmbeddingModels::List => {
            let all = models.list().await?.into_inner();
            let loaded = id_of(models.current(), output).await;
            output.print(&all, |models| list(models, loaded.as_deref()))
        }
        EmbeddingModels::Current => output.print(&models.current().await?.into_inner(), card),
        EmbeddingModels::Load { name, device } => {
            let mut request = EmbeddingLoadRequest::new(name);
            request.embeddings_device.clone_from(device);
            let spinner = output.spinner(&format!("loading {name}"));
            let progress = models.load(&request).await;
            drop(spinner);
            output.print(&progress?.into_inner(), |_| format!("loaded {name}"))
        }
        EmbeddingModels::Unload => {
            models.unload().await?;
            done(output, "unloaded")
        }
    }
}

/// The id of the loaded model, only for people: JSON output is the server's response.
async fn id_of(current: ResponseFuture<ModelCard>, output: &Output) -> Option<String> {
    match output.is_json() {
        true => None,
        false => current.await.ok().map(|card| card.id.to_string()),
    }
}

fn list(models: &ModelList, loaded: Option<&str>) -> String {
    let mark = |id: &str| if loaded == Some(id) { "loaded".to_owned() } else { String::new() };
    let rows: Vec<_> = models.data.iter().map(|card| vec![card.id.to_string(), mark(&card.id)]).collect();
    or_none(table(&rows))
}

fn card(card: &ModelCard) -> String {
    let json = card.parameters.as_ref().and_then(|parameters| serde_json::to_value(parameters).ok());
    let mut rows = vec![vec!["model".to_owned(), card.id.to_string()]];
    for (name, value) in json.iter().filter_map(|json| json.as_object()).flatten() {
        match name.as_str() {
            // Pages of template.
            "prompt_template_content" => {}
            "draft" => rows.push(vec![name.clone(), plain(&value["id"])]),
            _ => rows.push(vec![name.clone(), plain(value)]),
        }
    }
    table(&rows)
}

fn props(props: &ModelProps) -> String {
    let number = |number: Option<i64>| number.map_or("unknown".to_owned(), |number| number.to_string());
    let template = if props.chat_template.is_empty() { "none" } else { &props.chat_template };
    format!(
        "context   {} tokens\nslots     {}\ntemplate\n{template}",
        number(props.context_size()),
        number(props.total_slots)
    )
}
