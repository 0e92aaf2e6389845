//! Our own registrations at somebody else's registrar: RFC 3261 §10.2.
//!
//! A registration never gives up. A refused password is tried again ever more slowly, at most once per attempt; silence
//! and 5xx likewise, with chance mixed in so that a thousand phones do not come back in one second. A proxy on the way may
//! ask for a password as well as the registrar. What the registrar says of the way back (Service-Route, RFC 3608) and of
//! keeping the flow (RFC 5626) is heeded; `ping` keeps the flow.

mod ping;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::auth::{Challenge, answer};
use super::endpoint::{Alarm, Core};
use super::limits::VALUES_MAX;
use super::message::{HeaderName, Message, Method, Uri, unfold};
use super::transaction::{TransactionId, User};
use super::wire::{Draft, contact_uri, name_addr};
use super::{Event, Flow, Hidden, Register, RegistrationState, reading};
use ping::Ping;

/// All registrations of ours, by account.
#[derive(Debug, Default)]
pub(super) struct Registrations {
    accounts: BTreeMap<u32, Registration>,
}

#[derive(Debug)]
struct Registration {
    register: Register,
    call_id: Vec<u8>,
    cseq: u32,
    tag: String,
    expires_s: u32,
    /// By the header of the answer: the registrar's, and that of a proxy on the way.
    challenges: BTreeMap<&'static str, Challenge>,
    /// Those that came in this attempt.
    challenged: BTreeSet<&'static str>,
    failures: u32,
    /// The request on its way.
    pending: Option<TransactionId>,
    registered: bool,
    leaving: bool,
    /// The first hop keeps no flows (439): from now on without.
    without_outbound: bool,
    service_route: Vec<Hidden>,
    ping: Option<Ping>,
}

const BACKOFF_MIN: Duration = Duration::from_secs(5);
const BACKOFF_MAX: Duration = Duration::from_secs(300);
/// After a refused password: nothing changes by asking often, and some registrars ban who does.
const BACKOFF_REFUSED: Duration = Duration::from_secs(60);

impl Registrations {
    /// Starts a registration, or starts it over with new settings. Elsewhere with the same password it is still the same
    /// misfortune: how long it waits between attempts goes on from there.
    pub fn start(&mut self, core: &mut Core, register: Register) {
        let account = register.account;
        let expires_s = register.expires_s;
        let registration = match self.accounts.remove(&account) {
            Some(old) => {
                let same = old.register.aor == register.aor && old.register.credentials == register.credentials;
                let failures = if same { old.failures } else { 0 };
                let challenges = if same { old.challenges } else { BTreeMap::new() };
                let challenged = BTreeSet::new();
                Registration {
                    register,
                    expires_s,
                    challenges,
                    challenged,
                    failures,
                    leaving: false,
                    without_outbound: false,
                    ..old
                }
            }
            None => Registration {
                register,
                call_id: core.call_id(),
                cseq: 0,
                tag: core.tag(),
                expires_s,
                challenges: BTreeMap::new(),
                challenged: BTreeSet::new(),
                failures: 0,
                pending: None,
                registered: false,
                leaving: false,
                without_outbound: false,
                service_route: Vec::new(),
                ping: None,
            },
        };
        self.accounts.insert(account, registration);
        self.attempt(core, account);
    }

    /// Ends a registration.
    pub fn stop(&mut self, core: &mut Core, account: u32) {
        if let Some(registration) = self.accounts.get_mut(&account) {
            registration.leaving = true;
            registration.challenged.clear();
            self.attempt(core, account);
        }
    }

    /// Time to refresh, or to try again.
    pub fn refresh(&mut self, core: &mut Core, account: u32) {
        if let Some(registration) = self.accounts.get_mut(&account) {
            registration.challenged.clear();
            self.attempt(core, account);
        }
    }

    /// The account registered over this way, if a request comes from its registrar.
    pub fn account_of(&self, flow: &Flow) -> Option<u32> {
        let matches = |registration: &Registration| {
            let ours = &registration.register.registrar;
            registration.registered
                && ours.transport == flow.transport
                && (ours.connection == 0 || ours.connection == flow.connection)
                && ours.remote.ip() == flow.remote.ip()
        };
        self.accounts.iter().find(|(_, registration)| matches(registration)).map(|(account, _)| *account)
    }

