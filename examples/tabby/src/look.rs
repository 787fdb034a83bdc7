//! What there is, what is loaded, and the small changes to it.

use std::time::Duration;

use serde_json::json;
use tabbyapi::Client;
use tabbyapi::api::{
    EmbeddingLoadRequest, LoraLoad, LoraLoadRequest, ModelCard, ModelList, Overrides, SamplerOverride,
};

use crate::args::{EmbeddingModels, Loras, Models, SamplingCommand, Templates, params};
use crate::failure::Failure;
use crate::output::{Output, plain, table};

pub async fn health(client: &Client, wait: Option<u64>, output: &Output) -> Result<(), Failure> {
    if let Some(seconds) = wait {
        let card = client.health().wait_until_ready(Duration::from_secs(seconds)).await?;
        return output.print(&*card, |card| format!("ready: {}", card.id));
    }
    let health = client.health().check().await?.into_value();
    let well = health.is_healthy();
    output.print(&health, |health| {
        let issues = health.issues.iter().map(|issue| format!("  {}  {}", issue.time, issue.description));
        [health.status.to_string()].into_iter().chain(issues).collect::<Vec<_>>().join("\n")
    })?;
    if !well {
        output.note("the server tells this until it is restarted, even if it works: `tabby health --wait 0` tells whether it is ready");
    }
    Ok(())
}

pub async fn permission(client: &Client, output: &Output) -> Result<(), Failure> {
    let answer = client.auth().permission().await?.into_value();
    output.print(&answer, |answer| answer.permission.to_string())
}

pub async fn models(client: &Client, what: &Models, output: &Output) -> Result<(), Failure> {
    match what {
        Models::List => output.print(&client.models().list().await?.into_value(), list),
        Models::Drafts => output.print(&client.models().drafts().await?.into_value(), list),
        Models::Current => output.print(&client.models().current().await?.into_value(), card),
        Models::Props => output.print(&client.models().props().await?.into_value(), |props| {
            let context = props.default_generation_settings.n_ctx.map_or("unknown".to_owned(), |n| n.to_string());
            let slots = props.total_slots.map_or("unknown".to_owned(), |n| n.to_string());
            format!("context   {context} tokens\nslots     {slots}\ntemplate\n{}", props.chat_template)
        }),
        Models::Embedding(what) => embedding(client, what, output).await,
    }
}

async fn embedding(client: &Client, what: &EmbeddingModels, output: &Output) -> Result<(), Failure> {
    let models = client.embedding_models();
    match what {
        EmbeddingModels::List => output.print(&models.list().await?.into_value(), list),
        EmbeddingModels::Current => output.print(&models.current().await?.into_value(), card),
        EmbeddingModels::Load { name, device } => {
            let mut request = EmbeddingLoadRequest::new(name);
            request.embeddings_device.clone_from(device);
            let spinner = output.spinner(format!("loading {name}"));
            let progress = models.load(&request).await;
            spinner.finish_and_clear();
            output.print(&progress?.into_value(), |_| format!("loaded {name}"))
        }
        EmbeddingModels::Unload => {
            models.unload().await?;
            done(output, "unloaded")
        }
    }
}

pub async fn loras(client: &Client, what: &Loras, output: &Output) -> Result<(), Failure> {
    let list = |list: &tabbyapi::api::LoraList| {
        let rows: Vec<_> = list
            .data
            .iter()
            .map(|card| vec![card.id.to_string(), card.scaling.map(|scaling| scaling.to_string()).unwrap_or_default()])
            .collect();
        if rows.is_empty() { "none".to_owned() } else { table(&rows) }
    };
    match what {
        Loras::List => output.print(&client.loras().list().await?.into_value(), list),
        Loras::Active => output.print(&client.loras().active().await?.into_value(), list),
        Loras::Unload => {
            client.loras().unload().await?;
            done(output, "unloaded")
        }
        Loras::Load { names } => {
            let loras = names.iter().map(|text| lora(text)).collect::<Result<Vec<_>, _>>()?;
            let report = client.loras().load(&LoraLoadRequest::new(loras)).await?.into_value();
            output.print(&report, |report| {
                let line = |what: &str, names: &[String]| match names {
                    [] => String::new(),
                    names => format!("{what}  {}\n", names.join(", ")),
                };
                line("loaded", &report.success) + &line("failed", &report.failure)
            })?;
            match report.failure.is_empty() {
                true => Ok(()),
                false => {
                    Err(Failure::Other(format!("{} of {} LoRAs were not loaded", report.failure.len(), names.len())))
                }
            }
        }
    }
}

/// `NAME` or `NAME=SCALING`.
fn lora(text: &str) -> Result<LoraLoad, Failure> {
    let Some((name, scaling)) = text.split_once('=') else { return Ok(LoraLoad::new(text)) };
    let scaling =
        scaling.parse().map_err(|_| Failure::Usage(format!("`{scaling}` is no scaling; write {name}=0.5")))?;
    Ok(LoraLoad::new(name).scaling(scaling))
}

pub async fn templates(client: &Client, what: &Templates, output: &Output) -> Result<(), Failure> {
    match what {
        Templates::List => output.print(&client.templates().list().await?.into_value(), |list| list.data.join("\n")),
        Templates::Switch { name } => {
            client.templates().switch(name).await?;
            done(output, &format!("the template is {name} until the model is loaded anew"))
        }
        Templates::Unload => {
            client.templates().unload().await?;
            done(output, "there is no template: chat is refused until one is switched to")
        }
    }
}

pub async fn sampling(client: &Client, what: &SamplingCommand, output: &Output) -> Result<(), Failure> {
    match what {
        SamplingCommand::Overrides => {
            let list = client.sampling().overrides().await?.into_value();
            output.print(&list, |list| {
                let json = serde_json::to_value(&list.overrides).unwrap_or_default();
                let overrides = json.as_object().into_iter().flatten().map(|(name, value)| {
                    let how = ["force", "additive"].into_iter().filter(|how| value[how] == true);
                    vec![name.clone(), plain(&value["override"]), how.collect::<Vec<_>>().join(", ")]
                });
                let rows: Vec<_> = overrides.collect();
                let preset = list.selected_preset.as_deref().unwrap_or("none");
                let presets = if list.presets.is_empty() { "none".to_owned() } else { list.presets.join(", ") };
                format!("preset   {preset}\npresets  {presets}\n{}", table(&rows))
            })
        }
        SamplingCommand::Switch { preset } => {
            client.sampling().switch_preset(preset).await?;
            done(output, &format!("the preset {preset} is in force"))
        }
        SamplingCommand::Set { params: set, force } => {
            let overrides = params(set)?.into_iter().fold(Overrides::new(), |overrides, (name, value)| {
                let value = SamplerOverride::new(value);
                overrides.with(name, if *force { value.force() } else { value })
            });
            client.sampling().set_overrides(&overrides).await?;
            done(output, "the overrides are in force, in place of all others")
        }
        SamplingCommand::Unload => {
            client.sampling().unload().await?;
            done(output, "nothing is overridden")
        }
    }
}

/// What has no answer of its own.
pub fn done(output: &Output, text: &str) -> Result<(), Failure> {
    output.print(&json!({"ok": true}), |_| text.to_owned())
}

fn list(list: &ModelList) -> String {
    let names: Vec<_> = list.data.iter().map(|card| card.id.as_str()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join("\n") }
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
