//! The client: where the server is, which keys there are, whether exchanges are recorded or replayed.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use tabbyapi::transport::record::Recorder;
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::transport::{Exchange, Reqwest};
use tabbyapi::{Client, ClientBuilder, Paces};

use crate::args::ServerArgs;
use crate::failure::Failure;

pub fn client(args: &ServerArgs) -> Result<Client, Failure> {
    let builder = keys(args, Client::builder(args.url.as_str()))?;
    let builder = match args.timeout {
        Some(seconds) => builder.paces(paces(Duration::from_secs(seconds))),
        None => builder,
    };
    if let Some(path) = &args.replay {
        return Ok(builder.build_with(replay(path)?)?);
    }
    let transport = Reqwest::new(Default::default())?;
    match &args.record {
        Some(path) => {
            let file = File::create(path).map_err(|error| cannot("write", path, &error))?;
            let file = Mutex::new(file);
            let recorder = Recorder::new(transport, move |exchange: Exchange| {
                let mut file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if let Err(error) = writeln!(file, "{}", exchange.to_json_line()) {
                    eprintln!("error: an exchange could not be recorded: {error}");
                }
            });
            Ok(builder.build_with(recorder)?)
        }
        None => Ok(builder.build_with(transport)?),
    }
}

/// Keys from the server's own file, then from files of their own, then from the environment: the later ones count.
fn keys(args: &ServerArgs, mut builder: ClientBuilder) -> Result<ClientBuilder, Failure> {
    let (mut api, mut admin) = (None, None);
    if let Some(path) = &args.tokens_file {
        let keys = tokens(&read(path)?);
        (api, admin) = (keys.get("api_key").cloned(), keys.get("admin_key").cloned());
        if api.is_none() && admin.is_none() {
            return Err(Failure::Usage(format!(
                "{} has neither `api_key:` nor `admin_key:`; it should be the server's api_tokens.yml",
                path.display()
            )));
        }
    }
    let file = |path: &Option<std::path::PathBuf>| path.as_deref().map(read).transpose();
    let variable = |name: &str| std::env::var(name).ok().filter(|key| !key.trim().is_empty());
    api = variable("TABBY_API_KEY").or(file(&args.api_key_file)?).or(api);
    admin = variable("TABBY_ADMIN_KEY").or(file(&args.admin_key_file)?).or(admin);
    if let Some(key) = api {
        builder = builder.api_key(key);
    }
    if let Some(key) = admin {
        builder = builder.admin_key(key);
    }
    if let Some(key) = variable("TABBY_BEARER") {
        builder = builder.bearer(key);
    }
    Ok(builder)
}

/// `name: value` lines, as the server writes them: no more of YAML is in that file.
fn tokens(text: &str) -> HashMap<String, String> {
    let line = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let value = value.split(" #").next().unwrap_or_default().trim().trim_matches(['"', '\'']);
        (!name.starts_with([' ', '#']) && !value.is_empty()).then(|| (name.trim().to_owned(), value.to_owned()))
    };
    text.lines().filter_map(line).collect()
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| cannot("read", path, &error))
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::Usage(format!("cannot {what} {}: {error}", path.display()))
}

fn replay(path: &Path) -> Result<Script, Failure> {
    let exchanges = Exchange::from_json_lines(&read(path)?)?;
    Ok(Script::new(exchanges.iter().map(Reply::from)))
}

fn paces(head: Duration) -> Paces {
    let mut paces = Paces::default();
    for pace in [&mut paces.read, &mut paces.generate, &mut paces.stream, &mut paces.stream_tools, &mut paces.load] {
        pace.head = Some(head);
    }
    paces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_file_of_tokens() {
        let keys = tokens("# made by the server\napi_key: abc\nadmin_key: \"d:ef\"  # mine\nother:\n");
        assert_eq!(keys.get("api_key").map(String::as_str), Some("abc"));
        assert_eq!(keys.get("admin_key").map(String::as_str), Some("d:ef"));
        assert_eq!(keys.len(), 2);
    }
}
