//! Sampler overrides.

use serde_json::json;
use tabbyapi::api::{Overrides, SamplerOverride, SamplingParams};
use tabbyapi::decode::Empty;

use crate::harness::{assert_error, good, play, play_as};

const SWITCH: &str = "POST /v1/sampling/override/switch";
const PRESETS: [&str; 3] = ["sample_preset", "creative", "safe_defaults"];

#[test]
fn both_views_of_the_list() {
    for name in ["overrides-admin", "override-list-admin"] {
        let list = good(play(name, |client| client.sampling().overrides()));
        assert_eq!((list.selected_preset, list.overrides.len()), (None, 0));
        assert_eq!(list.presets, PRESETS);
    }
    let list = good(play("overrides-api", |client| {
        client.with(tabbyapi::Options::new().prefer_admin_key(false)).sampling().overrides()
    }));
    assert!(list.presets.is_empty() && list.overrides.is_empty());
    let list = good(play("default-overrides", |client| client.sampling().overrides()));
    assert_eq!(list.selected_preset.as_deref(), Some("safe_defaults"));
    let mut temperature = SamplerOverride::new(0.8);
    temperature.force = Some(false);
    assert_eq!(list.overrides["temperature"], temperature);
}

#[test]
fn a_preset_is_switched_to() {
    assert_eq!(good(play("override-switch-preset", |client| client.sampling().switch_preset("creative"))), Empty);
    let list = good(play("overrides-after-preset", |client| client.sampling().overrides()));
    assert_eq!(list.selected_preset.as_deref(), Some("creative"));
    let stop = &list.overrides["stop"];
    assert_eq!(stop.value, json!(["STOPHERE"]));
    assert_eq!((stop.force, stop.additive), (Some(false), Some(true)));
    assert_eq!(list.overrides["top_p"].force, Some(true));
}

#[test]
fn overrides_are_set() {
    let overrides = Overrides::new()
        .force(SamplingParams::new().top_p(0.5))
        .append(SamplingParams::new().stop(["three"]))
        .fallback(SamplingParams::new().max_tokens(6));
    assert_eq!(good(play("override-switch-dict", |client| client.sampling().set_overrides(&overrides))), Empty);
    let list = good(play("overrides-after-dict", |client| client.sampling().overrides()));
    assert_eq!(list.selected_preset.as_deref(), Some("creative"), "the old name stays");
    assert!(overrides.iter().eq(list.overrides.iter().map(|(field, value)| (field.as_str(), value))));
    assert!(list.overrides.malformed().is_empty());
}

#[test]
fn overrides_are_unloaded() {
    assert_eq!(good(play("override-unload", |client| client.sampling().unload())), Empty);
    let list = good(play("overrides-after-unload", |client| client.sampling().overrides()));
    assert_eq!((list.selected_preset.as_deref(), list.overrides.len()), (Some("creative"), 0));
}

#[test]
fn nothing_to_put_in_force() {
    let words = "A sampler override preset or dictionary wasn't provided.";
    let result = play("override-switch-empty-dict", |client| client.sampling().set_overrides(&Overrides::new()));
    assert_error(result, 400, "nothing_named", words, "not empty");
    let expected = (SWITCH, Some(json!({"preset": ""})));
    let result = play_as("override-switch-nothing", expected, |client| client.sampling().switch_preset(""));
    assert_error(result, 400, "nothing_named", words, "not empty");
}

/// The server takes `{"top_p": 0.5}` and then fails on every generation; here it always comes out well-formed.
#[test]
fn a_bare_value_cannot_be_sent() {
    let overrides = Overrides::new().with("top_p", SamplerOverride::new(0.5));
    let expected = (SWITCH, Some(json!({"overrides": {"top_p": {"override": 0.5}}})));
    good(play_as("override-switch-malformed", expected, |client| client.sampling().set_overrides(&overrides)));
}
