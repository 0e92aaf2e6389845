//! The shell around the desk: questions go out on the control runtime, results come back through a channel, and whoever
//! asks goes on with his work meanwhile.
#![expect(clippy::disallowed_methods, reason = "the control runtime waits here, for answers and for room in a channel")]

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ProtocolConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{RData, RecordType};
use hickory_resolver::{ResolverBuilder, TokioResolver};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{
    Answer, Desk, DeskInput, DeskOutput, Hop, Question, Record, RecordKind, ResolveFault, ResolveSettings, Target,
};
use crate::clock;
use crate::ids::IdSource;

/// Targets that may wait for the desk; beyond, [`ResolveFault::Full`].
const INBOX: usize = 256;
/// A result that found no place is offered again this soon.
const RETRY: Duration = Duration::from_millis(5);
/// One try at one name server …
const TRY: Duration = Duration::from_millis(700);
/// … and how often.
const TRIES: usize = 2;

/// Who answers questions: the name system, or a test.
pub trait Source: Send + Sync + 'static {
    /// Asks; the answer may take its time, the desk does not wait for it beyond its own.
    fn ask(&self, question: Question) -> Pin<Box<dyn Future<Output = Answer> + Send>>;
}

/// The result of [`Resolver::ask`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The asker's number.
    pub ticket: u64,
    /// The hops to try in order, at least one; or why there are none.
    pub result: Result<Vec<Hop>, ResolveFault>,
}

/// Why there is no resolver.
#[derive(Debug, thiserror::Error)]
pub enum ResolverError {
    /// The system's own settings cannot be used.
    #[error("the system's name servers cannot be read: {0}")]
    System(String),
}

/// Where to ask. Cheap to clone; nothing of it waits. The desk ends with its last handle.
#[derive(Clone)]
pub struct Resolver {
    inbox: mpsc::Sender<(u64, Target)>,
}

impl Resolver {
    /// Sets up a desk on `runtime` that asks `source` and tells `results`.
    pub fn start(
        runtime: &tokio::runtime::Handle,
        settings: ResolveSettings,
        source: Arc<dyn Source>,
        chance: IdSource,
        results: Sender<Resolved>,
    ) -> Resolver {
        let (inbox, asks) = mpsc::channel(INBOX);
        runtime.spawn(run(Desk::new(settings, chance), asks, source, results));
        Resolver { inbox }
    }

