//! `ecoute run`: serve until told to stop.
//!
//! SIGTERM or SIGINT drains: no new calls, the others go on; a second signal, or the end of the patience, ends them with
//! BYE. SIGHUP reads the staff's files again: all sound, or nothing changes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use arc_swap::ArcSwap;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::config::{Config, accounts};
use crate::node::{
    Control, Loaded, Node, Sources, SystemClock, Ticket, Wish, ask, id_source, load, serve_settings, sources, tables,
    tried_view,
};
use crate::ops::log::LogSettings;
use crate::ops::{self, ControlError, ControlRequest, Health, Metrics, Ops, Shared, TrunkCall, TrunkCallView};
use crate::store::Reader;

/// After a first signal, how long calls may go on before they are ended with BYE.
const PATIENCE: Duration = Duration::from_secs(2 * 3600);
/// How long ending takes at most, once calls are being ended.
const END_WITHIN: Duration = Duration::from_secs(10);
/// How long a test call over a trunk may take, all its attempts together.
pub(super) const DIAL_WITHIN: Duration = Duration::from_secs(90);

/// What the loop of the program hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Stop,
    Reload,
}

pub(super) fn run(path: Option<&Path>) -> anyhow::Result<ExitCode> {
    let config = configuration(path)?;
    let metrics = Metrics::new();
    let log = LogSettings {
        format: config.log.format,
        level: config.log.level.clone(),
        colours: std::io::IsTerminal::is_terminal(&std::io::stderr()),
    };
    let guard = ops::log::start(&log, metrics.log_masked.clone())?;
    let clock = SystemClock::start();
    let mut ids = id_source()?;
    let demo = first_accounts(&config, &mut ids)?;
    let tables = tables();
    let loaded = load(&sources(&config), &tables).map_err(|faults| anyhow::anyhow!("{}", faults.join("\n")))?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let health = Health::new();
    let node = Node::start(serve_settings(&config, loaded.setup.clone()), clock, ids, metrics.clone(), health.clone())?;
    // What a listener wished before the program stopped still holds.
    for (listener, wish) in Reader::open(&config.state_dir)?.wishes()? {
        let _ = ask(node.control(), Control::Wish(listener, wish));
    }
    let (words, heard) = mpsc::channel(8);
    let roster = Arc::new(ArcSwap::new(loaded.setup.roster.clone()));
    let views = Arc::new(ArcSwap::from_pointee(Vec::new()));
    let bans = Arc::new(ArcSwap::from_pointee(Vec::new()));
    let trunks = Arc::new(ArcSwap::from_pointee(Vec::new()));
    let wakes = Arc::new(ArcSwap::from_pointee(Vec::new()));
    let shared = Shared {
        metrics: metrics.clone(),
        health: health.clone(),
        listeners: views.clone(),
        bans: bans.clone(),
        trunks: trunks.clone(),
        dial: dial(&node),
        wakes: wakes.clone(),
        refresh: {
            let (snapshots, roster) = (node.snapshots(), roster.clone());
            Box::new(move |_| {
                let snapshot = snapshots.load();
                views.store(Arc::new(crate::node::listener_views(&snapshot, &roster.load())));
                bans.store(Arc::new(crate::node::ban_views(&snapshot, clock.at())));
                trunks.store(Arc::new(crate::node::trunk_views(&snapshot)));
                wakes.store(Arc::new(crate::node::wake_views(&snapshot)));
            })
        },
        control: control(&node, roster.clone(), words),
        state_dir: config.state_dir.clone(),
        clock: Box::new(move || clock.at()),
    };
    let operations = Ops::start(config.ops.listen, shared)?;
    greet(&config, node.sip(), operations.addr(), &loaded, demo);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let context = Serving { node: &node, sources: sources(&config), tables, roster, metrics, clock };
    let clean = runtime.block_on(context.until_stopped(heard))?;
    drop(operations);
    let flushed = node.stop(END_WITHIN);
    if !flushed {
        tracing::error!("records wait in the spool; the next start writes them");
    }
    tracing::info!("stopped");
    drop(guard);
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The configuration: `path`, or `ecoute.toml` of this folder, or the defaults.
pub(super) fn configuration(path: Option<&Path>) -> anyhow::Result<Config> {
    let file = match path {
        Some(path) => path.to_owned(),
        None if Path::new(crate::config::CONFIG_FILE).exists() => PathBuf::from(crate::config::CONFIG_FILE),
        None => return Ok(Config::default()),
    };
    Config::load(&file).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{}", lines.join("\n"))
    })
}

