//! The secrets that a call removes from its output: those of its client, its own options and its body.

use bytes::Bytes;
use http::{HeaderMap, Request};

use super::keys::KeySlot;
use super::machine::Machine;
use super::shared::{Shared, State};
use crate::base::Secrets;
use crate::base::secrets::is_secret;
use crate::protocol::auth::Credential;

/// The number of replaced keys that are remembered, because calls in flight may still repeat them.
const REMEMBERED: usize = 16;

/// The keys that sources returned.
#[derive(Default)]
pub(super) struct Given {
    last: Vec<Credential>,
    /// The secrets of all current and remembered keys. Reset by a new key.
    secrets: Option<Secrets>,
}

impl Given {
    pub(super) fn add(&mut self, credential: &Credential) {
        self.secrets = None;
        self.last.retain(|other| !other.is_same(credential));
        if self.last.len() == REMEMBERED {
            self.last.remove(0);
        }
        self.last.push(credential.clone());
    }
}

impl Shared {
    /// All secrets of the client: the keys of all servers and scopes, and the sensitive headers of its options.
    pub(super) fn secrets(&self) -> Secrets {
        let mut secrets = self.fixed_secrets().clone();
        if !self.asks_for_keys() {
            return secrets;
        }
        let (given, version) = {
            let state = self.lock();
            if let Some(given) = &state.given.secrets {
                secrets.join(given);
                return secrets;
            }
            (held(&state), state.version)
        };
        let given = Secrets::of_values(given.iter().map(Credential::header));
        secrets.join(&given);
        let mut state = self.lock();
        if state.version == version {
            state.given.secrets = Some(given);
        }
        secrets
    }
}

impl Machine {
    /// Collects the secrets of an attempt, and adds them to the extensions of its request.
    pub(super) fn guard(&mut self, request: &mut Request<Bytes>) {
        self.guarded = self.operation.secrets(&self.shared);
        if self.hooks.is_some() {
            // Hooks may set secret headers.
            self.guarded.join(&secrets_beyond(request.headers(), &self.operation.headers));
        }
        // Extensions without an entry take no memory.
        if !self.guarded.is_empty() {
            request.extensions_mut().insert(self.guarded.clone());
        }
    }

    /// The secrets of now, and of when the last attempt was sent.
    pub(super) fn secrets(&self) -> Secrets {
        let mut secrets = self.operation.secrets(&self.shared);
        secrets.join(&self.guarded);
        secrets
    }
}

/// The current and the remembered keys.
fn held(state: &State) -> Vec<Credential> {
    let mut held = state.given.last.clone();
    for slot in state.keys.values() {
        if let KeySlot::Ready { credential: Some(credential), .. } = slot
            && !held.iter().any(|other| other.is_same(credential))
        {
            held.push(credential.clone());
        }
    }
    held
}

/// The secrets of headers that are not among those that are guarded already.
pub(super) fn secrets_beyond(headers: &HeaderMap, guarded: &HeaderMap) -> Secrets {
    let new = headers
        .iter()
        .filter(|(name, value)| is_secret(name, value) && !guarded.get_all(*name).iter().any(|other| other == *value));
    Secrets::of_values(new)
}
