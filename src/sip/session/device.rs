//! A call to a registered device that keeps several flows: when the one it was sent over is gone, it goes over the next
//! (RFC 5626 §5.3, §7). Only one flow of a device is ever used at a time, or its phone would ring twice.

use super::super::Binding;
use super::super::endpoint::Core;
use super::{Phase, Session};

/// The device a call goes to.
#[derive(Debug)]
pub(super) struct Device {
    /// The flow in use.
    binding: Binding,
    /// Its other flows, the best last.
    others: Vec<Binding>,
}

impl Session {
    /// This call goes to a device, which has these other flows, the best last.
    pub fn set_device(&mut self, binding: Binding, others: Vec<Binding>) {
        self.device = Some(Device { binding, others });
    }

    /// The flow of the call is gone, by the word of a proxy (430) or because its connection closed: true when the INVITE is
    /// on its way over another.
    pub(super) fn try_other_flow(&mut self, core: &mut Core, by_proxy: bool) -> bool {
        let Some(device) = &mut self.device else { return false };
        if by_proxy {
            core.failed_flows.push(device.binding.clone());
        }
        if self.told || !matches!(self.phase, Phase::Calling(_)) {
            return false;
        }
        let Some(next) = device.others.pop() else { return false };
        device.binding = next.clone();
        self.call_device(core, &next)
    }
}
