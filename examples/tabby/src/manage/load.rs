//! Loading and unloading.

use serde_json::json;
use tabbyapi::Client;
use tabbyapi::api::{DraftModel, LoadPart, LoadReport, LoadRequest};
use tabbyapi::services::LoadStream;

use super::done;
use crate::args::{Load, with_params};
use crate::failure::Failure;
use crate::output::{Output, safe};

pub async fn load(client: &Client, what: &Load, output: &Output) -> Result<(), Failure> {
    let request = request(what)?;
    let changes = request != LoadRequest::new(&what.name);
    let stream = match what.force {
        true => client.models().reload(&request).await?,
        false => client.models().load(&request),
    };
    let report = follow(stream, &what.name, output).await?;
    match report.was_loaded_already() {
        true if changes => {
            let message = "is already loaded, and the server silently keeps its old parameters; --force loads it again";
            Err(Failure::Undone("already_loaded", format!("{} {message}", what.name)))
        }
        true if !output.is_json() => output.piece(&format!("{} is already loaded\n", what.name)),
        _ => Ok(()),
    }
}

/// Shows the progress of a load, and returns its report. The caller handles a model that is already loaded.
pub async fn follow(mut stream: LoadStream, name: &str, output: &Output) -> Result<LoadReport, Failure> {
    let mut bar = output.progress();
    while let Some(progress) = stream.next().await {
        // `finish` returns the error again.
        let Ok(progress) = progress else { break };
        if output.is_json() {
            output.json_line(&progress)?;
        } else if progress.modules > 1 {
            // The server reports a single module if it does nothing.
            bar.step(&format!("{name} ({})", progress.model_type), progress.module, progress.modules);
        }
    }
    drop(bar);
    let report = stream.finish().await?.into_inner();
    let already = report.was_loaded_already();
    match output.is_json() {
        true => output.json_line(&json!({"model": name, "already_loaded": already, "parts": report.parts}))?,
        false if already => {}
        false => {
            let part =
                |part: &LoadPart| format!("{} modules of {}", part.modules, safe::line(&part.model_type.to_string()));
            let parts: Vec<_> = report.parts.iter().map(part).collect();
            output.piece(&format!("loaded {name}: {}\n", parts.join(", ")))?;
        }
    }
    Ok(report)
}

fn request(what: &Load) -> Result<LoadRequest, Failure> {
    let mut request = LoadRequest::new(&what.name);
    request.max_seq_len = what.max_seq_len;
    request.cache_size = what.cache_size;
    request.cache_mode.clone_from(&what.cache_mode);
    request.chunk_size = what.chunk_size;
    request.gpu_split = Some(what.gpu_split.clone()).filter(|split| !split.is_empty());
    request.tensor_parallel = what.tensor_parallel.then_some(true);
    request.vision = what.vision.then_some(true);
    request.prompt_template.clone_from(&what.template);
    request.draft_model = what.draft.as_ref().map(DraftModel::new);
    with_params(request, &what.params)
}

pub async fn unload(client: &Client, output: &Output) -> Result<(), Failure> {
    client.models().unload().await?;
    done(output, "unloaded")
}
