//! Ctrl-C: by the person, or at the same place of a replayed recording.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Tells of Ctrl-C, and whether there was one. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<State>);

#[derive(Debug, Default)]
struct State {
    replayed: Notify,
    came: AtomicBool,
}

impl Interrupt {
    /// Waits for it.
    pub async fn wait(&self) {
        let pressed = async {
            // Where there are no signals it never comes.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending().await
            }
        };
        tokio::select! {
            () = pressed => {}
            () = self.0.replayed.notified() => {}
        }
        self.0.came.store(true, Ordering::Relaxed);
    }

    /// As if it were pressed.
    pub fn press(&self) {
        self.0.replayed.notify_one();
    }

    /// Whether it came since it was last forgotten.
    pub fn came(&self) -> bool {
        self.0.came.load(Ordering::Relaxed)
    }

    /// What it ended has ended.
    pub fn forget(&self) {
        self.0.came.store(false, Ordering::Relaxed);
    }
}