/// The dialplan and the folder of prompts that the demonstration uses.
pub(super) fn demo_files(path: Option<&Path>) -> anyhow::Result<(PathBuf, PathBuf)> {
    let config = configuration(path)?;
    let plan = config.dialplans.first().cloned().context("no dialplan is configured")?;
    Ok((plan, config.prompts))
}

/// A log on the terminal, for commands that do not serve.
pub(super) fn log_to_terminal() {
    let settings = LogSettings { format: ops::log::LogFormat::Human, level: "info".into(), colours: true };
    if let Ok(guard) = ops::log::start(&settings, Metrics::new().log_masked.clone()) {
        std::mem::forget(guard); // the log lives as long as the command
    }
}

/// Everything a rehearsal needs; listeners are made up when there is no file of them.
pub(super) fn load_for_rehearsal(path: Option<&Path>, plan: Option<&Path>) -> anyhow::Result<Loaded> {
    let config = configuration(path)?;
    let mut sources = sources(&config);
    if let Some(plan) = plan {
        sources.dialplans = vec![plan.to_owned()];
    }
    let made_up = MadeUp::for_first_start(!sources.listeners.exists(), &mut sources)?;
    let loaded = load(&sources, &tables()).map_err(|faults| anyhow::anyhow!("{}", faults.join("\n")));
    drop(made_up);
    loaded
}

/// Demonstration listeners in a file of the moment, for commands that only look.
pub(super) struct MadeUp(Option<PathBuf>);

impl MadeUp {
    /// Makes them when `wanted`, and points `sources` at them.
    pub fn for_first_start(wanted: bool, sources: &mut Sources) -> anyhow::Result<MadeUp> {
        if !wanted {
            return Ok(MadeUp(None));
        }
        let mut ids = id_source()?;
        let path = std::env::temp_dir().join(format!("ecoute-listeners-{}.toml", ids.hex(8)));
        accounts::ensure_demo(&path, &mut ids)?;
        sources.listeners = path.clone();
        Ok(MadeUp(Some(path)))
    }
}

impl Drop for MadeUp {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Does a first start make the file of listeners? Only where nobody said where it is.
pub(super) fn makes_listeners(config: &Config) -> bool {
    config.listeners == config.state_dir.join("listeners.toml")
}

/// On a first start, demonstration accounts with random passwords; only where nobody said where the listeners are.
fn first_accounts(
    config: &Config,
    ids: &mut crate::node::IdSource,
) -> anyhow::Result<Option<[accounts::DemoAccount; 2]>> {
    if !makes_listeners(config) {
        return Ok(None);
    }
    Ok(accounts::ensure_demo(&config.listeners, ids)?)
}

fn greet(
    config: &Config,
    sip: SocketAddr,
    operations: SocketAddr,
    loaded: &Loaded,
    demo: Option<[accounts::DemoAccount; 2]>,
) {
    let numbers: Vec<&str> =
        loaded.setup.plans.iter().flat_map(|plan| plan.numbers.iter().map(|number| &**number)).collect();
    println!("écoute {}", env!("CARGO_PKG_VERSION"));
    let sockets: Vec<String> =
        config.sip.listen.iter().map(|one| format!("{}:{}", one.transport, one.address)).collect();
    println!("  SIP          {}", sockets.join(", "));
    println!("  métriques    http://{operations}/metrics");
    println!("  numéros      {}", numbers.join(", "));
    println!("  écoutants    {}", config.listeners.display());
    if let Some(accounts) = demo {
        println!();
        println!("  Deux comptes de démonstration viennent d'être créés / two demonstration accounts were just made:");
        for account in &accounts {
            println!(
                "    sip:{}@{sip}   mot de passe / password: {}   ({})",
                account.id, account.password, account.department
            );
        }
    }
    println!();
    if let Some(number) = numbers.first() {
        println!("  Enregistrez un téléphone SIP avec un de ces comptes, puis appelez sip:{number}@{sip} d'un autre.");
        println!("  Register a softphone with one of these accounts, then dial sip:{number}@{sip} from another.");
    }
}

/// What the operations port may ask of the node.
fn control(
    node: &Node,
    roster: Arc<ArcSwap<crate::node::Roster>>,
    words: mpsc::Sender<Word>,
) -> Box<dyn Fn(ControlRequest) -> Result<(), ControlError> + Send + Sync> {
    let (sender, store) = (node.control().clone(), node.store().clone());
    let clock = SystemClock::start();
    let snapshots = node.snapshots();
    Box::new(move |request| {
        let wish = |listener, wish| {
            if !roster.load().listeners.iter().any(|known| known.id == listener) {
                return Err(ControlError::UnknownListener);
            }
            store.write(crate::store::Entry::Wish { listener: listener.clone(), wish, at: clock.civil() });
            ask(&sender, Control::Wish(listener, wish)).map_err(|why| ControlError::Refused(why.into()))
        };
        let word = |word| words.try_send(word).map_err(|_| ControlError::Unavailable);
        let to_shard = |request| ask(&sender, request).map_err(|why| ControlError::Refused(why.into()));
        match request {
            ControlRequest::Ban(source, _) if snapshots.load().peers.trunk_of(source).is_some() => {
                let why = "cette adresse est celle d'un opérateur / this address is an operator's, and trusted";
                Err(ControlError::Refused(why.into()))
            }
            ControlRequest::Ban(source, span) => to_shard(Control::Ban(source, span)),
            ControlRequest::LiftBan(source) => to_shard(Control::LiftBan(source)),
            ControlRequest::Pause(listener) => wish(listener, Wish::Paused),
            ControlRequest::Ready(listener) => wish(listener, Wish::Ready),
            ControlRequest::Drain => word(Word::Stop),
            ControlRequest::Reload => word(Word::Reload),
        }
    })
}

/// Test calls over a trunk.
fn dial(node: &Node) -> Box<dyn Fn(TrunkCall) -> Result<TrunkCallView, ControlError> + Send + Sync> {
    let sender = node.control().clone();
    Box::new(move |TrunkCall { trunk, number }| {
        let (told, heard) = crossbeam_channel::bounded(1);
        let request = Control::TryTrunk { trunk, number, reply: Ticket::new(told) };
        ask(&sender, request).map_err(|why| ControlError::Refused(why.into()))?;
        heard.recv_timeout(DIAL_WITHIN).map(|tried| tried_view(&tried)).map_err(|_| ControlError::Unavailable)
    })
}

struct Serving<'a> {
    node: &'a Node,
    sources: Sources,
    tables: Arc<crate::node::Tables>,
    roster: Arc<ArcSwap<crate::node::Roster>>,
    metrics: Metrics,
    clock: SystemClock,
}

