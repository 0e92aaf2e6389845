//! A call on loopback, watched from both ends: the engine with real sockets, and softphones that tell what they hear.
//! `ecoute demo` and the tests walk it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Select;

use crate::call::record::Record;
use crate::clock::Instant;
use crate::dialplan::{PromptIndex, PromptWords};
use crate::dispatch::{self, Centre, CentreId, Decision, DecisionKind, Lang, Listener, Roster};
use crate::france::{Department, Tables};
use crate::ids::{IdSource, ListenerId};
use crate::media::{self, Library, Prompt};
use crate::ops::{Health, Metrics};
use crate::sdp::Capabilities;
use crate::sip::{Accounts, EndpointConfig, Headers, Network, Peers, Secret};
use crate::store::{Reader, StoreSettings, explain};

use super::clock::SystemClock;
use super::phone::{PhoneAction, PhoneEvent, PhoneSettings};
use super::serve::{Node, ServeError, ServeSettings};
use super::setup::Setup;
use super::shard::ShardSettings;
use super::softphone::{Softphone, SoftphoneError, SoftphoneSettings};

/// What is proved.
#[derive(Clone, Debug)]
pub struct ProofSettings {
    /// The dialplan's file.
    pub plan: PathBuf,
    /// The folder of prompts.
    pub prompts: PathBuf,
    /// The caller's number.
    pub caller: String,
    /// The tone the caller speaks, hertz.
    pub caller_hz: u16,
    /// Listeners: account, department, tone in hertz.
    pub listeners: Vec<(String, String, u16)>,
}

/// Something that happened to one of the phones.
#[derive(Clone, Debug)]
pub struct Watched {
    /// "caller", or the listener's account.
    pub who: String,
    /// When.
    pub at: Instant,
    /// What.
    pub event: PhoneEvent,
}

