//! One fault at a time in the answers of the emulated server, each with the finding that it must have.

use std::collections::BTreeSet;

use tabbyapi::doctor::{CHECKS, judge};
use tabbyapi_emulator::Emulator;

use crate::content::*;
use crate::edit::text;
use crate::state::*;
use crate::subject::{Edit, Subject};

/// The name, the answers that it changes, the finding, and the change.
pub type Mutant = (&'static str, &'static str, &'static str, Edit);

pub const CHAT: &str = "POST /v1/chat/completions !\"stream\":true";
pub const STREAM: &str = "POST /v1/chat/completions \"stream\":true";
pub const TEXT: &str = "POST /v1/completions !\"stream\":true";
pub const TEXT_STREAM: &str = "POST /v1/completions \"stream\":true";
pub const NO_KEY: &str = "GET /v1/auth/permission !x-api-key";
pub const WRONG_KEY: &str = "GET /v1/auth/permission doctor-wrong";
pub const API_KEY: &str = "GET /v1/auth/permission emulator-api";
pub const ADMIN_KEY: &str = "GET /v1/auth/permission emulator-admin";

const ALL: [&[Mutant]; 10] = [FRAMING, ORDER, FIELDS, ERRORS, AUTH, LOADED, USAGE, ENCODINGS, TIMES, CORS];

#[test]
fn the_emulated_server_has_no_finding() {
    let subject = Subject::new(Emulator::builder());
    let report = subject.examine(&subject.doctor(), "* *", |_| {});
    assert!(report.is_clean(), "{report}");
    assert!(report.probes.len() > 35, "{report}");
    let kobold = Subject::new(Emulator::builder().kobold(true).usage_details(true).tokens_per_chunk(3));
    let report = kobold.examine(&kobold.doctor(), "* *", |_| {});
    assert!(report.is_clean() && report.probes.len() > 40, "{report}");
    let upcoming = Subject::new(Emulator::builder().upcoming(true));
    let report = upcoming.examine(&upcoming.doctor(), "* *", |_| {});
    assert!(report.is_clean(), "{report}");
}

#[test]
fn each_mutant_has_its_finding() {
    let subject = Subject::new(Emulator::builder());
    let doctor = subject.doctor();
    let mut missed = Vec::new();
    for (name, on, id, edit) in ALL.into_iter().flatten() {
        let report = subject.examine(&doctor, on, *edit);
        if !report.has(id) {
            let ids: Vec<&str> = report.findings.iter().map(|finding| finding.check.id).collect();
            missed.push(format!("{name}: {id} is not in {ids:?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn each_mutant_of_a_load_has_its_finding() {
    let subject = Subject::new(Emulator::builder());
    let load = subject.ask("POST", "/v1/model/load", r#"{"model_name": "beta-3B-exl3"}"#);
    assert_eq!(judge(&load), [], "{}", text(&load));
    for (name, _, id, edit) in LOADS {
        let mut mutant = load.clone();
        edit(&mut mutant);
        let ids: Vec<&str> = judge(&mutant).iter().map(|finding| finding.check.id).collect();
        assert!(ids.contains(id), "{name}: {id} is not in {ids:?}");
    }
}

#[test]
fn names_are_unique_and_all_checks_are_tried() {
    let mutants: Vec<&Mutant> = ALL.into_iter().flatten().chain(LOADS).collect();
    let names: BTreeSet<&str> = mutants.iter().map(|mutant| mutant.0).collect();
    assert_eq!(names.len(), mutants.len());
    assert!(names.len() >= 60, "{}", names.len());
    let tried: BTreeSet<&str> = mutants.iter().map(|mutant| mutant.2).collect();
    let ids: BTreeSet<&str> = CHECKS.iter().map(|check| check.id).collect();
    assert_eq!(ids.len(), CHECKS.len());
    let unknown: Vec<_> = tried.difference(&ids).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    // These have tests of their own.
    let elsewhere = BTreeSet::from([
        "unreachable",
        "tls",
        "key-in-plain-text",
        "clock-skew",
        "other-server",
        "tabbyml-server",
        "no-key",
        "mixed-content",
        "drift-unreadable",
    ]);
    assert_eq!(ids.difference(&tried).copied().collect::<BTreeSet<_>>(), elsewhere);
}