impl Serving<'_> {
    /// Runs until everything has ended; true when every call was settled in time, also those that a second signal ended.
    async fn until_stopped(&self, mut words: mpsc::Receiver<Word>) -> anyhow::Result<bool> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let mut beat = tokio::time::interval(Duration::from_millis(100));
        let mut draining_since = None;
        let mut ending_since = None;
        let mut cut = false;
        loop {
            let word = tokio::select! {
                _ = terminate.recv() => Some(Word::Stop),
                _ = interrupt.recv() => Some(Word::Stop),
                _ = hangup.recv() => Some(Word::Reload),
                word = words.recv() => word,
                _ = beat.tick() => None,
            };
            let now = self.clock.at();
            match word {
                Some(Word::Reload) => self.reload(),
                Some(Word::Stop) if draining_since.is_none() => {
                    tracing::info!("draining: no new calls; a second signal ends those that are left");
                    draining_since = Some(now);
                    let _ = ask(self.node.control(), Control::Drain { end_calls: false });
                }
                Some(Word::Stop) => {
                    ending_since.get_or_insert(now);
                }
                None => {}
            }
            if draining_since.is_some_and(|since| now.since(since) > PATIENCE) {
                ending_since.get_or_insert(now);
            }
            if let Some(since) = ending_since {
                if !std::mem::replace(&mut cut, true) {
                    let _ = ask(self.node.control(), Control::Drain { end_calls: true });
                }
                if now.since(since) > END_WITHIN {
                    tracing::error!("some calls could not be ended in time");
                    return Ok(false);
                }
            }
            if draining_since.is_some() && self.node.snapshot().drained {
                return Ok(true);
            }
            if !self.node.is_alive() {
                bail!("the shard's thread has ended; this is a fault of ours, please report it with the log");
            }
        }
    }

    /// Read, check, map, swap: or nothing changes.
    fn reload(&self) {
        use ops::labels::{LoadResult, Loaded as What};
        match load(&self.sources, &self.tables) {
            Ok(loaded) => {
                self.roster.store(loaded.setup.roster.clone());
                let _ = ask(self.node.control(), Control::Reload(Box::new(loaded.setup)));
                for what in [What::Dialplan, What::Listeners] {
                    self.metrics.on(ops::Event::Loaded(what, LoadResult::Taken));
                }
                tracing::info!("reloaded; live calls keep the plan they began with");
            }
            Err(faults) => {
                for what in [What::Dialplan, What::Listeners] {
                    self.metrics.on(ops::Event::Loaded(what, LoadResult::Refused));
                }
                for fault in faults {
                    tracing::error!("not reloaded: {fault}");
                }
            }
        }
    }
}
