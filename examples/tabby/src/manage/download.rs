//! Downloads by the server.

use std::fs;

use tabbyapi::Client;
use tabbyapi::api::{DownloadRequest, RepoType};

use crate::args::Download;
use crate::failure::Failure;
use crate::output::{Output, safe};

pub async fn download(client: &Client, what: &Download, output: &Output) -> Result<(), Failure> {
    let request = request(what)?;
    output.note(
        "The server reports nothing before the download has ended. Ctrl-C cancels it, and the server removes the partial files.",
    );
    let spinner = output.spinner(&format!("downloading {}", what.repo));
    let answer = client.models().download(&request).await;
    drop(spinner);
    output.print(&answer?.into_inner(), |answer| {
        format!("downloaded to {} on the server", safe::line(&answer.download_path))
    })
}

fn request(what: &Download) -> Result<DownloadRequest, Failure> {
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
    // Never from the environment: the token belongs to the user, and would be sent to any server.
    if let Some(path) = &what.hub_token_file {
        let token = fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
        request = request.token(token.trim());
    }
    Ok(request)
}