    /// The Route that calls over this way take, as their registrar said.
    pub fn service_route(&self, flow: &Flow) -> Vec<Hidden> {
        let account = self.account_of(flow).and_then(|account| self.accounts.get(&account));
        account.map(|registration| registration.service_route.clone()).unwrap_or_default()
    }

    /// Time to say that we are there.
    pub fn ping(&mut self, core: &mut Core, account: u32) {
        if let Some(registration) = self.accounts.get_mut(&account)
            && !registration.ping(core)
        {
            registration.failed(core, 503, None);
        }
    }

    /// A STUN answer from there: true when it belongs to a registration. Under a new address we register anew at once.
    pub fn on_stun(&mut self, core: &mut Core, flow: &Flow, bytes: &[u8]) -> bool {
        let Some(account) = self.account_of(flow) else { return false };
        let Some(registration) = self.accounts.get_mut(&account) else { return false };
        let Some(moved) = registration.ping.as_mut().and_then(|ping| ping.answered(bytes)) else { return false };
        if moved && registration.pending.is_none() {
            self.refresh(core, account);
        }
        true
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// A response to one of our REGISTERs.
    pub fn on_response(&mut self, core: &mut Core, account: u32, id: TransactionId, message: &Message<'_>) {
        let Some(registration) = self.accounts.get_mut(&account).filter(|r| r.pending == Some(id)) else { return };
        let Some(status) = message.status().filter(|status| *status >= 200) else { return };
        registration.pending = None;
        match status {
            200..=299 if registration.leaving => self.gone(core, account),
            200..=299 => registration.granted(core, message),
            401 | 407 if registration.take_challenge(message) => self.attempt(core, account),
            423 if registration.take_min_expires(message) => self.attempt(core, account),
            439 if registration.register.instance.is_some() && !registration.without_outbound => {
                registration.without_outbound = true;
                self.attempt(core, account);
            }
            _ if registration.leaving => self.gone(core, account),
            _ => registration.failed(core, status, message.retry_after()),
        }
    }

    /// One of our REGISTERs had no response, or its connection is gone.
    pub fn on_failure(&mut self, core: &mut Core, account: u32, id: TransactionId, fault: bool) {
        let Some(registration) = self.accounts.get_mut(&account).filter(|r| r.pending == Some(id)) else { return };
        registration.pending = None;
        if registration.leaving {
            return self.gone(core, account);
        }
        registration.failed(core, if fault { 503 } else { 408 }, None);
    }

    /// A connection is gone: what was registered over it is not any more. The owner starts it over on a new one.
    pub fn flow_closed(&mut self, core: &mut Core, flow: &Flow) {
        for registration in self.accounts.values_mut() {
            if registration.register.registrar == *flow && registration.registered {
                registration.failed(core, 503, None);
            }
        }
    }

    fn attempt(&mut self, core: &mut Core, account: u32) {
        if let Some(registration) = self.accounts.get_mut(&account) {
            core.alarms.stop(Alarm::Refresh(account));
            registration.send(core);
        }
    }

    fn gone(&mut self, core: &mut Core, account: u32) {
        self.accounts.remove(&account);
        core.alarms.stop(Alarm::Refresh(account));
        core.alarms.stop(Alarm::Ping(account));
        core.tell(Event::Registration { account, state: RegistrationState::Gone });
    }
}

impl Registration {
    fn send(&mut self, core: &mut Core) {
        let flow = self.register.registrar;
        let aor = self.register.aor.reveal();
        let own = self.tag.clone();
        self.cseq += 1;
        let mut draft = Draft::new(Method::Register, registrar_uri(aor), self.call_id.clone(), self.cseq);
        draft.from = name_addr("", aor, Some(&own));
        draft.to = name_addr("", aor, None);
        let mut contact = format!("<{}>", contact_uri(&core.config, &flow, self.register.contact_user.reveal()));
        if let Some(instance) = self.register.instance.as_ref().filter(|_| !self.without_outbound) {
            contact.push_str(&format!(";+sip.instance=\"<{instance}>\";reg-id=1"));
            draft.push("Supported", "path, outbound");
        }
        draft.contact = Some(contact.into_bytes());
        draft.push("Expires", if self.leaving { "0".to_owned() } else { self.expires_s.to_string() });
        let uri = String::from_utf8_lossy(&draft.uri).into_owned();
        for (header, challenge) in &mut self.challenges {
            let Some(credentials) = &self.register.credentials else { break };
            if let Some(value) = answer(challenge, credentials, "REGISTER", &uri, &mut core.ids) {
                draft.push(*header, value);
            }
        }
        self.pending = Some(core.send_request(User::Register(self.register.account), &draft, flow));
    }

