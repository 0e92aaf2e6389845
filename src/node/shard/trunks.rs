//! The trunks among the other rooms: what they ask goes to the endpoint and to the resolver, what a peer says comes back to
//! them, and each caller's call holds a channel of its trunk until it is recorded.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::call;
use crate::clock::Now;
use crate::ids::CallId;
use crate::node::setup::Trunking;
use crate::node::{Event, Output};
use crate::sdp::Capabilities;
use crate::sip::{Command, IncomingInvite, Peers};
use crate::trunk::{self, Full, Hop, Local, Status, TrunkId};

use super::Shard;

/// How long a registrar may take to let go of us before the node stops without its answer.
const LEAVE: Duration = Duration::from_secs(2);

impl Shard {
    // ---- getters -------------------------------------------------------------------------------------------------

    /// How each trunk is.
    pub fn trunks(&self, now: Now) -> Vec<Status> {
        self.trunks.status(now.at)
    }

    /// Whose calls are believed without a password.
    pub fn peers(&self) -> &Arc<Peers> {
        &self.peers
    }

    /// For TLS towards a peer: the trunk's name, and the name its certificate must carry (`None`: its address).
    pub fn certified(&self, remote: SocketAddr) -> Option<(Arc<str>, Option<String>)> {
        self.trunks.certified(remote)
    }

    // ---- helpers -------------------------------------------------------------------------------------------------

    /// Begins with these trunks, or goes on with them at a reload.
    pub(super) fn set_up_trunks(&mut self, now: Now, trunking: &Trunking) {
        let local = |socket: &crate::sip::Advertised| Local {
            transport: socket.transport,
            address: socket.local,
            host: socket.host.clone(),
        };
        let locals = self.settings.endpoint.sockets.iter().map(local).collect();
        self.tell_trunks(now, trunk::Input::SetUp { trunks: trunking.settings.clone(), locals });
    }

    pub(super) fn tell_trunks(&mut self, now: Now, input: trunk::Input) {
        self.trunks.handle_input(now.at, input);
        self.drain_trunks();
    }

    /// After every question to the trunks, as their contract asks.
    pub(super) fn drain_trunks(&mut self) {
        loop {
            match self.trunks.poll_output() {
                trunk::Output::Timeout(at) => {
                    self.trunks_at = at;
                    return;
                }
                output => self.trunk_outputs.push_back(output),
            }
        }
    }

    /// A word of the trunks.
    pub(super) fn trunks_said(&mut self, now: Now, output: trunk::Output) {
        match output {
            trunk::Output::Resolve { query, host } => self.outputs.push_back(Output::Resolve { query, host }),
            trunk::Output::Register(register) => self.command(now, Command::Register(register)),
            trunk::Output::Unregister { account } => self.command(now, Command::Unregister { account }),
            trunk::Output::Probe { probe, flow, uri } => self.command(now, Command::Options { probe, flow, uri }),
            trunk::Output::Peers(networks) => {
                let peers = networks.into_iter().map(|(network, trunk)| (network, trunk.0));
                self.peers = Arc::new(Peers::new(peers));
                self.command(now, Command::Peers(self.peers.clone()));
            }
            trunk::Output::Changed { name, state, .. } => self.event(Event::TrunkChanged { name, state }),
            trunk::Output::Alert { name, alert, raised, .. } => self.event(Event::TrunkAlert { name, alert, raised }),
            trunk::Output::ProbeMissed { trunk } => {
                if let Some(settings) = self.trunks.settings(trunk) {
                    let name = settings.name.clone();
                    self.event(Event::ProbeMissed { name });
                }
            }
            trunk::Output::Timeout(_) => {}
        }
    }

    /// The node stops: operators need not send their calls here any more. Their answer is waited for, and not for long.
    pub(super) fn leave_trunks(&mut self, now: Now) {
        let registered = self.trunks.status(now.at).into_iter().filter(|status| status.registered == Some(true));
        self.leaving = registered.map(|status| status.trunk.0).collect();
        if self.leaving.is_empty() {
            return;
        }
        self.leave_by = Some(now.at + LEAVE);
        for account in self.leaving.clone() {
            self.command(now, Command::Unregister { account });
        }
    }

    /// A peer that calls is there.
    pub(super) fn heard_from(&mut self, now: Now, trunk: TrunkId, invite: &IncomingInvite) {
        let hop = Hop { transport: invite.flow.transport, remote: invite.flow.remote };
        self.tell_trunks(now, trunk::Input::Heard { trunk, hop });
    }

    /// A channel for a caller's call, if it comes over a trunk. [`Shard::forget_call`] gives it back, however the call ends.
    pub(super) fn take_channel(&mut self, call: CallId, trunk: Option<TrunkId>) -> Result<(), Full> {
        let Some(trunk) = trunk else { return Ok(()) };
        let channel = self.trunks.take_in(trunk)?;
        self.channels.insert(call, channel);
        self.drain_trunks();
        Ok(())
    }

    pub(super) fn free_channel(&mut self, call: CallId) {
        if let Some(channel) = self.channels.remove(&call) {
            self.trunks.free(channel);
            self.drain_trunks();
        }
    }

    /// What holds for a call of this trunk: its codecs are those agreed with the operator.
    pub(super) fn settings_over(&self, trunk: Option<TrunkId>) -> Arc<call::Settings> {
        let common = &self.call_settings;
        let agreed = trunk.and_then(|trunk| self.trunks.settings(trunk)).map(|settings| &settings.session.codecs);
        match agreed {
            Some(codecs) if *codecs != common.capabilities.codecs => {
                let capabilities = Capabilities { codecs: codecs.clone(), ..common.capabilities.clone() };
                Arc::new(call::Settings { caller_capabilities: Some(capabilities), ..(**common).clone() })
            }
            _ => common.clone(),
        }
    }
}
