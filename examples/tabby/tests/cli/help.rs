//! The help.

use crate::support::{Run, folder, keyless};

fn output(args: &[&str]) -> String {
    Run::from(keyless("http://127.0.0.1:1", args).output().unwrap()).good()
}

#[test]
fn help_is_as_it_was() {
    let mut all = String::new();
    for command in [
        "",
        "load",
        "complete",
        "chat",
        "embed",
        "tokens",
        "models",
        "sampling",
        "batch",
        "doctor",
        "ml",
        "ml complete",
    ] {
        let args: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        all += &format!("$ tabby {}\n{}\n", args.join(" "), output(&args));
    }
    let expected = include_str!("help.txt").replace("\r\n", "\n");
    if all != expected {
        let path = folder("help").join("help.txt");
        std::fs::write(&path, &all).unwrap();
        panic!("the help has changed; if it is to, copy {} over tests/cli/help.txt", path.display());
    }
}

#[test]
fn keys_do_not_show() {
    let mut command = keyless("http://127.0.0.1:1", &["--help"]);
    let help = Run::from(command.env("TABBY_API_KEY", "hush-hush").env("TABBY_BEARER", "hush-hush").output().unwrap());
    assert!(!help.good().contains("hush-hush"));
}

#[test]
fn version_and_completions() {
    assert_eq!(output(&["--version"]), concat!("tabby ", env!("CARGO_PKG_VERSION"), "\n"));
    for (shell, word) in [("bash", "_tabby()"), ("zsh", "#compdef tabby"), ("fish", "complete -c tabby")] {
        assert!(output(&["completions", shell]).contains(word), "{shell}");
    }
}
