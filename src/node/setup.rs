//! What a shard serves with: plans, prompts, listeners, accounts. Built whole or not at all, swapped whole at reload.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::call;
use crate::dialplan::Plan;
use crate::dispatch::Roster;
use crate::media::Library;
use crate::net::TlsClient;
use crate::sip::Accounts;
use crate::trunk;

/// One sound set-up.
#[derive(Clone)]
pub struct Setup {
    /// The plans served; their numbers tell which call meets which.
    pub plans: Vec<Arc<Plan>>,
    /// Every prompt, prepared.
    pub library: Arc<Library>,
    /// Centres and listeners.
    pub roster: Arc<Roster>,
    /// Who may register, and with what.
    pub accounts: Arc<Accounts>,
    /// What holds for every call.
    pub call: Arc<call::Settings>,
    /// The operators.
    pub trunks: Arc<Trunking>,
}

/// What is agreed with the operators.
#[derive(Clone, Debug, Default)]
pub struct Trunking {
    /// The trunks, in the order in which calls are placed.
    pub settings: Vec<trunk::Settings>,
    /// How we are a TLS client towards their peers, by the trunk's name.
    pub tls: BTreeMap<Arc<str>, TlsClient>,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plans: Vec<&str> = self.plans.iter().map(|plan| plan.name.as_str()).collect();
        f.debug_struct("Setup")
            .field("plans", &plans)
            .field("prompts", &self.library.len())
            .field("trunks", &self.trunks.settings.len())
            .field("listeners", &self.roster.listeners.len())
            .finish_non_exhaustive()
    }
}
