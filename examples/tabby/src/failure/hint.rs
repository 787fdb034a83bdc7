//! What to do about an error, in the words of this program: the library names its own functions and settings.

use tabbyapi::{Error, ErrorKind, Phase};

/// What to do, by the error's code.
const BY_CODE: &[(&str, &str)] = &[
    ("no_model_loaded", "load one with `tabby load NAME`; `tabby models` lists them"),
    ("no_embedding_model_loaded", "load one with `tabby models embedding load NAME`"),
    ("unknown_model", "`tabby models`, `tabby models drafts` and `tabby models embedding` list the names"),
    ("no_template", "choose one with `tabby templates switch NAME`, or load the model with `--template NAME`"),
    ("unknown_template", "the server fails so on a template that it does not have; `tabby templates` lists the names"),
    ("unknown_preset", "`tabby sampling` lists the presets"),
    (
        "missing_key",
        "set TABBY_API_KEY, or TABBY_ADMIN_KEY for what needs the admin key, or name a file that holds it: `tabby --help` lists the \
         options",
    ),
    (
        "context_length_exceeded",
        "shorten the text, or load the model with a larger `--max-seq-len` and `--cache-size`, and `--force`; the cache also has to \
         hold the `--chunk-size`",
    ),
    ("unknown_repo", "check the repository's name and `--revision`; a private one takes a `--hub-token-file`"),
    ("nothing_to_download", "no file of the repository fits `--include` and `--exclude`"),
    ("not_found", "check `--url` or TABBY_URL; some routes exist only if the server enables them"),
    ("certificate", "check that `--url` or TABBY_URL has the name that the server's certificate is for"),
];

/// Words of the library that stand in hints of several codes, and ours in their place.
const WORDS: &[(&str, &str)] = &[
    ("`client.models().load(..)`", "`tabby load NAME`; `tabby models` lists them"),
    ("the base URL", "`--url`"),
    ("`max_tokens`", "`--max-tokens`"),
    ("`folder_name`", "`--folder`"),
    ("`repo_id`", "the repository's name"),
    ("`revision`", "`--revision`"),
    ("`api_key` and `admin_key`", "TABBY_API_KEY and TABBY_ADMIN_KEY"),
    (", or a gateway's `Authorization` with `sensitive_header`", ", or a gateway's with TABBY_BEARER"),
    (", or send the bytes with `ContentPart::image_bytes`", ""),
];

const CONSOLE: &str = "the server's console tells the cause; a parameter that the backend cannot take is the usual one";

const UNLISTED: &str = "only the admin key is shown the whole list, which `tabby models` and `tabby models drafts` print, and models \
                        in subfolders are in no list; if it is there, `tabby unload`, then `tabby load` without `--force`";

const INLINE: &str = "the request names another model than the loaded one, and only the admin key may have it loaded by that: set \
                      TABBY_ADMIN_KEY or `--admin-key-file`, and add `--admin`";

const GATED: &str =
    "the hub wants a token that may read this repository: `--hub-token-file` names the file that holds it";

const NO_SERVER: &str = "check that the server is running, and that `--url` or TABBY_URL has its host and port";

const REPLAY: &str = "replay the same command with the same arguments";

pub fn for_the_terminal(error: Error) -> Error {
    let hint = match (error.code(), error.kind()) {
        // No server was asked.
        ("connect", _) if error.to_string().contains(super::RECORDING) => REPLAY.to_owned(),
        ("connect", _) => connecting(&error),
        // No list that the server gave has it.
        ("unknown_model", ErrorKind::Encode) => UNLISTED.to_owned(),
        ("missing_key", _) if error.message().contains("switch model") => INLINE.to_owned(),
        ("unknown_repo" | "bad_request", _) if is_gated(&error) => GATED.to_owned(),
        (_, ErrorKind::Timeout) => match error.phase() {
            Some(Phase::Stall) => "the server may have lost the generation, as when its model is unloaded; \
                                   a larger `--timeout` waits longer"
                .to_owned(),
            // `--wait` has a time of its own, and tells what was missing.
            _ if error.code() == "timeout_ready" => return in_our_words(error),
            _ => "a larger `--timeout` waits longer".to_owned(),
        },
        // The same failure of a plain answer has it.
        ("generation_aborted" | "stream_error", _) if error.hint().is_none() => CONSOLE.to_owned(),
        // Hints of the command's own.
        ("conversation_too_long", _) => return error,
        (code, _) => match BY_CODE.iter().find(|(known, _)| *known == code) {
            Some((_, hint)) => (*hint).to_owned(),
            None => return in_our_words(error),
        },
    };
    error.with_hint(hint)
}

/// The error of a generation, which may have named a model: the server answers with a bare 500 to that while none is loaded.
pub fn of_generation(error: Error, model: Option<&str>) -> Error {
    match model {
        Some(_) if error.code() == "server_error" && error.status().is_some_and(|status| status == 500) => {
            error.with_hint("a request that names a model fails so while none is loaded, and `tabby load NAME` loads one; else the server's console tells why")
        }
        _ => error,
    }
}

/// The library's hint as far as it makes sense here.
fn in_our_words(error: Error) -> Error {
    let Some(hint) = error.hint() else { return error };
    let told = WORDS.iter().fold(hint.to_owned(), |hint, (library, ours)| hint.replace(library, ours));
    let ours: Vec<_> = told.split("; ").filter(|part| !part.contains("::") && !part.contains("client.")).collect();
    let told = match ours.as_slice() {
        [] => "no option of this program changes that".to_owned(),
        ours => ours.join("; "),
    };
    error.with_hint(told)
}

/// Connections go through a proxy if the environment names one.
fn connecting(error: &Error) -> String {
    let secure = error.endpoint().is_some_and(|(_, url)| url.starts_with("https:"));
    let own = if secure { ["https_proxy", "HTTPS_PROXY"] } else { ["http_proxy", "HTTP_PROXY"] };
    let set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match own.iter().chain(&["all_proxy", "ALL_PROXY"]).find(|name| set(name)) {
        Some(name) => format!(
            "{NO_SERVER}; connections go through the proxy in {name}, unless NO_PROXY names the host: check it, too"
        ),
        None => NO_SERVER.to_owned(),
    }
}

/// Whether the hub refused a repository to those who do not say who they are.
fn is_gated(error: &Error) -> bool {
    let says = |words: &str| error.message().contains(words);
    ["401 Client Error", "403 Client Error", "401, message", "403, message", "Access to model", "gated repo."]
        .into_iter()
        .any(says)
        && !says("Repository Not Found")
        || says("Unauthorized")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_speak_of_options() {
        let hint = |kind, code: &str, hint: &str| {
            for_the_terminal(Error::custom(kind, code, "x").with_hint(hint)).hint().unwrap_or_default().to_owned()
        };
        let server = ErrorKind::Server;
        assert_eq!(hint(server, "already_exists", "choose another `folder_name`"), "choose another `--folder`");
        assert_eq!(
            hint(ErrorKind::TooLarge, "body_too_large", "raise `Limits::body` if such answers are expected"),
            "no option of this program changes that"
        );
        assert_eq!(hint(server, "other", "look there; see `client.models()`"), "look there");
        assert_eq!(hint(server, "no_model_loaded", "x"), "load one with `tabby load NAME`; `tabby models` lists them");
        assert_eq!(for_the_terminal(Error::custom(server, "other", "x")).hint(), None);
    }
}
