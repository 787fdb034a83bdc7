//! Lists, the loaded model, and changes to them.

pub mod download;
pub mod load;
pub mod models;
pub mod sampling;

use std::time::Duration;

use serde_json::json;
use tabbyapi::Client;
use tabbyapi::api::{HealthReport, LoraCard, LoraList, LoraLoad, LoraLoadRequest, LoraReport};

use crate::args::{Loras, LorasArgs, Templates, TemplatesArgs};
use crate::failure::Failure;
use crate::output::{Output, count, safe, table};

/// The number of characters of an issue's first line that are shown.
const MOST_OF_ISSUE: usize = 200;

pub async fn health(client: &Client, wait: Option<u64>, output: &Output) -> Result<(), Failure> {
    if let Some(seconds) = wait {
        let card = client.health().wait_until_ready(Duration::from_secs(seconds)).await?;
        return output.print(&*card, |card| format!("ready: {}", safe::line(&card.id)));
    }
    let health = client.health().check().await?.into_inner();
    output.print(&health, in_short)?;
    match health.is_healthy() {
        true => Ok(()),
        false => Err(Failure::Unhealthy),
    }
}

/// The status, and a line for each issue. Issues have many lines.
fn in_short(health: &HealthReport) -> String {
    let mut more = 0;
    let mut lines = vec![safe::line(&health.status.to_string()).into_owned()];
    for issue in &health.issues {
        let mut said = issue.description.lines().filter(|line| !line.trim().is_empty());
        let (first, rest) = (said.next().unwrap_or_default(), said.count());
        let cut: String = first.chars().take(MOST_OF_ISSUE).collect();
        let dots = if cut.len() < first.len() { "…" } else { "" };
        let rest = if rest > 0 { format!(" (and {})", count(rest as u64, "more line")) } else { String::new() };
        more += usize::from(!rest.is_empty() || !dots.is_empty());
        let time = issue.time.to_string();
        lines.push(format!("  {}  {}{dots}{rest}", safe::line(&time), safe::line(cut.trim_end())));
    }
    if more > 0 {
        lines.push(format!("  {}; --json shows all of it", count(health.issues.len() as u64, "issue")));
    }
    lines.join("\n")
}

pub async fn permission(client: &Client, output: &Output) -> Result<(), Failure> {
    let answer = client.auth().permission().await?.into_inner();
    output.print(&answer, |answer| answer.permission.to_string())
}

pub async fn loras(client: &Client, what: &LorasArgs, output: &Output) -> Result<(), Failure> {
    match what.what.as_ref().unwrap_or(&Loras::List) {
        Loras::List => output.print(&client.loras().list().await?.into_inner(), lora_list),
        Loras::Active => output.print(&client.loras().active().await?.into_inner(), lora_list),
        Loras::Unload => {
            client.loras().unload().await?;
            done(output, "unloaded")
        }
        Loras::Load { names } => {
            let loras = names.iter().map(|text| lora(text)).collect::<Result<Vec<_>, _>>()?;
            let report = client.loras().load(&LoraLoadRequest::new(loras)).await?.into_inner();
            output.print(&report, lora_report)?;
            match report.failure.is_empty() {
                true => Ok(()),
                false => Err(Failure::Undone(
                    "loras_failed",
                    format!(
                        "the server could not load {} of {} LoRAs; its console shows why",
                        report.failure.len(),
                        names.len()
                    ),
                )),
            }
        }
    }
}

fn lora_list(list: &LoraList) -> String {
    let row = |card: &LoraCard| vec![card.id.to_string(), card.scaling.map(|it| it.to_string()).unwrap_or_default()];
    or_none(table(&list.data.iter().map(row).collect::<Vec<_>>()))
}

fn lora_report(report: &LoraReport) -> String {
    let line = |what: &str, names: &[String]| match names {
        [] => String::new(),
        names => format!("{what}  {}\n", listed(names, ", ")),
    };
    line("loaded", &report.success) + &line("failed", &report.failure)
}

/// `NAME` or `NAME=SCALING`.
fn lora(text: &str) -> Result<LoraLoad, Failure> {
    let Some((name, scaling)) = text.split_once('=') else { return Ok(LoraLoad::new(text)) };
    let scaling =
        scaling.parse().map_err(|_| Failure::Usage(format!("`{scaling}` is not a scaling; write {name}=0.5")))?;
    Ok(LoraLoad::new(name).scaling(scaling))
}

pub async fn templates(client: &Client, what: &TemplatesArgs, output: &Output) -> Result<(), Failure> {
    match what.what.as_ref().unwrap_or(&Templates::List) {
        Templates::List => {
            output.print(&client.templates().list().await?.into_inner(), |list| or_none(listed(&list.data, "\n")))
        }
        Templates::Switch { name } => {
            client.templates().switch(name).await?;
            done(output, &format!("the template is {name} until the model is loaded again"))
        }
        Templates::Unload => {
            client.templates().unload().await?;
            done(output, "the template is unloaded: the server rejects chats until you switch to one")
        }
    }
}

/// The output of commands without a response.
pub fn done(output: &Output, text: &str) -> Result<(), Failure> {
    output.print(&json!({"ok": true}), |_| text.to_owned())
}

/// Names from the server, escaped so that one name cannot look like several.
fn listed<T: AsRef<str>>(names: &[T], between: &str) -> String {
    names.iter().map(|name| safe::line(name.as_ref())).collect::<Vec<_>>().join(between)
}

/// A list that may be empty.
fn or_none(list: String) -> String {
    if list.is_empty() { "none".to_owned() } else { list }
}
