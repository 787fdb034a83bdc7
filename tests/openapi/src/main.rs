//! Writes `openapi.json`.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi.json");
    std::fs::write(&path, serde_json::to_string_pretty(&tabbyapi_openapi::document())? + "\n")?;
    println!("wrote openapi.json");
    Ok(())
}
