//! The way to end one connection from outside its task: the first reason stands.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::CloseReason;

/// Shared by a connection's task and those who may end it.
#[derive(Debug, Default)]
pub(super) struct Gate {
    reason: Mutex<Option<CloseReason>>,
    changed: Notify,
}

impl Gate {
    /// Ends the connection because of `reason`.
    pub fn close(&self, reason: CloseReason) {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
        self.changed.notify_one();
    }

    /// Says why it will end, without ending it yet.
    pub fn note(&self, reason: CloseReason) {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
    }

    /// Why it shall end, if it shall.
    pub fn reason(&self) -> Option<CloseReason> {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it shall end. An end asked for in order leaves `linger` to write what is queued.
    pub async fn wait(&self, linger: Duration) -> CloseReason {
        loop {
            if let Some(reason) = self.reason() {
                if in_order(reason) {
                    let _ = tokio::time::timeout(linger, std::future::pending::<()>()).await;
                }
                return reason;
            }
            self.changed.notified().await;
        }
    }
}

/// Reasons that leave a moment to write what is queued.
fn in_order(reason: CloseReason) -> bool {
    matches!(reason, CloseReason::Asked | CloseReason::Shutdown | CloseReason::Broken | CloseReason::TooLarge)
}