/// What the engine tells of the call afterwards.
#[derive(Clone, Debug)]
pub struct Story {
    /// Records in the store: exactly one is right.
    pub records: usize,
    /// From the choice of a listener to the ringing of his phone.
    pub choose_to_ring: Option<Duration>,
    /// How the call ended, in English.
    pub termination: String,
    /// The caller hung up while joined.
    pub ended_well: bool,
    /// Calls, legs, transactions, streams: all are gone.
    pub all_quiet: bool,
    /// The dispatcher's reasons, in French.
    pub explained: String,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The engine.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A phone.
    #[error(transparent)]
    Phone(#[from] SoftphoneError),
    /// The files.
    #[error("{0}")]
    Files(String),
    /// A listener could not register in time.
    #[error("{0} could not register")]
    NotRegistered(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The system.
    #[error("the system refused something: {0}")]
    System(#[from] std::io::Error),
}

/// An engine and its phones.
#[derive(Debug)]
pub struct Proof {
    clock: SystemClock,
    node: Option<Node>,
    state_dir: PathBuf,
    phones: Vec<(String, Softphone)>,
    later: Vec<(Instant, String)>,
    rang_at: Option<Instant>,
}

const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;

impl Proof {
    /// Starts the engine and the phones.
    pub fn start(settings: ProofSettings) -> Result<Proof, ProofError> {
        let clock = SystemClock::start();
        let mut ids = super::entropy::id_source()?;
        let state_dir = std::env::temp_dir().join(format!("ecoute-demo-{}", ids.hex(8)));
        let (setup, passwords) = setup_of(&settings, &mut ids)?;
        let local = SocketAddr::from((LOOPBACK, 0));
        let node = Node::start(
            ServeSettings {
                listen: vec![super::Listening::udp(local)],
                streams: crate::net::StreamLimits::default(),
                tls: None,
                web_origins: Vec::new(),
                names: super::NameSettings::default(),
                shard: ShardSettings {
                    endpoint: EndpointConfig {
                        peers: Arc::new(Peers::one([Network { addr: LOOPBACK.into(), prefix: 8 }])),
                        ..EndpointConfig::default()
                    },
                    dispatch: dispatch::Settings::default(),
                    calls_max: 10,
                    retry_after_s: 5,
                    from_host: "127.0.0.1".into(),
                },
                setup,
                media: media::Settings::new(LOOPBACK.into(), 34_000..=34_099),
                workers: 1,
                state_dir: state_dir.clone(),
                store: StoreSettings::default(),
            },
            clock,
            ids.fork(),
            Metrics::new(),
            Health::new(),
        )?;
        let server = node.sip();
        let mut phones = Vec::new();
        let all = std::iter::once(("caller".to_owned(), settings.caller.clone(), None, settings.caller_hz)).chain(
            settings
                .listeners
                .iter()
                .zip(passwords)
                .map(|((name, _, hz), password)| (name.clone(), name.clone(), Some(password), *hz)),
        );
        let tones: Vec<u16> = settings.listeners.iter().map(|(_, _, hz)| *hz).chain([settings.caller_hz]).collect();
        for (number, (name, user, password, hz)) in all.enumerate() {
            let first = 34_100 + 100 * number as u16;
            let phone = PhoneSettings {
                user,
                password,
                domain: server.ip().to_string(),
                local,
                server,
                number: number as u32,
                capabilities: Capabilities::default(),
                headers: Headers::none(),
            };
            let settings = SoftphoneSettings { phone, media_ports: first..=first + 99 };
            let softphone = Softphone::start(settings, clock, ids.fork())?;
            softphone.act(PhoneAction::Speak(Arc::new(Prompt::tone("tone", hz, Duration::from_secs(2)))));
            softphone.act(PhoneAction::Listen(tones.iter().copied().filter(|tone| *tone != hz).collect()));
            phones.push((name, softphone));
        }
        Ok(Proof { clock, node: Some(node), state_dir, phones, later: Vec::new(), rang_at: None })
    }

    /// Registers every listener with digest.
    pub fn register(&mut self, within: Duration) -> Result<(), ProofError> {
        let until = self.clock.at() + within;
        let mut missing: Vec<String> =
            self.phones.iter().map(|(name, _)| name.clone()).filter(|name| name != "caller").collect();
        for name in &missing {
            self.act(name, PhoneAction::Register { expires_s: 300 });
        }
        while let Some(first) = missing.first() {
            match self.next(until) {
                Some(Watched { who, event: PhoneEvent::Registered, .. }) => missing.retain(|name| *name != who),
                Some(_) => {}
                None => return Err(ProofError::NotRegistered(first.clone())),
            }
        }
        Ok(())
    }

    /// The caller dials; returns when.
    pub fn dial(&self, to: &str) -> Instant {
        let at = self.clock.at();
        self.act("caller", PhoneAction::Dial { to: to.to_owned() });
        at
    }

    /// A phone's owner does something.
    pub fn act(&self, who: &str, action: PhoneAction) {
        if let Some((_, phone)) = self.phones.iter().find(|(name, _)| name == who) {
            phone.act(action);
        }
    }

    /// The caller presses `digits`, `wait` after the keys that were asked for before.
    pub fn press_after(&mut self, wait: Duration, digits: &str) {
        let after = self
            .later
            .last()
            .map_or_else(|| self.clock.at(), |(at, keys)| *at + Duration::from_millis(220) * keys.len() as u32);
        self.later.push((after + wait, digits.to_owned()));
    }

    /// The next thing that happens to a phone, unless nothing does until then.
    pub fn next(&mut self, until: Instant) -> Option<Watched> {
        loop {
            let now = self.clock.at();
            while self.later.first().is_some_and(|(at, _)| *at <= now) {
                let (_, keys) = self.later.remove(0);
                self.act("caller", PhoneAction::Press(keys));
            }
            let wake = self.later.first().map_or(until, |(at, _)| (*at).min(until));
            let mut select = Select::new();
            for (_, phone) in &self.phones {
                select.recv(phone.events());
            }
            match select.select_timeout(wake.since(now)) {
                Ok(chosen) => {
                    let (name, phone) = &self.phones[chosen.index()];
                    let (at, event) = chosen.recv(phone.events()).ok()?;
                    if event == PhoneEvent::Rings {
                        self.rang_at = Some(at);
                    }
                    return Some(Watched { who: name.clone(), at, event });
                }
                Err(_) if self.clock.at() >= until => return None,
                Err(_) => {}
            }
        }
    }

    /// Waits for quiet, stops the engine, and reads what it wrote.
    pub fn finish(mut self, within: Duration) -> Result<Story, ProofError> {
        for (_, phone) in &self.phones {
            phone.act(PhoneAction::Unregister);
        }
        // SIP itself keeps finished transactions for 32 s (timers B, F, H, J); legs and streams are gone at once.
        let until = self.clock.at() + within;
        let mut quiet = false;
        while !quiet && self.clock.at() < until {
            let wait = self.clock.at() + Duration::from_millis(50);
            self.next(wait);
            let snapshot = self.node.as_ref().map(Node::snapshot).unwrap_or_default();
            let counts = snapshot.counts;
            quiet = counts.calls == 0 && counts.legs == 0 && counts.dispatch.talking == 0 && snapshot.streams == 0;
        }
        self.phones.clear();
        if let Some(node) = self.node.take() {
            node.stop(within);
        }
        let reader = Reader::open(&self.state_dir)?;
        let records = reader.records(10, None)?;
        let mut story = Story {
            records: records.len(),
            choose_to_ring: None,
            termination: String::new(),
            ended_well: false,
            all_quiet: quiet,
            explained: String::new(),
        };
        if let Some(record) = records.first() {
            let decisions = reader.decisions(record.call)?;
            story.choose_to_ring = choice(&decisions).and_then(|at| self.rang_at.map(|rang| rang.since(at)));
            story.termination = record.termination.in_words().1.to_owned();
            story.ended_well = ended_well(record);
            story.explained = explain(record, &decisions, Lang::Fr);
        }
        drop(reader);
        let _ = std::fs::remove_dir_all(&self.state_dir);
        Ok(story)
    }
}

impl Drop for Proof {
    fn drop(&mut self) {
        self.node.take();
        let _ = std::fs::remove_dir_all(&self.state_dir);
    }
}

fn choice(decisions: &[Decision]) -> Option<Instant> {
    decisions.iter().rev().find(|decision| matches!(decision.kind, DecisionKind::Rang { .. })).map(|d| d.at.at)
}

fn ended_well(record: &Record) -> bool {
    use crate::call::{How, Party, Stage};
    let end = record.termination;
    end.by == Party::Caller && end.how == How::HungUp && end.during == Stage::Bridged
}

fn setup_of(settings: &ProofSettings, ids: &mut IdSource) -> Result<(Setup, Vec<String>), ProofError> {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).map_err(|fault| ProofError::Files(format!("{}: {fault}", path.display())))
    };
    let (library, faults) = Library::load(&settings.prompts);
    if let Some(fault) = faults.first() {
        return Err(ProofError::Files(fault.to_string()));
    }
    let words = settings.prompts.join("prompts.toml");
    PromptWords::read(&words.display().to_string(), &read(&words)?)
        .map_err(|faults| ProofError::Files(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))?;
    let plan =
        crate::dialplan::read(&settings.plan.display().to_string(), &read(&settings.plan)?, &PromptIndex::unchecked())
            .map_err(|faults| {
                ProofError::Files(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
            })?;
    let mut roster = Roster::default();
    let mut accounts = Accounts::none();
    let mut passwords = Vec::new();
    for (name, department, _) in &settings.listeners {
        let departments: Vec<Department> = Department::from_code(department).into_iter().collect();
        let centre = CentreId::new(name);
        roster.centres.push(Centre { id: centre.clone(), name: name.clone(), departments: departments.clone() });
        roster.listeners.push(Listener::new(ListenerId::new(name), centre, departments));
        let password = ids.hex(12);
        accounts.insert(name, Secret::password(password.clone()));
        passwords.push(password);
    }
    let setup = Setup {
        plans: vec![Arc::new(plan)],
        library: Arc::new(library),
        roster: Arc::new(roster),
        accounts: Arc::new(accounts),
        call: Arc::new(crate::call::Settings::new(Arc::new(Tables::embedded()))),
        trunks: Arc::default(),
    };
    Ok((setup, passwords))
}
