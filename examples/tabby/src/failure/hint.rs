//! Hints for errors with the names of this program. The library's hints name its own functions and settings.

use tabbyapi::{Error, ErrorKind, Place};

/// Hints that replace those of the library, by the error's code.
const BY_CODE: &[(&str, &str)] = &[(
    "certificate",
    "check that `--url` or TABBY_URL has the name in the server's certificate, and that this system trusts its issuer",
)];

const CONSOLE: &str = "the server's console shows the cause; usually a parameter that the backend does not support";

const UNLISTED: &str = "the server shows the whole list, which `tabby models` and `tabby models drafts` print, only to the admin key, and models \
                        in subfolders are in no list; if the model exists, use `tabby unload`, then `tabby load` without `--force`";

const IDEMPOTENCY: &str = "replay the same command with the same arguments";

pub fn for_the_terminal(error: Error) -> Error {
    match (error.code().as_str(), error.kind()) {
        // No request was sent.
        ("connect", _) if error.to_string().contains(super::RECORDING) => error.with_hint(IDEMPOTENCY),
        // The model is in none of the server's lists.
        ("unknown_model", ErrorKind::Encode) => error.with_hint(UNLISTED),
        // The same failure of a response that is not streamed has this hint.
        ("generation_aborted" | "stream_error", _) if error.hint().is_none() => error.with_hint(CONSOLE),
        (code, _) => match BY_CODE.iter().find(|(known, _)| *known == code) {
            Some((_, hint)) => error.with_hint(*hint),
            None => in_our_words(error),
        },
    }
}

/// The error of a generation that may have named a model. While no model is loaded, the server answers this with a 500 without details.
pub fn of_generation(error: Error, model: Option<&str>) -> Error {
    match model {
        Some(_) if error.code() == "server_error" && error.status().is_some_and(|status| status == 500) => {
            error.with_hint("a request that names a model fails in this way while none is loaded: load one with `tabby load NAME`; otherwise see the server's console")
        }
        _ => error,
    }
}

/// A marker for a name without an equivalent in this program.
const NOTHING: char = '\0';

/// The library's error with the names of this program. Parts of its hint without an equivalent are omitted.
fn in_our_words(error: Error) -> Error {
    let of_url = if error.kind() == ErrorKind::Config { "`--url`" } else { "`--url` or TABBY_URL" };
    let error = error.spelled(|place| match place {
        Place::BaseUrl => of_url.to_owned(),
        place => ours(place).unwrap_or_else(|| NOTHING.to_string()),
    });
    match error.hint().filter(|hint| hint.contains(NOTHING)) {
        Some(hint) => {
            let parts: Vec<_> = hint.split("; ").filter(|part| !part.contains(NOTHING)).collect();
            let hint = parts.join("; ");
            error.with_hint(if hint.is_empty() { "no option of this program changes that".to_owned() } else { hint })
        }
        None => error,
    }
}

