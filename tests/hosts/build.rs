//! Makes a table of the recordings, as a module in a JavaScript host has no files.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../transcripts");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut table = String::from("&[\n");
    for folder in sorted(&root)?.iter().filter(|path| path.is_dir()) {
        for file in sorted(folder)? {
            let name = file.strip_prefix(&root)?.to_str().ok_or("a name that is no text")?.replace('\\', "/");
            writeln!(table, "({name:?}, include_bytes!({:?}).as_slice()),", fs::canonicalize(&file)?)?;
        }
    }
    table.push(']');
    Ok(fs::write(Path::new(&env::var("OUT_DIR")?).join("transcripts.rs"), table)?)
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut paths =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}
