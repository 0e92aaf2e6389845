//! The sleeping telephones that are called now, for the program that wakes them (RFC 8599). What a push service needs to find
//! a telephone leaves its hidden type here and nowhere else, towards the operations port of this machine.

use crate::ids::ListenerId;
use crate::{ops, sip};

use super::serve::Snapshot;

/// The sleeping telephones that are called now, as the API shows them.
pub fn wake_views(snapshot: &Snapshot) -> Vec<ops::WakeView> {
    let view = |(session, binding): &(sip::SessionId, sip::Binding)| {
        let push = binding.push.clone()?;
        Some(ops::WakeView {
            id: session.as_raw(),
            listener: ListenerId::new(&binding.user),
            provider: push.provider,
            prid: push.prid.reveal().to_owned(),
            param: push.param.map(|param| param.reveal().to_owned()),
        })
    };
    snapshot.wakes.iter().filter_map(view).collect()
}
