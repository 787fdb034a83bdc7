//! What to do about an error, in the words of this program: the library names its own functions.

use tabbyapi::{Error, ErrorKind};

/// The library's words, and ours in their place.
const WORDS: &[(&str, &str)] = &[
    ("load one with `client.models().load(..)`", "load one with `tabby load NAME`; `tabby models` lists them"),
    ("load one with `client.embedding_models().load(..)`", "load one with `tabby models embedding load NAME`"),
    (
        "the lists of `client.models()` and `client.embedding_models()` have the names that can be loaded, if they are asked with \
         the admin key",
        "`tabby models`, `tabby models drafts` and `tabby models embedding` list the names",
    ),
    (
        "choose one with `client.templates().switch(..)`, or load the model with its `prompt_template` set",
        "choose one with `tabby templates switch NAME`, or load the model with `--template NAME`",
    ),
    (
        "`client.templates().list()` has the names, if it is asked with the admin key",
        "`tabby templates` lists the names",
    ),
    (
        "`client.sampling().overrides()` has the names of the presets, if it is asked with the admin key",
        "`tabby sampling` lists the presets",
    ),
    (
        "set the key with `api_key` or `admin_key`; admin operations need the admin key",
        "set TABBY_API_KEY, or TABBY_ADMIN_KEY for what needs the admin key, or name a file that holds it: `tabby --help` lists \
         the options",
    ),
    (
        "check that the server is running and that the base URL has its host and port",
        "check that the server is running, and that `--url` or TABBY_URL has its host and port",
    ),
    ("check the base URL;", "check `--url` or TABBY_URL;"),
    (
        "load the model with a larger `max_seq_len` and `cache_size`",
        "load the model with a larger `--max-seq-len` and `--cache-size`, and `--force`",
    ),
    (
        "ask for fewer tokens with `max_tokens`, or calibrate the estimator",
        "or ask for fewer tokens with `--max-tokens`",
    ),
    ("raise `Pace::head` if such waits are expected", "raise `--timeout` if such waits are expected"),
    ("check `repo_id` and `revision`; a private repository takes a `token`", PRIVATE),
];

const PRIVATE: &str = "check the repository's name and `--revision`; a private one takes a `--hub-token-file`";

const CONSOLE: &str = "the server's console tells the cause; a parameter that the backend cannot take is the usual one";

const UNLISTED: &str = "only the admin key is shown the whole list, which `tabby models` and `tabby models drafts` print, and models \
                        in subfolders are in no list; if it is there, `tabby unload`, then `tabby load` without `--force`";

const INLINE: &str = "the request names another model than the loaded one, and only the admin key may have it loaded by that: set \
                      TABBY_ADMIN_KEY or `--admin-key-file`, and add `--admin`";

pub fn for_the_terminal(error: Error) -> Error {
    let Some(hint) = error.hint() else {
        return match error.code() {
            // The same failure of a plain answer has it.
            "generation_aborted" | "stream_error" => error.with_hint(CONSOLE),
            _ => error,
        };
    };
    match error.code() {
        // No list that the server gave has it.
        "unknown_model" if error.kind() == ErrorKind::Encode => return error.with_hint(UNLISTED),
        "missing_key" if error.message().contains("switch model") => return error.with_hint(INLINE),
        _ => {}
    }
    // No server was asked.
    if error.code() == "connect" && error.to_string().contains(super::RECORDING) {
        return error.with_hint("replay the same command with the same arguments");
    }
    let told = WORDS.iter().fold(hint.to_owned(), |hint, (library, ours)| hint.replace(library, ours));
    error.with_hint(told)
}