    /// Asks for the hops of `target`; the result carries `ticket`. Full is an answer.
    pub fn ask(&self, ticket: u64, target: Target) -> Result<(), ResolveFault> {
        self.inbox.try_send((ticket, target)).map_err(|_| ResolveFault::Full)
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

async fn run(
    mut desk: Desk,
    mut asks: mpsc::Receiver<(u64, Target)>,
    source: Arc<dyn Source>,
    results: Sender<Resolved>,
) {
    let began = Instant::now();
    let (told, mut answers) = mpsc::unbounded_channel(); // as many as questions are out, and those are bounded
    let mut wake = None;
    loop {
        let sleep = async {
            match wake {
                Some(at) => tokio::time::sleep_until(began + clock::Instant::since(at, clock::Instant::ZERO)).await,
                None => std::future::pending().await,
            }
        };
        let input = tokio::select! {
            Some((question, answer)) = answers.recv() => DeskInput::Answer { question, answer },
            ask = asks.recv() => match ask {
                Some((ticket, target)) => DeskInput::Ask { ticket, target },
                None => return,
            },
            () = sleep => DeskInput::Timeout,
        };
        let now = clock::Instant::ZERO + began.elapsed();
        desk.handle_input(now, input);
        loop {
            match desk.poll_output() {
                DeskOutput::Query(question) => {
                    let (asking, told) = (source.ask(question.clone()), told.clone());
                    tokio::spawn(async move {
                        let answer = asking.await;
                        let _ = told.send((question, answer)); // the desk may be gone
                    });
                }
                DeskOutput::Done { ticket, result } => {
                    if !tell(&results, Resolved { ticket, result }).await {
                        return;
                    }
                }
                DeskOutput::Timeout(at) => {
                    wake = at;
                    break;
                }
            }
        }
    }
}

/// Hands a result over, waiting while there is no place. False: nobody listens any more.
async fn tell(results: &Sender<Resolved>, mut resolved: Resolved) -> bool {
    loop {
        match results.try_send(resolved) {
            Ok(()) => return true,
            Err(TrySendError::Disconnected(_)) => return false,
            Err(TrySendError::Full(back)) => resolved = back,
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// The name system itself. It asks the system's name servers or the ones given; keeps nothing (the desk does).
#[derive(Clone)]
pub struct DnsSource(TokioResolver);

impl DnsSource {
    /// The name servers and hosts file of this machine.
    pub fn of_the_system() -> Result<DnsSource, ResolverError> {
        let builder = TokioResolver::builder_tokio().map_err(|fault| ResolverError::System(fault.to_string()))?;
        DnsSource::build(builder)
    }

    /// These name servers, in this order.
    pub fn of_servers(servers: &[SocketAddr]) -> Result<DnsSource, ResolverError> {
        let mut config = ResolverConfig::default();
        for server in servers {
            let mut ways = Vec::new();
            for protocol in [ProtocolConfig::Udp, ProtocolConfig::Tcp] {
                let mut way = ConnectionConfig::new(protocol);
                way.port = server.port();
                ways.push(way);
            }
            config.add_name_server(NameServerConfig::new(server.ip(), true, ways));
        }
        DnsSource::build(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()))
    }

    fn build(mut builder: ResolverBuilder<TokioRuntimeProvider>) -> Result<DnsSource, ResolverError> {
        let options: &mut ResolverOpts = builder.options_mut();
        options.timeout = TRY;
        options.attempts = TRIES;
        options.cache_size = 0;
        builder.build().map(DnsSource).map_err(|fault| ResolverError::System(fault.to_string()))
    }
}

impl fmt::Debug for DnsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DnsSource")
    }
}

impl Source for DnsSource {
    fn ask(&self, question: Question) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        let resolver = self.0.clone();
        Box::pin(async move {
            let kind = match question.kind {
                RecordKind::Naptr => RecordType::NAPTR,
                RecordKind::Srv => RecordType::SRV,
                RecordKind::A => RecordType::A,
                RecordKind::Aaaa => RecordType::AAAA,
            };
            // The last dot keeps the machine's search list out: a domain is meant as it is written.
            match resolver.lookup(format!("{}.", question.name), kind).await {
                Ok(lookup) => answer_of(&lookup),
                Err(NetError::Dns(DnsError::NoRecordsFound(none))) => {
                    Answer::None(none.negative_ttl.map(|ttl| Duration::from_secs(ttl.into())))
                }
                Err(fault) => {
                    tracing::debug!(%fault, "a question to the name system failed");
                    Answer::Failed
                }
            }
        })
    }
}

fn answer_of(lookup: &Lookup) -> Answer {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut ttl = None;
    let records: Vec<Record> = lookup
        .answers()
        .iter()
        .filter_map(|record| {
            let found = match &record.data {
                RData::A(a) => Record::A(a.0),
                RData::AAAA(aaaa) => Record::Aaaa(aaaa.0),
                RData::SRV(srv) => Record::Srv {
                    priority: srv.priority,
                    weight: srv.weight,
                    port: srv.port,
                    target: srv.target.to_ascii(),
                },
                RData::NAPTR(naptr) => Record::Naptr {
                    order: naptr.order,
                    preference: naptr.preference,
                    flags: text(&naptr.flags),
                    service: text(&naptr.services),
                    replacement: naptr.replacement.to_ascii(),
                },
                _ => return None, // an alias on the way; its TTL counts for the library, not here
            };
            ttl = Some(ttl.map_or(record.ttl, |least: u32| least.min(record.ttl)));
            Some(found)
        })
        .collect();
    match (records.is_empty(), ttl) {
        (false, Some(ttl)) => Answer::Records(records, Duration::from_secs(ttl.into())),
        _ => Answer::None(None),
    }
}
