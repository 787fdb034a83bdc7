//! The stream of a load.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::check::*;
use super::super::report::Notes;
use super::shape;
use super::shapes::PROGRESS;

/// Judges the events of a load. `is_whole` is whether the stream reached its end.
pub(super) fn check(events: &[Value], is_whole: bool, notes: &mut Notes) {
    let mut reached: BTreeMap<&str, u64> = BTreeMap::new();
    let mut is_finished = false;
    for event in events {
        if event["error"].is_object() {
            // A load that failed reports an error, which is not a fault of the stream.
            return;
        }
        shape::check(event, &PROGRESS, notes);
        let (part, module, modules) = (event["model_type"].as_str(), &event["module"], &event["modules"]);
        let (Some(part), Some(module), Some(modules)) = (part, module.as_u64(), modules.as_u64()) else { continue };
        let before = reached.insert(part, module).unwrap_or_default();
        if module < before {
            notes.add(PROGRESS_BACKWARDS, format!("module {module} after module {before}"));
        }
        if module > modules {
            notes.add(PROGRESS_BEYOND, format!("module {module} of {modules}"));
        }
        is_finished = part == "model" && event["status"] == "finished";
        if is_finished && module != modules {
            notes.add(PROGRESS_BEYOND, format!("finished at module {module} of {modules}"));
        }
    }
    if is_whole && !is_finished {
        notes.add(LOAD_UNFINISHED, "the last event is not `finished`");
    }
}
