//! Searches the server's index.

use serde_json::json;
use tabbyapi::tabbyml::{Client, Grep, Repository, SearchFiles};

use crate::args::MlSearch;
use crate::failure::Failure;
use crate::output::{Output, safe, table};

pub async fn repositories(client: &Client, output: &Output) -> Result<(), Failure> {
    let repositories = client.graphql().repositories().await?.into_inner();
    output.print(&repositories, |repositories| {
        let row = |repository: &Repository| {
            vec![repository.name.clone(), repository.kind.as_str().to_owned(), repository.git_url.clone()]
        };
        table(&repositories.iter().map(row).collect::<Vec<_>>())
    })
}

/// Each match on a separate line, in the format that editors recognize: path, line, text.
pub async fn search(client: &Client, what: &MlSearch, output: &Output) -> Result<(), Failure> {
    let repositories = client.graphql().repositories().await?.into_inner();
    let wanted = |repository: &&Repository| what.repository.as_ref().is_none_or(|name| *name == repository.name);
    let repositories: Vec<_> = repositories.iter().filter(wanted).collect();
    if repositories.is_empty() {
        let message = match &what.repository {
            Some(name) => format!("the server has no repository `{name}`; `tabby ml repositories` lists them"),
            None => "the server has indexed no repository; an administrator adds them in its settings".to_owned(),
        };
        return Err(Failure::Undone("unknown_repository", message));
    }
    let several = repositories.len() > 1;
    for repository in repositories {
        let named = |path: &str| if several { format!("{}/{path}", repository.name) } else { path.to_owned() };
        if what.files {
            let mut request = SearchFiles::new(repository.kind.clone(), &repository.id, &what.query);
            if let Some(revision) = &what.revision {
                request = request.revision(revision);
            }
            for file in &client.graphql().search_files(&request).await?.into_inner() {
                match output.is_json() {
                    true => output.json_line(&json!({"repository": repository.name, "path": file.path}))?,
                    false => output.piece(&format!("{}\n", safe::line(&named(&file.path))))?,
                }
            }
            continue;
        }
        let mut request = Grep::new(repository.kind.clone(), &repository.id, &what.query);
        if let Some(revision) = &what.revision {
            request = request.revision(revision);
        }
        for file in &client.graphql().grep(&request).await?.into_inner().files {
            for line in &file.lines {
                let text = line.line.text.as_deref().unwrap_or_default().trim_end_matches(['\n', '\r']);
                match output.is_json() {
                    true => output.json_line(
                        &json!({"repository": repository.name, "path": file.path, "line": line.line_number, "text": text}),
                    )?,
                    false => {
                        let line = format!("{}:{}:{text}", named(&file.path), line.line_number);
                        output.piece(&format!("{}\n", safe::line(&line)))?;
                    }
                }
            }
        }
    }
    Ok(())
}
