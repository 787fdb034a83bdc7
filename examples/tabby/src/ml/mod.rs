//! The commands for TabbyML/tabby, the coding assistant, whose API is also called TabbyAPI.

mod complete;
mod connect;
mod search;

use serde_json::Value;
use tabbyapi::api::ChatMessage;
use tabbyapi::tabbyml::{
    ChatRequest, Client, EventType, GraphQlQuery, HealthState, IngestionRequest, LogEvent, SelectKind, ServerKind,
};
use tabbyapi::{Error, Text};

use crate::args::{Args, Ml, MlChat, MlCommand, MlEvent, MlEventKind, MlGraphql, MlIngest, params};
use crate::failure::Failure;
use crate::generate::text;
use crate::interrupt::Interrupt;
use crate::output::{Output, table};

/// One command, from its request to its answer.
pub async fn ml(args: &Args, what: &Ml, output: &Output, interrupt: &Interrupt) -> Result<(), Failure> {
    let client = connect::client(args, what, interrupt)?;
    let work = one(&client, &what.command, output);
    let result = tokio::select! {
        biased;
        () = interrupt.wait() => Err(Failure::Interrupted),
        result = work => result,
    };
    result.map_err(hinted)
}

async fn one(client: &Client, what: &MlCommand, output: &Output) -> Result<(), Failure> {
    match what {
        MlCommand::Detect => detect(client, output).await,
        MlCommand::Health => health(client, output).await,
        MlCommand::Models => {
            let models = client.models().list().await?.into_inner();
            output.print(&models, |models| {
                let rows = |kind: &str, names: &Option<Vec<String>>| {
                    let row = |name: &String| vec![kind.to_owned(), name.clone()];
                    names.iter().flatten().map(row).collect::<Vec<_>>()
                };
                table(&[rows("completion", &models.completion), rows("chat", &models.chat)].concat())
            })
        }
        MlCommand::Setting => {
            let setting = client.server_setting().get().await?.into_inner();
            output.print(&setting, |setting| {
                let state = if setting.disable_client_side_telemetry { "off" } else { "on" };
                format!("telemetry of clients: {state}")
            })
        }
        MlCommand::Complete(what) => complete::complete(client, what, output).await,
        MlCommand::Chat(what) => chat(client, what, output).await,
        MlCommand::Event(what) => event(client, what).await,
        MlCommand::Repositories => search::repositories(client, output).await,
        MlCommand::Search(what) => search::search(client, what, output).await,
        MlCommand::Ingest(what) => ingest(client, what, output).await,
        MlCommand::Graphql(what) => graphql(client, what, output).await,
    }
}

async fn detect(client: &Client, output: &Output) -> Result<(), Failure> {
    let kind = match client.detect().await? {
        ServerKind::TabbyMl => "tabbyml",
        ServerKind::TabbyApi => "tabbyapi",
        _ => "other",
    };
    output.print(&kind, |kind| (*kind).to_owned())
}

async fn health(client: &Client, output: &Output) -> Result<(), Failure> {
    let health = client.health().check().await?.into_inner();
    output.print(&health, |health: &HealthState| {
        let or_none = |name: &Option<Text>| name.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let accounts = match health.webserver {
            Some(true) => "yes",
            Some(false) => "no",
            None => "-",
        };
        let row = |name: &str, value: &str| vec![name.to_owned(), value.to_owned()];
        table(&[
            row("version", &health.version.git_describe),
            row("completion", &or_none(&health.model)),
            row("chat", &or_none(&health.chat_model)),
            row("device", &health.device),
            row("accounts", accounts),
        ])
    })
}

async fn chat(client: &Client, what: &MlChat, output: &Output) -> Result<(), Failure> {
    let system = what.system.iter().map(|text| ChatMessage::system(text.as_str()));
    let messages: Vec<_> = system.chain([ChatMessage::user(text(&what.question).await?)]).collect();
    let mut request = ChatRequest::new(messages);
    request.model.clone_from(&what.model);
    (request.max_tokens, request.temperature) = (what.max_tokens, what.temperature);
    if what.no_stream {
        let answer = client.chat().create(&request).await?.into_inner();
        return match output.is_json() {
            true => output.print(&answer, |_| String::new()),
            false => output.line().piece(answer.text()),
        };
    }
    let mut line = output.line();
    let mut stream = client.chat().stream(&request);
    while let Some(chunk) = stream.next().await {
        // `finish` returns the error again.
        let Ok(chunk) = chunk else { break };
        match output.is_json() {
            true => output.json_line(&chunk)?,
            false => line.piece(chunk.text())?,
        }
    }
    line.close()?;
    stream.finish().await?;
    Ok(())
}

