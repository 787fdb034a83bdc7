//! Ctrl-C: by the user, or at the same place of a replayed recording.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Reports Ctrl-C, and whether it occurred. Clones share their state.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<State>);

#[derive(Debug, Default)]
struct State {
    replayed: Notify,
    came: AtomicBool,
}

impl Interrupt {
    /// Waits for Ctrl-C.
    pub async fn wait(&self) {
        let pressed = async {
            // On systems without signals, it never occurs.
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

    /// Simulates Ctrl-C.
    pub fn press(&self) {
        self.0.replayed.notify_one();
    }

    /// Whether it occurred since the last `forget`.
    pub fn came(&self) -> bool {
        self.0.came.load(Ordering::Relaxed)
    }

    /// Forgets it, once the interrupted work has ended.
    pub fn forget(&self) {
        self.0.came.store(false, Ordering::Relaxed);
    }
}