    fn granted(&mut self, core: &mut Core, message: &Message<'_>) {
        let user = self.register.contact_user.reveal().as_bytes();
        let own = message
            .contacts()
            .filter(|contact| contact.parsed_uri().is_ok_and(|uri| uri.user.unwrap_or_default() == user))
            .filter_map(|contact| std::str::from_utf8(contact.params.get("expires")?).ok()?.parse::<u32>().ok())
            .max();
        let lease_s = own.or(message.expires()).unwrap_or(self.expires_s).clamp(1, 86_400);
        self.failures = 0;
        self.registered = true;
        self.service_route = service_route(message);
        self.keep_flow(core, message);
        // Three quarters of the lease, less a little by chance.
        let early = core.ids.below(u64::from(lease_s) * 50 + 1);
        core.alarm(Alarm::Refresh(self.register.account), Duration::from_millis(u64::from(lease_s) * 750 - early));
        let state = RegistrationState::Registered { expires_s: lease_s };
        core.tell(Event::Registration { account: self.register.account, state });
    }

    fn failed(&mut self, core: &mut Core, status: u16, retry_after_s: Option<u32>) {
        self.registered = false;
        self.ping = None;
        core.alarms.stop(Alarm::Ping(self.register.account));
        self.failures = self.failures.saturating_add(1);
        if matches!(status, 401 | 403 | 407) {
            // Answered and refused: the next attempt begins by asking, so that it shows the password once, not twice.
            self.challenges.clear();
        }
        let base = if matches!(status, 401 | 403 | 407) { BACKOFF_REFUSED } else { BACKOFF_MIN };
        let grown = base.saturating_mul(1 << self.failures.saturating_sub(1).min(6)).min(BACKOFF_MAX);
        let asked = Duration::from_secs(retry_after_s.unwrap_or(0).into()).min(BACKOFF_MAX);
        let wait = grown.max(asked);
        let chance = Duration::from_millis(core.ids.below(wait.as_millis() as u64 / 4 + 1));
        core.alarm(Alarm::Refresh(self.register.account), wait + chance);
        let state = RegistrationState::Failed { status };
        core.tell(Event::Registration { account: self.register.account, state });
    }

    /// The registrar's new challenge is answered once per attempt, and so is a proxy's; that covers a nonce that was merely
    /// old.
    fn take_challenge(&mut self, message: &Message<'_>) -> bool {
        let Some((challenge, header)) = reading::challenge(message) else { return false };
        if self.register.credentials.is_none() || !self.challenged.insert(header) {
            return false;
        }
        self.challenges.insert(header, challenge);
        true
    }

    fn take_min_expires(&mut self, message: &Message<'_>) -> bool {
        let wanted = message.min_expires().filter(|seconds| *seconds > self.expires_s && *seconds <= 86_400);
        self.expires_s = wanted.unwrap_or(self.expires_s);
        wanted.is_some()
    }
}

fn service_route(message: &Message<'_>) -> Vec<Hidden> {
    let values = message.elements(HeaderName::ServiceRoute).take(VALUES_MAX);
    values.map(|value| Hidden::from_bytes(&unfold(value))).collect()
}

/// The domain of the address of record (§10.2: no user part).
fn registrar_uri(aor: &str) -> Vec<u8> {
    let Ok(uri) = Uri::parse(aor.as_bytes()) else { return aor.as_bytes().to_vec() };
    let host = String::from_utf8_lossy(uri.host);
    match uri.port {
        Some(port) => format!("sip:{host}:{port}").into_bytes(),
        None => format!("sip:{host}").into_bytes(),
    }
}
