//! The house that is simulated: its plan, its prompts, its listeners, and who speaks at which pitch.
//!
//! Every prompt the callers react to is a tone of its own, and so is every person's voice: a virtual ear knows what it hears.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use ecoute::call;
use ecoute::dialplan::{self, Plan, PromptIndex};
use ecoute::dispatch::{Centre, CentreId, Listener, Roster};
use ecoute::france::{Department, Tables};
use ecoute::ids::ListenerId;
use ecoute::media::{self, Library, Prompt};
use ecoute::node::{Setup, ShardSettings};
use ecoute::sip::{Accounts, Advertised, EndpointConfig, Network, Peers, Secret, Transport};

use crate::nature::Nature;
use crate::roads;

/// The engine's SIP socket.
pub const ENGINE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 5060);

/// What the prompts sound like, for those who must know them apart.
pub const DANGER_HZ: u16 = 440;
/// The question for the postcode.
pub const ASK_HZ: u16 = 560;
/// The end of the question whether the place is right.
pub const CONFIRM_HZ: u16 = 680;
/// Nobody is free.
pub const BUSY_HZ: u16 = 800;

/// The departments the listeners serve, in turn.
const SERVED: [&str; 4] = ["38", "75", "38", "29"];

/// Which plan is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The simulator's own short one.
    Short,
    /// The one that 3977 is served with.
    Real,
}

/// The voice of the `nth` caller.
pub fn caller_hz(nth: usize) -> u16 {
    1000 + 120 * nth as u16
}

/// The voice of the `nth` listener.
pub fn listener_hz(nth: usize) -> u16 {
    1900 + 120 * nth as u16
}

/// The address of the `nth` caller, whose operator we trust.
pub fn caller_ip(nth: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 1, 0, 1 + nth as u8))
}

/// The address of a listener's device.
pub fn device_ip(listener: usize, device: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 2, device as u8, 1 + listener as u8))
}

/// The account of the `nth` listener.
pub fn account(nth: usize) -> String {
    format!("l{nth}")
}

/// His password.
pub fn password(nth: usize) -> String {
    format!("mot-de-passe-{nth}")
}

/// The department of the `nth` listener.
pub fn department(nth: usize) -> Department {
    Department::from_code(SERVED[nth % SERVED.len()]).expect("a department of France")
}

/// The set-up that is served, perhaps without one of the listeners.
pub fn setup(which: Which, nature: &Nature, without: Option<usize>) -> Setup {
    let mut roster = Roster::default();
    let mut accounts = Accounts::none();
    for nth in (0..nature.listeners.len()).filter(|nth| Some(*nth) != without) {
        let centre = CentreId::new(&format!("centre-{nth}"));
        let departments = vec![department(nth)];
        roster.centres.push(Centre { id: centre.clone(), name: centre.to_string(), departments: departments.clone() });
        roster.listeners.push(Listener::new(ListenerId::new(&account(nth)), centre, departments));
        accounts.insert(&account(nth), Secret::password(password(nth)));
    }
    let (plan, library) = match which {
        Which::Short => &*SHORT,
        Which::Real => &*REAL,
    };
    Setup {
        plans: vec![plan.clone()],
        library: library.clone(),
        roster: Arc::new(roster),
        accounts: Arc::new(accounts),
        call: CALL.clone(),
        trunks: Arc::default(),
    }
}

/// The shard's settings.
pub fn shard_settings(nature: &Nature) -> ShardSettings {
    let trunk = Network { addr: caller_ip(0), prefix: 16 };
    let trunk_v6 = Network { addr: roads::v6(caller_ip(0)), prefix: 32 };
    let kinds = [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];
    let sockets = kinds.into_iter().flat_map(|transport| [false, true].map(|six| socket(transport, six))).collect();
    ShardSettings {
        endpoint: EndpointConfig {
            realm: "ecoute".into(),
            domains: vec![ENGINE.ip().to_string()],
            peers: Arc::new(Peers::one([trunk, trunk_v6])),
            sockets,
            session_expires_s: nature.roads.timer_s,
            min_se_s: nature.roads.timer_s.min(90),
            mtu_bytes_max: nature.roads.mtu_bytes,
            transfer: nature.roads.transfer,
            ..EndpointConfig::default()
        },
        dispatch: nature.dispatch.clone(),
        calls_max: 64,
        retry_after_s: 3,
        from_host: ENGINE.ip().to_string(),
    }
}

fn socket(transport: Transport, six: bool) -> Advertised {
    let local = roads::door(ENGINE, transport, six);
    let host = if six { format!("[{}]", local.ip()) } else { local.ip().to_string() };
    Advertised { transport, local, host, port: local.port() }
}

/// The engine's media settings. A silent peer is asked after sooner than in service, so that a run stays short.
pub fn media_settings(nature: &Nature) -> media::Settings {
    let settings = media::Settings::new(ENGINE.ip(), 20_000..=20_000 + 2 * nature.port_pairs - 1);
    media::Settings { silence_after: nature.silence_after, ..settings }
}

static CALL: LazyLock<Arc<call::Settings>> =
    LazyLock::new(|| Arc::new(call::Settings::new(Arc::new(Tables::embedded()))));

static SHORT: LazyLock<(Arc<Plan>, Arc<Library>)> = LazyLock::new(|| served("plan", include_str!("plan.toml")));

static REAL: LazyLock<(Arc<Plan>, Arc<Library>)> =
    LazyLock::new(|| served("3977", include_str!("../../dialplans/3977.toml")));

/// A plan, and a tone for each of its prompts.
fn served(name: &str, text: &str) -> (Arc<Plan>, Arc<Library>) {
    let plan = match dialplan::read(&format!("{name}.toml"), text, &PromptIndex::unchecked()) {
        Ok(plan) => plan,
        Err(faults) => {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            unreachable!("{}", faults.join("\n"))
        }
    };
    let mut library = Library::default();
    let spoken = plan.prompts();
    let besides = ["sorry_reconnecting".to_owned(), "hold_music".to_owned()];
    for name in spoken.iter().map(|name| name.to_string()).chain(besides) {
        let (hz, ms) = match name.as_str() {
            "in_danger" => (DANGER_HZ, 500),
            "ask_postcode" => (ASK_HZ, 600),
            "place_keys" => (CONFIRM_HZ, 500),
            "busy" => (BUSY_HZ, 900),
            _ => (300, 240),
        };
        for language in &plan.languages {
            library.insert(language.as_str(), Prompt::tone(&name, hz, Duration::from_millis(ms)));
        }
    }
    (Arc::new(plan), Arc::new(library))
}