/// The equivalent of a name of the library in this program.
fn ours(place: Place) -> Option<String> {
    let name = match place {
        Place::Method(method) => match method {
            "models.load" => "`tabby load NAME`; `tabby models` lists them",
            "models.unload" => "`tabby unload`",
            "models" => "`tabby models`, `tabby models drafts`",
            "embedding_models.load" => "`tabby models embedding load NAME`",
            "embedding_models" => "`tabby models embedding`",
            "templates.switch" => "`tabby templates switch NAME`",
            "templates.list" => "`tabby templates`",
            "sampling.overrides" => "`tabby sampling`",
            "completions" => "`tabby complete`",
            _ => return None,
        },
        Place::Setting(setting) => match setting {
            "options.prefer_admin_key" => "`--admin` and TABBY_ADMIN_KEY (or `--admin-key-file`)",
            "content_part.image_bytes" => "a `data:` URL",
            "client_builder.sensitive_header" => "TABBY_BEARER (or `--bearer-file`)",
            setting if setting == "options.timeout" || setting.starts_with("timeouts.") => "`--timeout`",
            _ => return None,
        },
        Place::Key("admin_key") => "TABBY_ADMIN_KEY (or `--admin-key-file`)",
        Place::Key(_) => "TABBY_API_KEY (or `--api-key-file`)",
        Place::Field(field) => match field {
            "source" => "SOURCE",
            "id" => "ID",
            "title" => "`--title`",
            "ttl" => "`--ttl`",
            "repo_id" => "the repository's name",
            "folder_name" => "`--folder`",
            "token" => "`--hub-token-file`",
            "prompt_template" => "`--template`",
            // The time limit of a download is the server's own.
            "timeout" => "time limit",
            "max_tokens" | "max_seq_len" | "cache_size" | "chunk_size" | "include" | "exclude" | "revision" => {
                return Some(format!("`--{}`", field.replace('_', "-")));
            }
            _ => return Some(format!("`--param {field}=..`")),
        },
        _ => return None,
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tabbyapi::transport::script::{Reply, Script};
    use tabbyapi::{Client, Limits, Options, policy::Retry};
    use tokio::runtime::Builder;

    fn hint(reply: Reply) -> String {
        let options = Options::new().retry(Retry::NEVER).limits(Limits::default().body(500));
        let client = Client::builder("http://tabby.test").options(options).build_with(Script::new([reply])).unwrap();
        let error = for_the_terminal(
            Builder::new_current_thread().build().unwrap().block_on(client.models().list().into_future()).unwrap_err(),
        );
        error.hint().unwrap_or_default().to_owned()
    }

    #[test]
    fn hints_speak_of_options() {
        let detail = |status, detail: &str| hint(Reply::json(status, format!(r#"{{"detail":"{detail}"}}"#)));
        assert_eq!(
            detail(503, "No models are currently loaded."),
            "load one with `tabby load NAME`; `tabby models` lists them"
        );
        assert_eq!(
            detail(400, "Could not find the model path"),
            "the lists of `tabby models`, `tabby models drafts` and `tabby models embedding` have the names that can be loaded, with the \
             admin key"
        );
        assert_eq!(
            detail(401, "Please provide an API key"),
            "set the key with TABBY_API_KEY (or `--api-key-file`) or TABBY_ADMIN_KEY (or `--admin-key-file`); admin operations need \
             the admin key"
        );
        assert_eq!(hint(Reply::json(200, "1".repeat(501))), "no option of this program changes that");
        // The rest of the library's hint is kept.
        assert_eq!(
            hint(Reply::status(404)),
            "check `--url` or TABBY_URL; some routes exist only if the server enables them"
        );
        assert_eq!(
            hint(Reply::status(307).header("location", "https://tabby.test/x")),
            "redirects are not followed, so that keys stay here; use the address it points to as `--url` or TABBY_URL: \
             https://tabby.test/x"
        );
    }

    #[test]
    fn plain_hints_and_none_stay() {
        let error = || Error::custom(ErrorKind::Server, "other", "x");
        assert_eq!(for_the_terminal(error()).hint(), None);
        assert_eq!(for_the_terminal(error().with_hint("look there; or here")).hint(), Some("look there; or here"));
    }

    #[test]
    fn a_wrong_address_is_that_of_the_option() {
        let error = |url: &str| for_the_terminal(url.parse::<tabbyapi::BaseUrl>().unwrap_err()).to_string();
        assert_eq!(error("localhost:5000"), "`--url` `localhost:5000` has no scheme; write `http://localhost:5000`");
        assert_eq!(error(""), "`--url` is empty; give the server's address, such as `http://127.0.0.1:5000`");
        assert_eq!(
            error("http://me:hush@host"),
            "`--url` carries a user name or password; leave them out and set keys with TABBY_API_KEY (or `--api-key-file`) and \
             TABBY_ADMIN_KEY (or `--admin-key-file`), or a gateway's `Authorization` with TABBY_BEARER (or `--bearer-file`)"
        );
    }

    /// All places that hints of the library name, from its sources.
    fn places() -> Vec<Place> {
        let (mut folders, mut places) = (vec![concat!(env!("CARGO_MANIFEST_DIR"), "/../../src").into()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir::<std::path::PathBuf>(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let source: &str = std::fs::read_to_string(path).unwrap_or_default().leak();
                for part in source.split('{').filter_map(|part| part.split_once('}')) {
                    places.extend(match part.0.split_once(':') {
                        Some(("method", name)) => Some(Place::Method(name)),
                        Some(("setting", name)) => Some(Place::Setting(name)),
                        Some(("key", name)) => Some(Place::Key(name)),
                        Some(("field", name)) => Some(Place::Field(name)),
                        _ => None,
                    });
                }
            }
        }
        places
    }

    #[test]
    fn no_name_in_hints_is_one_of_rust() {
        let places = places();
        assert!(places.len() > 40, "{}", places.len());
        for spelled in places.into_iter().filter_map(ours) {
            // Options have a dash where Rust has `_`; variables of the environment are in capitals, and a field of the request is given with
            // `--param` by its own name.
            let odd = |word: &str| word.contains('_') && word.contains(|c: char| c.is_ascii_lowercase());
            let odd = !spelled.starts_with("`--param ") && spelled.split([' ', '`']).any(odd);
            assert!(!odd && !spelled.contains("::") && !spelled.contains("client"), "{spelled}");
        }
    }
}
