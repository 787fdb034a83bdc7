//! `KeyFile`: keys from a file that may change.

mod tokens;

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use super::{Credential, KeySource, Keys};
use crate::base::{BoxFuture, Error, ErrorCode, ErrorKind, Result};
use crate::protocol::endpoint::Scope;

/// The default of `fresh_within`.
const FRESH_WITHIN: Duration = Duration::from_secs(10);
/// The maximum size of a key file.
const LARGEST: u64 = 64 << 10;

/// Keys from a file: a plain key, or TabbyAPI's own `api_tokens.yml`.
///
/// On a request for a key, the file is checked, and read if its time or size has changed or the server rejected the key. A
/// change is noticed [within 10 s](KeyFile::fresh_within), without a thread or task that watches the file. Checking and
/// reading block the caller for as long as the file system takes.
///
/// ```
/// use tabbyapi::auth::KeyFile;
///
/// let builder = tabbyapi::Client::builder("http://127.0.0.1:5000").key_source(KeyFile::api_key("/run/secrets/tabby"));
/// # let _ = builder;
/// ```
pub struct KeyFile {
    path: PathBuf,
    format: Format,
    optional: bool,
    fresh_within: Duration,
    seen: Mutex<Option<Seen>>,
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Api,
    Admin,
    Bearer,
    Tokens,
}

/// The keys that were read, and the state of the file at that time.
struct Seen {
    stamp: Stamp,
    keys: Keys,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
}

impl KeyFile {
    /// Creates a source from a file that contains only an API key.
    pub fn api_key(path: impl Into<PathBuf>) -> Self {
        KeyFile::new(path.into(), Format::Api)
    }

    /// Creates a source from a file that contains only the admin key.
    pub fn admin_key(path: impl Into<PathBuf>) -> Self {
        KeyFile::new(path.into(), Format::Admin)
    }

    /// Creates a source from a file that contains only a key for `Authorization: Bearer`.
    pub fn bearer(path: impl Into<PathBuf>) -> Self {
        KeyFile::new(path.into(), Format::Bearer)
    }

    /// Creates a source from the server's `api_tokens.yml`, with `admin_key` and `api_key` (the first one of a list).
    pub fn tokens(path: impl Into<PathBuf>) -> Self {
        KeyFile::new(path.into(), Format::Tokens)
    }

    /// Treats a missing file as a file without keys, instead of an error. For use in a [`Chain`](super::Chain).
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Sets the time within which a change of the file is noticed; 10 s by default. After a 401 it is noticed at once.
    pub fn fresh_within(mut self, time: Duration) -> Self {
        self.fresh_within = time;
        self
    }

    fn new(path: PathBuf, format: Format) -> Self {
        KeyFile { path, format, optional: false, fresh_within: FRESH_WITHIN, seen: Mutex::new(None) }
    }

    fn look(&self, scope: Scope, rejected: bool) -> Result<Option<Credential>> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = match fs::metadata(&self.path) {
            Ok(metadata) => Stamp { modified: metadata.modified().ok(), size: metadata.len() },
            Err(error) if self.optional && error.kind() == io::ErrorKind::NotFound => {
                *seen = None;
                return Ok(None);
            }
            Err(error) => return Err(self.unreadable(&error)),
        };
        // Without modification times, a change cannot be ruled out.
        let unchanged = |seen: &&Seen| seen.stamp == stamp && stamp.modified.is_some() && !rejected;
        if let Some(seen) = seen.as_ref().filter(unchanged) {
            return Ok(self.pick(&seen.keys, scope));
        }
        *seen = None;
        let keys = self.read()?;
        let credential = self.pick(&keys, scope);
        *seen = Some(Seen { stamp, keys });
        Ok(credential)
    }

    fn pick(&self, keys: &Keys, scope: Scope) -> Option<Credential> {
        keys.resolve(scope).map(|credential| credential.lasts(self.fresh_within))
    }

    fn read(&self) -> Result<Keys> {
        // Allocated at full size, since a string that grows leaves its old content behind in memory.
        let mut text = Zeroizing::new(String::with_capacity(LARGEST as usize + 64));
        let file = File::open(&self.path).map_err(|error| self.unreadable(&error))?;
        file.take(LARGEST + 1).read_to_string(&mut text).map_err(|error| self.unreadable(&error))?;
        if text.len() as u64 > LARGEST {
            return Err(self.unfit("is larger than 64 KiB"));
        }
        let mut keys = Keys::default();
        // The messages omit the causes, which may repeat a part of the key.
        let invalid = |_| self.unfit("has characters that are not valid in a key");
        match self.format {
            Format::Api => keys.set_api(&text).map_err(invalid)?,
            Format::Admin => keys.set_admin(&text).map_err(invalid)?,
            Format::Bearer => keys.set_bearer(&text).map_err(invalid)?,
            Format::Tokens => {
                let found =
                    tokens::parse(&text).map_err(|line| self.unfit(&format!("cannot be read at line {line}")))?;
                keys.set_api(&found.api_key).map_err(invalid)?;
                keys.set_admin(&found.admin_key).map_err(invalid)?;
                if found.api_key.is_empty() && found.admin_key.is_empty() {
                    return Err(self.unfit("has neither `api_key` nor `admin_key`"));
                }
            }
        }
        if text.trim().is_empty() {
            return Err(self.unfit("is empty"));
        }
        Ok(keys)
    }

    fn unreadable(&self, error: &io::Error) -> Error {
        let message = format!("the key file `{}` cannot be read: {error}", self.path.display());
        Error::custom(ErrorKind::Credentials, ErrorCode::KeyFileUnreadable, message)
            .with_hint("check its path and permissions")
    }

    fn unfit(&self, what: &str) -> Error {
        let hint = match self.format {
            Format::Tokens => "it should be the server's `api_tokens.yml`",
            _ => "it should contain only a key",
        };
        let message = format!("the key file `{}` {what}", self.path.display());
        Error::custom(ErrorKind::Credentials, ErrorCode::KeyFileInvalid, message).with_hint(hint)
    }
}

impl KeySource for KeyFile {
    fn key(&self, scope: Scope, rejected: bool) -> BoxFuture<Result<Option<Credential>>> {
        Box::pin(std::future::ready(self.look(scope, rejected)))
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile").field("path", &self.path).field("format", &self.format).finish_non_exhaustive()
    }
}
