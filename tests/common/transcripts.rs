//! The files of the recordings: read from `tests/transcripts`, or, on wasm32, from the module that has them inside.

#![allow(dead_code, reason = "each test uses its own part")]

/// A file by its path under `tests/transcripts`.
#[track_caller]
pub fn read(file: &str) -> Vec<u8> {
    find(file).unwrap_or_else(|| panic!("there is no {file}"))
}

/// The names of a folder's files.
#[cfg(not(target_arch = "wasm32"))]
pub fn names(folder: &str) -> Vec<String> {
    let files = std::fs::read_dir(path(folder)).expect("the transcripts are there");
    files.filter_map(|file| file.expect("a folder can be read").file_name().into_string().ok()).collect()
}

#[cfg(not(target_arch = "wasm32"))]
fn find(file: &str) -> Option<Vec<u8>> {
    std::fs::read(path(file)).ok()
}

#[cfg(not(target_arch = "wasm32"))]
fn path(file: &str) -> std::path::PathBuf {
    // Packages further down run these tests too.
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = here.ancestors().map(|folder| folder.join("tests/transcripts"));
    folders.into_iter().find(|folder| folder.is_dir()).expect("the transcripts are there").join(file)
}

#[cfg(target_arch = "wasm32")]
pub fn names(folder: &str) -> Vec<String> {
    tabbyapi_hosts::names(folder).map(str::to_owned).collect()
}

#[cfg(target_arch = "wasm32")]
fn find(file: &str) -> Option<Vec<u8>> {
    tabbyapi_hosts::read(file).map(<[u8]>::to_vec)
}
