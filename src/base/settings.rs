//! Settings in configuration files: times are numbers of seconds, null is "no limit", and missing values keep their default.

use std::time::Duration;

use serde::de::Error;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::timeouts::{TimeoutPolicy, Timeouts};

/// `#[serde(with = "seconds")]`: a duration as a number of seconds.
pub(crate) mod seconds {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(duration.as_secs_f64())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        duration(f64::deserialize(deserializer)?)
    }
}

fn duration<E: Error>(seconds: f64) -> Result<Duration, E> {
    Duration::try_from_secs_f64(seconds).map_err(|_| E::custom(format!("{seconds} is not a number of seconds")))
}

/// The timeouts in a file: missing, null, or a number of seconds for each part.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Patch {
    #[serde(deserialize_with = "given")]
    head: Option<Option<f64>>,
    #[serde(deserialize_with = "given")]
    first_item: Option<Option<f64>>,
    #[serde(deserialize_with = "given")]
    idle: Option<Option<f64>>,
    #[serde(deserialize_with = "given")]
    total: Option<Option<f64>>,
}

fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<f64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Patch {
    fn over<E: Error>(self, mut timeouts: Timeouts) -> Result<Timeouts, E> {
        for (part, said) in [
            (&mut timeouts.head, self.head),
            (&mut timeouts.first_item, self.first_item),
            (&mut timeouts.idle, self.idle),
            (&mut timeouts.total, self.total),
        ] {
            if let Some(seconds) = said {
                *part = seconds.map(duration).transpose()?;
            }
        }
        Ok(timeouts)
    }
}

/// Missing parts have no limit. In [`TimeoutPolicy`] they keep the default of their kind of work.
impl<'de> Deserialize<'de> for Timeouts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Patch::deserialize(deserializer)?.over(Timeouts::UNBOUNDED)
    }
}

impl Serialize for Timeouts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seconds = |part: Option<Duration>| part.map(|part| part.as_secs_f64());
        let mut out = serializer.serialize_struct("Timeouts", 4)?;
        out.serialize_field("head", &seconds(self.head))?;
        out.serialize_field("first_item", &seconds(self.first_item))?;
        out.serialize_field("idle", &seconds(self.idle))?;
        out.serialize_field("total", &seconds(self.total))?;
        out.end()
    }
}

impl<'de> Deserialize<'de> for TimeoutPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        struct Patches {
            read: Patch,
            generate: Patch,
            stream: Patch,
            stream_tools: Patch,
            load: Patch,
            download: Patch,
        }
        let patches = Patches::deserialize(deserializer)?;
        Ok(TimeoutPolicy {
            read: patches.read.over(TimeoutPolicy::DEFAULT.read)?,
            generate: patches.generate.over(TimeoutPolicy::DEFAULT.generate)?,
            stream: patches.stream.over(TimeoutPolicy::DEFAULT.stream)?,
            stream_tools: patches.stream_tools.over(TimeoutPolicy::DEFAULT.stream_tools)?,
            load: patches.load.over(TimeoutPolicy::DEFAULT.load)?,
            download: patches.download.over(TimeoutPolicy::DEFAULT.download)?,
        })
    }
}
