//! `POST /v1/download`: responds when the whole download is complete. Nothing is fetched.

use std::future::pending;
use std::time::Duration;

use axum::Extension;
use serde::Serialize;

use super::route::{self, Route};
use crate::app::{App, lock};
use crate::call::Call;
use crate::generate::pass;
use crate::json::Json;
use crate::model::ModelSpec;
use crate::refusal::{self, Outcome, Refusal, detail};
use crate::schema::{Field, Kind, Limits};

pub(super) fn routes() -> Vec<Route> {
    vec![route::post("/v1/download", download)]
}

/// The files of every repository.
const FILES: &[&str] = &["README.md", "config.json", "model.safetensors", "tokenizer.json"];

static STR: Kind = Kind::Str;
static FIELDS: &[Field] = &[
    Field::required(&["repo_id"], Kind::Str),
    Field::unset(&["repo_type"], Kind::Str),
    Field::optional(&["folder_name"], Kind::Str),
    Field::optional(&["revision"], Kind::Str),
    Field::optional(&["token"], Kind::Str),
    Field::unset(&["include"], Kind::List(&STR)),
    Field::unset(&["exclude"], Kind::List(&STR)),
    Field::optional(&["chunk_limit"], Kind::Int(Limits::NONE)),
    Field::optional(&["timeout"], Kind::Int(Limits::NONE)),
];

#[derive(Serialize)]
struct Done {
    download_path: String,
}

async fn download(Extension(call): Extension<Call>) -> Outcome {
    let payload = call.payload()?;
    call.admin()?;
    let body = payload.check(&[FIELDS])?;
    let text = |key| body.get(key).and_then(Json::as_str).filter(|text| !text.is_empty());
    let repo = text("repo_id").unwrap_or_default();
    look_up(&call.app, repo, text("revision").unwrap_or("main"))?;
    if !FILES.iter().any(|file| is_wanted(&body, file)) {
        return Err(detail(400, format!("File list for repo {repo} is empty. Check your filters?")));
    }
    let kind = if text("repo_type") == Some("lora") { "loras" } else { "models" };
    let name = text("folder_name").unwrap_or_else(|| repo.rsplit('/').next().unwrap_or(repo));
    let path = format!("{kind}/{name}");
    if exists(&call.app, kind, name) {
        return Err(detail(400, format!("The path {path} already exists. Remove the folder and try again.")));
    }
    let mut files = Files::new(&call.app, path);
    let seconds = body.get("timeout").and_then(Json::as_int).and_then(|seconds| u64::try_from(seconds).ok());
    tokio::select! {
        biased;
        () = fetch(&call.app) => {}
        // The server's message is empty.
        () = timeout(seconds) => return Err(detail(400, "")),
    }
    files.complete = true;
    if kind == "models" {
        lock(&call.app.services.downloaded).push(ModelSpec::new(name));
    }
    Ok(refusal::json(&Done { download_path: files.path.clone() }))
}

/// Errors like the hub for unknown names.
fn look_up(app: &App, repo: &str, revision: &str) -> Result<(), Refusal> {
    if repo.matches('/').count() > 1 {
        let text = format!(
            "Repo id must be in the form 'repo_name' or 'namespace/repo_name': '{repo}'. Use `repo_type` argument if \
             needed."
        );
        return Err(detail(400, text));
    }
    let config = &app.config.services;
    if let Some(error) = &config.hub_error {
        return Err(detail(400, error));
    }
    if config.missing_repos.iter().any(|missing| missing == repo) {
        let url = format!("https://huggingface.co/api/models/{repo}/tree/{revision}?recursive=True&expand=False");
        let text = format!(
            "404 Client Error.\n\nRepository Not Found for url: {url}.\nPlease make sure you specified the correct \
             `repo_id` and `repo_type`.\nIf you are trying to access a private or gated repo, make sure you are \
             authenticated. For more details, see https://huggingface.co/docs/huggingface_hub/authentication"
        );
        return Err(detail(400, text));
    }
    Ok(())
}

fn exists(app: &App, kind: &str, name: &str) -> bool {
    let path = format!("{kind}/{name}");
    let known = match kind {
        "loras" => app.config.services.loras.iter().any(|lora| lora == name),
        _ => app.config.models.iter().any(|model| model.name == name),
    };
    known || lock(&app.services.folders).contains(&path)
}

/// Waits for as long as a download takes.
async fn fetch(app: &App) {
    tokio::time::sleep(app.config.services.download_delay).await;
    if app.config.services.gate_downloads {
        pass(app).await;
    }
}

async fn timeout(seconds: Option<u64>) {
    match seconds {
        Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
        None => pending().await,
    }
}

/// Whether a file is included by one pattern and excluded by none.
fn is_wanted(body: &Json, file: &str) -> bool {
    let any = |key| {
        let patterns = body.get(key).and_then(Json::as_list);
        patterns.map(|list| list.iter().filter_map(Json::as_str).any(|pattern| fits(pattern, file)))
    };
    any("include").unwrap_or(true) && !any("exclude").unwrap_or(false)
}

/// `*` matches any text, `?` any character.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // The position after the last `*`, and how far it has matched.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                p += 1;
                star = Some((p, n));
            }
            Some(c) if *c == '?' || *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((after, reached)) => {
                    star = Some((after, reached + 1));
                    (p, n) = (after, reached + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// The folder of a download. It is removed if it is dropped before the download is complete: at the time limit, or when the
/// client disconnects.
struct Files<'a> {
    app: &'a App,
    path: String,
    complete: bool,
}

impl Files<'_> {
    fn new(app: &App, path: String) -> Files<'_> {
        lock(&app.services.folders).push(path.clone());
        Files { app, path, complete: false }
    }
}

impl Drop for Files<'_> {
    fn drop(&mut self) {
        if self.complete {
            return;
        }
        lock(&self.app.services.folders).retain(|path| *path != self.path);
        self.app.journal.write(|log| log.downloads_rolled_back.push(self.path.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        assert!(fits("*", "config.json") && fits("*.json", "config.json") && fits("conf?g.*", "config.json"));
        assert!(!fits("*.gguf", "config.json") && !fits("", "x") && !fits("?", "") && fits("*", ""));
    }
}
