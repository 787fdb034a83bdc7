//! Sampler overrides.

use tabbyapi::api::{OverrideList, Overrides, SamplerOverride};
use tabbyapi::{Client, Error};

use super::{done, listed, or_none};
use crate::args::{OverridesArgs, SamplingCommand, params};
use crate::failure::Failure;
use crate::output::{Output, plain, safe, table};

pub async fn sampling(client: &Client, what: &OverridesArgs, output: &Output) -> Result<(), Failure> {
    match what.what.as_ref().unwrap_or(&SamplingCommand::Overrides) {
        SamplingCommand::Overrides => output.print(&client.sampling().overrides().await?.into_inner(), list),
        SamplingCommand::Switch { preset } => {
            client.sampling().switch_preset(preset).await.map_err(hinted)?;
            done(output, &format!("the preset {preset} is active"))
        }
        SamplingCommand::Set { params: set, force, append } => {
            let how = |value: SamplerOverride| match (force, append) {
                (true, _) => value.force(),
                (_, true) => value.additive(),
                _ => value,
            };
            let overrides = params(set)?.into_iter().fold(Overrides::new(), |overrides, (name, value)| {
                overrides.with(name, how(SamplerOverride::new(value)))
            });
            client.sampling().set_overrides(&overrides).await?;
            done(output, "the overrides are set, and replace all others")
        }
        SamplingCommand::Unload => {
            client.sampling().unload().await?;
            done(output, "all overrides are removed")
        }
    }
}

/// The server has several messages for an unknown preset, and the library does not know all of them.
fn hinted(error: Error) -> Error {
    match error.hint() {
        None if error.status().is_some_and(|status| status == 400) => {
            error.with_hint("`tabby sampling` lists the presets")
        }
        _ => error,
    }
}

fn list(list: &OverrideList) -> String {
    let row = |(name, value): (&String, &SamplerOverride)| {
        let set = |on: Option<bool>, word: &str| if on == Some(true) { word.to_owned() } else { String::new() };
        let how = set(value.force, "force") + &set(value.additive, "additive");
        vec![name.clone(), plain(&value.value.to_value()), how]
    };
    // The server still names a preset that was unloaded.
    let overridden = list.overrides.iter().next().is_some() || !list.overrides.malformed().is_empty();
    let preset = list.selected_preset.as_deref().filter(|_| overridden);
    let mut rows: Vec<_> = list.overrides.iter().map(row).collect();
    // The server fails on every generation while there is one of these.
    let broken = list.overrides.malformed().iter();
    rows.extend(broken.map(|(name, value)| vec![name.clone(), plain(value), "malformed".to_owned()]));
    format!(
        "preset   {}\npresets  {}\n\n{}",
        preset.map_or("none".into(), safe::line),
        or_none(listed(&list.presets, ", ")),
        table(&rows)
    )
}
