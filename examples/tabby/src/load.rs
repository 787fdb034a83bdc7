//! Loading, unloading, downloading.

use serde_json::json;
use tabbyapi::Client;
use tabbyapi::api::{DownloadRequest, DraftModel, LoadRequest, LoadStream, RepoType};

use crate::args::{Download, Load, params};
use crate::failure::Failure;
use crate::look::done;
use crate::output::Output;

pub async fn load(client: &Client, what: &Load, output: &Output) -> Result<(), Failure> {
    let request = request(what)?;
    let changes = request != LoadRequest::new(&what.name);
    if !what.force && is_loaded(client, &what.name).await? {
        // The server would answer that it has loaded it, and do nothing.
        return match changes {
            false => output.print(&json!({"model": what.name, "already_loaded": true}), |_| {
                format!("{} is loaded already", what.name)
            }),
            true => Err(Failure::Other(format!(
                "{} is loaded already, and the server would silently keep its old parameters; --force loads it anew",
                what.name
            ))),
        };
    }
    let stream = match what.force {
        true => client.models().reload(&request).await?,
        false => client.models().load(&request),
    };
    follow(stream, &what.name, output).await
}

/// Shows how far a load is.
pub async fn follow(mut stream: LoadStream, name: &str, output: &Output) -> Result<(), Failure> {
    let bar = output.bar();
    while let Some(progress) = stream.next().await {
        let Ok(progress) = progress else { break };
        if output.is_json() {
            output.json_line(&progress)?;
        }
        bar.set_message(format!("{name} ({})", progress.model_type));
        bar.set_length(progress.modules);
        bar.set_position(progress.module);
    }
    bar.finish_and_clear();
    let report = stream.finish().await?;
    let parts: Vec<_> =
        report.parts.iter().map(|part| format!("{} modules of {}", part.modules, part.model_type)).collect();
    match output.is_json() {
        true => output.json_line(&json!({"model": name, "loaded": true})),
        false => output.print(&(), |()| format!("loaded {name}: {}", parts.join(", "))),
    }
}

async fn is_loaded(client: &Client, name: &str) -> Result<bool, Failure> {
    match client.models().current().await {
        Ok(card) => Ok(card.id.as_str() == name.trim_matches('/')),
        Err(error) if error.code() == "no_model_loaded" => Ok(false),
        // An admin key alone may be fine for loading; the load will tell.
        Err(error) if error.status().is_some_and(|status| status.as_u16() == 401) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn request(what: &Load) -> Result<LoadRequest, Failure> {
    let mut request = LoadRequest::new(&what.name);
    request.max_seq_len = what.max_seq_len;
    request.cache_size = what.cache_size;
    request.cache_mode.clone_from(&what.cache_mode);
    request.prompt_template.clone_from(&what.template);
    request.draft_model = what.draft.as_ref().map(DraftModel::new);
    for (name, value) in params(&what.params)? {
        request.extra.insert(name, value);
    }
    Ok(request)
}

pub async fn unload(client: &Client, output: &Output) -> Result<(), Failure> {
    client.models().unload().await?;
    done(output, "unloaded")
}

pub async fn download(client: &Client, what: &Download, output: &Output) -> Result<(), Failure> {
    let mut request = DownloadRequest::new(&what.repo);
    request.revision.clone_from(&what.revision);
    request.folder_name.clone_from(&what.folder);
    if what.lora {
        request = request.repo_type(RepoType::Lora);
    }
    if !what.include.is_empty() {
        request = request.include(what.include.clone());
    }
    if !what.exclude.is_empty() {
        request = request.exclude(what.exclude.clone());
    }
    // The token of the hub comes from the environment too.
    if let Ok(token) = std::env::var("HF_TOKEN") {
        request = request.token(token);
    }
    output.note(
        "The server tells nothing before the download is over. Ctrl-C cancels it, and the server removes what it had.",
    );
    let spinner = output.spinner(format!("downloading {}", what.repo));
    let answer = client.models().download(&request).await;
    spinner.finish_and_clear();
    output.print(&answer?.into_value(), |answer| format!("downloaded to {} on the server", answer.download_path))
}