async fn event(client: &Client, what: &MlEvent) -> Result<(), Failure> {
    let kind = match what.kind {
        MlEventKind::View => EventType::View,
        MlEventKind::Select => EventType::Select,
        MlEventKind::Dismiss => EventType::Dismiss,
    };
    if what.part && what.kind != MlEventKind::Select {
        return Err(Failure::Usage(
            "`--part` describes how much was accepted, so it only applies to `select`".to_owned(),
        ));
    }
    let mut event = LogEvent::new(what.completion_id.as_str()).kind(kind).choice_index(what.choice);
    (event.view_id, event.elapsed) = (what.view_id.clone(), what.elapsed);
    event.select_kind = what.part.then_some(SelectKind::Line);
    client.events().log(&event).await?;
    Ok(())
}

async fn ingest(client: &Client, what: &MlIngest, output: &Output) -> Result<(), Failure> {
    match what {
        MlIngest::Add { source, id, file, title, link, ttl } => {
            let body = match file.as_os_str() == "-" {
                true => text("-").await?,
                false => std::fs::read_to_string(file).map_err(|error| Failure::file("read", file, &error))?,
            };
            let title = title.as_ref().unwrap_or(id);
            let mut request = IngestionRequest::new(source.as_str(), id.as_str(), title.as_str(), body);
            (request.link, request.ttl) = (link.clone(), ttl.clone());
            let added = client.ingestion().add(&request).await?.into_inner();
            output.print(&added, |added| added.message.clone())
        }
        MlIngest::Remove { source, id: Some(id) } => {
            client.ingestion().delete(source.as_str(), id.as_str()).await?;
            Ok(())
        }
        MlIngest::Remove { source, id: None } => {
            client.ingestion().delete_source(source.as_str()).await?;
            Ok(())
        }
        MlIngest::Status => {
            let status = client.graphql().ingestion_status().await?.into_inner();
            output.print(&status, |status| {
                let numbers = status.iter().map(|source| {
                    let numbers = [source.pending, source.failed, source.total].map(|number| number.to_string());
                    [vec![source.source.clone()], numbers.to_vec()].concat()
                });
                let head = ["source", "pending", "failed", "total"].map(str::to_owned).to_vec();
                table(&std::iter::once(head).chain(numbers).collect::<Vec<_>>())
            })
        }
    }
}

async fn graphql(client: &Client, what: &MlGraphql, output: &Output) -> Result<(), Failure> {
    let mut query = GraphQlQuery::<Value>::new(text(&what.document).await?);
    for (name, value) in params(&what.variables)? {
        query = query.variable(name, value);
    }
    let data = client.graphql().query(&query).await?.into_inner();
    let text = |data: &Value| serde_json::to_string_pretty(data).unwrap_or_default();
    output.print(&data, text)
}

/// Hints for rejected tokens, with the names of these commands.
fn hinted(failure: Failure) -> Failure {
    let hint = |error: &Error| match error.code().as_str() {
        "unauthorized" if error.hint().is_some_and(|hint| hint.starts_with("set the registration token")) => Some(
            "set TABBYML_REGISTRATION_TOKEN (or `--registration-token-file`) to the token in the server's settings; tokens of users are rejected here",
        ),
        "unauthorized" => Some(
            "set TABBYML_TOKEN (or `--token-file`) to the token on the server's home page; without a valid licence, the \
             server only accepts the owner's token",
        ),
        "forbidden" => Some(
            "sign in with `tabby ml graphql` and the mutation `tokenAuth`, and set TABBYML_TOKEN to the access token",
        ),
        "rate_limited" => {
            Some("wait up to a minute: the server allows each user 120 requests per minute, from all clients together")
        }
        _ => None,
    };
    match failure {
        Failure::Call(error) => match hint(&error) {
            Some(hint) => Failure::Call(error.with_hint(hint)),
            None => Failure::Call(error),
        },
        Failure::Broken(outcome, error) => match hint(&error) {
            Some(hint) => Failure::Broken(outcome, error.with_hint(hint)),
            None => Failure::Broken(outcome, error),
        },
        other => other,
    }
}
