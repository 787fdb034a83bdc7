//! What a file of `src` imports from the crate: every `crate::…` and `super::…` path outside of its tests, those of macros included.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Where the file lies, as a path of modules: `["base", "error"]` for `base/error/mod.rs`.
fn module(file: &str) -> Vec<String> {
    let mut path: Vec<String> = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if matches!(path.last().map(String::as_str), Some("mod" | "lib")) {
        path.pop();
    }
    path
}

/// The paths under the crate's root that the file imports.
fn imports(file: &str, text: &str) -> BTreeSet<Vec<String>> {
    let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("src/{file}: {error}"));
    let mut found = BTreeSet::new();
    walk(tokens, &module(file), &mut found);
    found
}

fn walk(tokens: TokenStream, module: &[String], found: &mut BTreeSet<Vec<String>>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let word = |at: usize| match tokens.get(at) {
        Some(TokenTree::Ident(word)) => word.to_string(),
        _ => String::new(),
    };
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            // `#[cfg(test)] mod tests { … }`; and `pub(in crate::…)`, which is no import.
            TokenTree::Ident(mod_) if mod_ == "mod" && word(at + 1) == "tests" => at += 3,
            TokenTree::Ident(visible)
                if visible == "pub" && matches!(tokens.get(at + 1), Some(TokenTree::Group(_))) =>
            {
                at += 2
            }
            // `$crate::…`, in macros that others call by the public paths.
            TokenTree::Punct(dollar) if dollar.as_char() == '$' && word(at + 1) == "crate" => at += 2,
            TokenTree::Ident(root) if (root == "crate" || root == "super") && is_path(&tokens, at + 1) => {
                let base = if root == "crate" { &[][..] } else { &module[..module.len().saturating_sub(1)] };
                at = follow(&tokens, at + 1, base.to_vec(), found);
            }
            TokenTree::Group(group) => {
                walk(group.stream(), module, found);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

fn is_path(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(mark)) if mark.as_char() == ':');
    colon(at) && colon(at + 1)
}

/// Follows a path whose next `::` is at `at`, into the branches of a `use`. Returns where it ends.
fn follow(tokens: &[TokenTree], mut at: usize, mut path: Vec<String>, found: &mut BTreeSet<Vec<String>>) -> usize {
    while is_path(tokens, at) {
        match tokens.get(at + 2) {
            Some(TokenTree::Ident(word)) if word == "super" => {
                path.pop();
            }
            Some(TokenTree::Ident(word)) if word == "self" => {}
            Some(TokenTree::Ident(word)) => path.push(word.to_string()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                branches(group.stream(), &path, found);
                return at + 3;
            }
            _ => break,
        }
        at += 3;
    }
    found.insert(path);
    at
}

fn branches(tokens: TokenStream, path: &[String], found: &mut BTreeSet<Vec<String>>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for branch in tokens.split(|token| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ',')) {
        let mut path = path.to_vec();
        if let Some(TokenTree::Ident(word)) = branch.first() {
            if word != "self" {
                path.push(word.to_string());
            }
            follow(branch, 1, path, found);
        }
    }
}

/// The imports of this file that go up a floor, go past the floors, or leave out the room of their own floor.
pub fn faults(file: &str, text: &str, floors: &[&str]) -> Vec<String> {
    let module = module(file);
    let Some(floor) = module.first() else { return Vec::new() };
    let height = |name: &str| floors.iter().position(|floor| *floor == name);
    let mine = height(floor).unwrap_or_else(|| panic!("src/{file} is on no floor"));
    let fault = |path: &Vec<String>| {
        let theirs = path.first().and_then(|name| height(name));
        let why = match theirs {
            None if path.is_empty() => return None,
            None => "names no floor",
            Some(theirs) if theirs > mine => "goes up",
            Some(theirs)
                if theirs == mine
                    && module.len() > 1
                    && path.get(1).is_some_and(|room| room.starts_with(char::is_uppercase)) =>
            {
                "leaves out the room"
            }
            Some(_) => return None,
        };
        Some(format!("src/{file}: crate::{} {why}", path.join("::")))
    };
    imports(file, text).iter().filter_map(fault).collect()
}

/// Which room of this floor the file is in, and which others of it it imports from.
pub fn between_rooms(file: &str, text: &str, floor: &str) -> Vec<(String, String)> {
    let module = module(file);
    let [first, room, ..] = &module[..] else { return Vec::new() };
    if first != floor {
        return Vec::new();
    }
    let theirs = imports(file, text).into_iter().filter(|path| path.len() > 1 && path[0] == floor && path[1] != *room);
    theirs.map(|path| (room.clone(), path[1].clone())).collect()
}

/// A circle of these edges, if there is one.
pub fn circle(edges: &BTreeSet<(String, String)>) -> Vec<String> {
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in edges {
        next.entry(from).or_default().push(to);
    }
    // Without those that lead nowhere, until only circles and what leads to them are left.
    loop {
        let before = next.len();
        let ends: Vec<&str> =
            next.iter().filter(|(_, to)| to.iter().all(|to| !next.contains_key(to))).map(|(from, _)| *from).collect();
        ends.iter().for_each(|end| _ = next.remove(end));
        if next.len() == before {
            break;
        }
    }
    let Some((mut at, _)) = next.first_key_value() else { return Vec::new() };
    let mut seen = Vec::new();
    while !seen.contains(at) {
        seen.push(*at);
        at = next[at].iter().find(|to| next.contains_key(*to)).expect("an edge that stays");
    }
    let start = seen.iter().position(|room| room == at).unwrap_or_default();
    seen[start..].iter().chain([at]).map(|room| (*room).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOORS: [&str; 2] = ["low", "high"];

    #[test]
    fn every_writing_of_an_import_is_seen() {
        let text = r#"
            //! crate::high in words
            use crate::high::{self, a::{B, C}};
            macro_rules! m { () => { crate::other::X + $crate::Y } }
            fn f() { super::super::high::g("crate::high::text") }
            pub(in crate::high) fn h() {}
            #[cfg(test)]
            mod tests { use crate::high::T; }
        "#;
        let found = faults("low/room.rs", text, &FLOORS);
        let expected = [
            "src/low/room.rs: crate::high goes up",
            "src/low/room.rs: crate::high::a::B goes up",
            "src/low/room.rs: crate::high::a::C goes up",
            "src/low/room.rs: crate::high::g goes up",
            "src/low/room.rs: crate::other::X names no floor",
        ];
        assert_eq!(found, expected);
        assert_eq!(
            faults("high/room/mod.rs", "use crate::low::X; use super::Y;", &FLOORS),
            ["src/high/room/mod.rs: crate::high::Y leaves out the room"]
        );
    }

    #[test]
    fn circles_are_found() {
        let edges = |text: &str| {
            text.split(' ').map(|edge| edge.split_once('>').unwrap()).map(|(a, b)| (a.into(), b.into())).collect()
        };
        assert_eq!(circle(&edges("a>b b>c a>c")), [""; 0]);
        assert_eq!(circle(&edges("a>b b>c c>d d>b")), ["b", "c", "d", "b"]);
    }
}
