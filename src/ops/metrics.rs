//! Every metric, once: its name, type, unit, labels, what it says and what to do when it moves. The handles, the page at
//! `/metrics` and the reference for staff all come from the one table below.

use std::fmt::Debug;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::labels::{
    BuildInfo, ByAttestation, ByAuthFailure, ByBan, ByClass, ByCourse, ByDecision, ByDrop, ByEnd, ByListenerState,
    ByLoad, ByMethod, ByOutcome, ByPortState, ByService, BySide, ByStoreFault, ByStorePlace, ByTransaction, ByTrunk,
    ByTrunkAlert, ByTrunkState, ByWaitEnd, ByWay, LabelDoc, Labels, Room, Word,
};

/// A gauge that is not whole.
pub type Level = Gauge<f64, AtomicU64>;
/// Histograms by label.
pub type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// What staff should know of a metric.
#[derive(Clone, Debug)]
pub struct MetricDoc {
    /// The name on the page, with prefix, unit and `_total`.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Its unit, if it has one.
    pub unit: Option<&'static str>,
    /// Its labels.
    pub labels: Vec<LabelDoc>,
    /// What it says.
    pub help: &'static str,
    /// What to do when it moves.
    pub act: &'static str,
}

/// The table: `name: type = initial value [unit] "what it says" => "what to do when it moves"`.
macro_rules! metrics {
    ($($name:ident: $type:ty = $new:expr, [$($unit:ident)?] $help:literal => $act:literal;)+) => {
        /// The held handles: counting is one atomic addition.
        #[derive(Clone, Debug)]
        pub struct Handles {
            $(#[doc = concat!($help, ".")] pub $name: $type,)+
        }

        impl Handles {
            fn register() -> (Handles, Registry) {
                let handles = Handles { $($name: $new,)+ };
                let mut registry = Registry::with_prefix(PREFIX);
                $(
                    handles.$name.prepare();
                    match unit!($($unit)?) {
                        Some(unit) => registry.register_with_unit(stringify!($name), $help, unit, handles.$name.clone()),
                        None => registry.register(stringify!($name), $help, handles.$name.clone()),
                    }
                )+
                (handles, registry)
            }

            /// Makes every metric show at least one series.
            #[cfg(test)]
            fn show_all(&self) {
                $(self.$name.show();)+
            }
        }

        fn documents() -> Vec<MetricDoc> {
            vec![$(document::<$type>(stringify!($name), unit!($($unit)?), $help, $act),)+]
        }
    };
}

macro_rules! unit {
    () => {
        None::<Unit>
    };
    ($unit:ident) => {
        Some(Unit::$unit)
    };
}

const PREFIX: &str = "ecoute";

metrics! {
    calls_active: Gauge = Gauge::default(), []
        "Calls in progress, from INVITE to record"
        => "Follows the day. Above the node's `calls_max` new callers hear 503: add a node. Not back at 0 in a quiet night: a call is stuck, see `ecoute status`.";
    calls: Family<ByEnd, Counter> = Family::default(), []
        "Calls that ended, by plan, and by who, what and where ended them"
        => "how=fault or no_ports is ours: read the log. how=lost by=trunk: the operator's link. by=caller during=waiting: callers give up, see the queue.";
    calls_answered: Family<ByService, Counter> = Family::default(), []
        "Calls we answered (200 sent)"
        => "Should follow the number of calls. A gap means refusals: see `calls` by how.";
    calls_bridged: Family<ByService, Counter> = Family::default(), []
        "Calls in which two voices were joined at least once"
        => "Divided by calls answered: the part of callers who reached a listener, the figure that matters most.";
    legs_active: Family<BySide, Gauge> = Family::default(), []
        "Legs whose signalling or sound is not settled"
        => "side=caller equals `calls_active`. More listener legs than rings and conversations: a leg is stuck.";
    one_way_audio: Counter = Counter::default(), []
        "Joined calls in which one party gave no sound"
        => "Rising: a firewall or NAT between us and a listener; compare with the listener's record.";
    answer: Histogram = Histogram::new(SHORT), [Seconds]
        "Time from INVITE to our answer"
        => "Above 0.5 s the machine is overloaded or the trunk is slow to acknowledge.";
    queue_wait: Histograms<ByWaitEnd> = Family::new_with_constructor(|| Histogram::new(LONG)), [Seconds]
        "Time in the queue, by how the waiting ended"
        => "end=left grows: too few listeners, or tiers that open too slowly.";
    to_human: Histogram = Histogram::new(LONG), [Seconds]
        "Time from INVITE to the joining of two voices"
        => "The caller's own measure. Compare with the hours of the centres.";
    conversation: Histogram = Histogram::new(VERY_LONG), [Seconds]
        "Length of conversations, all of a call together"
        => "Many below 10 s: voicemail answers, or sound fails.";
    queue_callers: Gauge = Gauge::default(), []
        "Callers in the queue now"
        => "Above 0 with free listeners for more than a minute: see `ecoute explain` of the oldest call.";
    queue_oldest: Level = Level::default(), [Seconds]
        "How long the longest waiting caller has waited"
        => "Never above the sum of the plan's tiers; above it, the dispatcher is stuck.";
    listeners: Family<ByListenerState, Gauge> = Family::default(), []
        "Listeners by what they do now"
        => "free=0 in opening hours: ask for help. unreachable rising: phones asleep or the network is down.";
    reservations: Gauge = Gauge::default(), []
        "Listeners being rung for a caller"
        => "Above the number of waiting callers: a reservation is stuck.";
    decisions: Family<ByDecision, Counter> = Family::default(), []
        "The dispatcher's decisions"
        => "nobody_eligible in opening hours: look at `listeners` by state. auto_paused: a phone rings in an empty room.";
    rings: Family<ByOutcome, Counter> = Family::default(), []
        "Rings of listeners, by what came of them"
        => "no_answer or unreachable above a third: call these listeners by another way.";
    ring_sent: Histogram = Histogram::new(SHORT), [Seconds]
        "Time from the choice of a listener to the INVITE on the wire"
        => "Above 0.1 s the machine is overloaded.";
    sip_transactions: Family<ByTransaction, Gauge> = Family::default(), []
        "SIP transactions alive, by machine"
        => "Back to 0 within a minute of the last call. Near `transactions_max`: a flood, or a peer that does not answer.";
    sip_dialogs: Gauge = Gauge::default(), []
        "SIP dialogs alive"
        => "About twice the joined calls. Growing without calls: a leak, report it.";
    sip_requests: Family<ByMethod, Counter> = Family::default(), []
        "SIP requests, by way and method, repetitions included"
        => "method=other or a burst of register: a scanner; see `auth_failures`.";
    sip_responses: Family<ByClass, Counter> = Family::default(), []
        "SIP responses, by way, method of the request, and class, repetitions included"
        => "way=out class=5xx is ours: read the log. way=in class=5xx: the operator's or a listener's side.";
    dropped: Family<ByDrop, Counter> = Family::default(), []
        "What was set aside in silence, by room and reason"
        => "sip/garbage: scanners. sip/full and net/full: raise a limit or add a node. dispatch/stale_token now and then is normal.";
    registrations: Gauge = Gauge::default(), []
        "Listeners with at least one registered device"
        => "Falling all at once: our address changed, or the network is down.";
    bindings: Gauge = Gauge::default(), []
        "Registered devices"
        => "Far above `registrations`: phones that leave old contacts behind.";
    attestations: Family<ByAttestation, Counter> = Family::default(), []
        "Calls of trunks by what the calling network signed about the caller's number (STIR/SHAKEN); noted, never verified"
        => "none for all: the operator signs nothing, or a proxy drops it. Nothing to do: every call is answered alike.";
    auth_failures: Family<ByAuthFailure, Counter> = Family::default(), []
        "Requests that could not prove who they are"
        => "wrong_password for hours: a phone with an old password, see the log. unknown_account in bursts: a scanner.";
    sip_bans: Gauge = Gauge::default(), []
        "Sources that are answered with silence now"
        => "Hundreds: somebody scans from many places; nothing to do. A listener cannot register: look for her address in `ecoute ban list`, and lift it.";
    sip_bans_made: Family<ByBan, Counter> = Family::default(), []
        "Sources that were answered with silence, by why"
        => "scanner, unsolicited and malformed: the Internet as it is. wrong_password now and then: a telephone with an old password. staff: somebody's own word.";
    trunk_state: Family<ByTrunkState, Gauge> = Family::default(), []
        "How each trunk is: 1 for the state it is in"
        => "down=1: no machine of the operator answers, or we are not registered; see `ecoute trunk list` and the log, then ask the operator. unknown is normal where it answers no OPTIONS.";
    trunk_registered: Family<ByTrunk, Gauge> = Family::default(), []
        "1 while the operator keeps our registration, for trunks that register"
        => "0 for more than a minute: callers do not reach us over it. With alert=credentials the password is wrong, otherwise the link.";
    trunk_channels: Family<ByCourse, Gauge> = Family::default(), []
        "Channels of each trunk in use, by who called"
        => "Not back at 0 in a quiet night: a channel is stuck, report it.";
    trunk_channels_max: Family<ByTrunk, Gauge> = Family::default(), []
        "Channels of each trunk by contract, where a limit is written"
        => "trunk_channels near it in the busy hour: order more channels.";
    trunk_full: Family<ByTrunk, Counter> = Family::default(), []
        "Callers refused because the trunk had no channel left for them"
        => "Anything above 0: order more channels, or set fewer aside (`reserved_for_outgoing`).";
    trunk_probes_missed: Family<ByTrunk, Counter> = Family::default(), []
        "OPTIONS to the operator's machines without an answer"
        => "Steadily rising with state=up: the operator answers none; write `options_probe_s = 0`. In bursts: the link.";
    trunk_alert: Family<ByTrunkAlert, Gauge> = Family::default(), []
        "1 while something about a trunk needs a person"
        => "credentials: name or password refused. unresolved: the DNS knows no machine. no_socket: no address of ours reaches it, see `sip.listen`.";
    media_streams: Gauge = Gauge::default(), []
        "Audio streams open"
        => "Equals the legs with sound. Not back at 0 in a quiet night: a leak, report it.";
    media_ports: Family<ByPortState, Gauge> = Family::default(), []
        "Media port pairs, by what they do"
        => "free near 0: widen `media.ports`.";
    media_packets: Family<ByWay, Counter> = Family::default(), []
        "RTP packets, by way"
        => "50 per second, stream and way. Far fewer in than out: sound does not reach us.";
    media_lost: Counter = Counter::default(), []
        "RTP packets of the peers that never came, counted as each stream closes"
        => "Above one in a hundred of `media_packets`: somebody's network; the call records tell whose.";
    media_beat_late: Level = Level::default(), [Seconds]
        "The latest a media worker's 20 ms beat has been in the last 15 s"
        => "Above 0.02 s callers hear gaps: too many streams for this machine, or another program takes its time.";
    media_beats_late: Counter = Counter::default(), []
        "Fifths of a second in which a media beat was more than 5 ms late"
        => "Steadily rising: see `media_beat_late`.";
    media_workers: Gauge = Gauge::default(), []
        "Media threads alive"
        => "Less than configured: one has died; its calls are ended, and the node is not ready. Read the log.";
    shard_inbox: Gauge = Gauge::default(), []
        "Messages waiting for the call loop"
        => "Above a few hundred for seconds: overload; new calls are refused until it is over.";
    shard_turn: Histogram = Histogram::new(TINY), [Seconds]
        "Time of one turn of the call loop"
        => "Above 0.02 s something slow got onto the loop: report it.";
    store_open: Gauge = Gauge::default(), []
        "1 while the database takes what it is given"
        => "0: disk full or file damaged. Calls go on and records wait; make room, nothing else is to be done.";
    store_waiting: Family<ByStorePlace, Gauge> = Family::default(), []
        "Entries that wait for the database, by where they wait"
        => "spool: the disk, see `store_open`. memory: act within the hour, the end of the program would lose them.";
    store_records: Counter = Counter::default(), []
        "Call records written"
        => "Equals `calls` over the day.";
    store_decisions: Counter = Counter::default(), []
        "Decisions written"
        => "Follows `decisions`.";
    store_duplicates: Counter = Counter::default(), []
        "Second records of a call, refused"
        => "Always 0. Anything else is a fault of ours: report it.";
    store_lost: Counter = Counter::default(), []
        "Entries lost because queue, spool and memory were full"
        => "Always 0. Anything else: the disk has been full too long.";
    store_damaged: Counter = Counter::default(), []
        "Entries that could not be read or taken, kept in `spool/damaged.jsonl`"
        => "A few after a power cut. Otherwise report it.";
    store_errors: Family<ByStoreFault, Counter> = Family::default(), []
        "Failures of the database and of the spool file"
        => "See `store_open` and the disk.";
    store_numbers_deleted: Counter = Counter::default(), []
        "Callers' numbers deleted at the end of their time"
        => "Follows the calls of the day before. Stands still: the law's 24 hours are at risk, see `store_open`.";
    log_masked: Counter = Counter::default(), []
        "Log lines in which something like a telephone number was masked"
        => "Always 0. Anything else is a fault of ours: report it with the line.";
    reloads: Family<ByLoad, Counter> = Family::default(), []
        "Dialplans (with their prompts) and listeners loaded anew, by what came of it"
        => "refused: the file has faults and the old one stays in force; run `ecoute check`.";
    ready: Gauge = Gauge::default(), []
        "1 while new calls are welcome"
        => "0 without a planned stop: ask `/readyz` why.";
    draining: Gauge = Gauge::default(), []
        "1 while the node finishes its calls before it stops"
        => "Only during a planned stop.";
    build_info: Family<BuildInfo, Gauge> = Family::default(), []
        "The version of this program; always 1"
        => "Changes with an update only.";
    uptime: Level = Level::default(), [Seconds]
        "Time since the program began"
        => "Falls to 0 at a restart; without a planned one, read the log before it.";
    process_cpu: Level = Level::default(), [Seconds]
        "Processor time used by the program, all threads"
        => "Per second of time: the part of the machine in use. Above the number of cores less one, add a node.";
    process_resident: Level = Level::default(), [Bytes]
        "Memory in use"
        => "Flat over days. A slope is a leak: report it.";
    process_files: Gauge = Gauge::default(), []
        "Open files and sockets"
        => "Follows the streams (two sockets each). Near the system's limit: raise it.";
}

const SHORT: [f64; 10] = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 3.0];
const LONG: [f64; 13] = [1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0];
const VERY_LONG: [f64; 11] = [5.0, 10.0, 30.0, 60.0, 180.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0];
const TINY: [f64; 10] = [0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.1];

/// All metrics of a process. A clone is a handle to the same ones.
#[derive(Clone)]
pub struct Metrics(Arc<Whole>);

struct Whole {
    handles: Handles,
    registry: Registry,
}

impl Metrics {
    /// A fresh set, all at zero.
    pub fn new() -> Metrics {
        let (handles, registry) = Handles::register();
        handles.build_info.get_or_create(&BuildInfo::ours()).set(1);
        Metrics(Arc::new(Whole { handles, registry }))
    }

    /// The page, as OpenMetrics text.
    pub fn page(&self) -> String {
        let mut page = String::with_capacity(32 * 1024);
        // Writing into a String does not fail.
        let _ = text::encode(&mut page, &self.0.registry);
        page
    }

    /// One more thing set aside in silence. `reason` is a variant of the room's closed enum; what it holds is left out.
    pub fn dropped(&self, room: Room, reason: &dyn Debug) {
        self.dropped.get_or_create(&ByDrop { room, reason: Word::of_variant(reason) }).inc();
    }
}

impl Metrics {
    /// One more source is answered with silence. `why` is a variant of a closed enum.
    pub fn banned(&self, why: &dyn Debug) {
        self.sip_bans_made.get_or_create(&ByBan { why: Word::of_variant(why) }).inc();
    }
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

impl Deref for Metrics {
    type Target = Handles;
    fn deref(&self) -> &Handles {
        &self.0.handles
    }
}

/// Every metric, in the order of the table.
pub fn catalogue() -> &'static [MetricDoc] {
    static CATALOGUE: LazyLock<Vec<MetricDoc>> = LazyLock::new(documents);
    &CATALOGUE
}

/// The catalogue as a page for staff.
pub fn catalogue_markdown() -> String {
    let mut page = String::from(
        "# Metrics\n\nServed as OpenMetrics text at `/metrics`. No label carries a number, a name, an address or a Call-ID.\n",
    );
    for doc in catalogue() {
        page.push_str(&format!("\n## `{}`\n\n{}.\n\n- Type: {}", doc.name, doc.help, doc.kind));
        if let Some(unit) = doc.unit {
            page.push_str(&format!(", in {unit}"));
        }
        page.push('\n');
        for label in &doc.labels {
            let words = match label.words.as_slice() {
                [] => "a closed set of the configuration or of a room".to_owned(),
                words => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
            };
            page.push_str(&format!("- Label `{}`: {words}\n", label.name));
        }
        page.push_str(&format!("- When it moves: {}\n", doc.act));
    }
    page
}

/// Sets a counter that is counted elsewhere to the figure read there. It never goes back.
pub fn follow(counter: &Counter, figure: u64) {
    counter.inner().fetch_max(figure, Relaxed);
}

// ---- helpers -----------------------------------------------------------------------------------------------------

/// What the table needs to know of a type of metric.
trait Kind {
    const KIND: &'static str;
    fn labels() -> Vec<LabelDoc> {
        Vec::new()
    }
    /// Creates the series that shall exist from the start.
    fn prepare(&self) {}
    /// Makes at least one series show.
    #[cfg(test)]
    fn show(&self) {}
}

impl Kind for Counter {
    const KIND: &'static str = "counter";
}

impl Kind for Gauge {
    const KIND: &'static str = "gauge";
}

impl Kind for Level {
    const KIND: &'static str = "gauge";
}

impl Kind for Histogram {
    const KIND: &'static str = "histogram";
}

macro_rules! kind_of_family {
    ($metric:ty, $constructor:ty, $kind:literal) => {
        impl<L: Labels + Clone + std::hash::Hash + Eq> Kind for Family<L, $metric, $constructor> {
            const KIND: &'static str = $kind;
            fn labels() -> Vec<LabelDoc> {
                L::docs()
            }
            fn prepare(&self) {
                for labels in L::all() {
                    drop(self.get_or_create(&labels));
                }
            }
            #[cfg(test)]
            fn show(&self) {
                drop(self.get_or_create(&L::any()));
            }
        }
    };
}

kind_of_family!(Counter, fn() -> Counter, "counter");
kind_of_family!(Gauge, fn() -> Gauge, "gauge");
kind_of_family!(Histogram, fn() -> Histogram, "histogram");

fn document<K: Kind>(name: &str, unit: Option<Unit>, help: &'static str, act: &'static str) -> MetricDoc {
    let unit = unit.map(|unit| match unit {
        Unit::Bytes => "bytes",
        _ => "seconds",
    });
    let unit_part = unit.map(|unit| format!("_{unit}")).unwrap_or_default();
    let suffix = if K::KIND == "counter" { "_total" } else { "" };
    MetricDoc {
        name: format!("{PREFIX}_{name}{unit_part}{suffix}"),
        kind: K::KIND,
        unit,
        labels: K::labels(),
        help,
        act,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ops::labels::{Method, Way};

    /// Every metric on the page is in the catalogue, and every one of the catalogue is on the page, with its type and unit.
    #[test]
    fn page_and_catalogue_agree() {
        let metrics = Metrics::new();
        metrics.show_all();
        let page = metrics.page();
        let shown: BTreeSet<(String, String)> = page
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE "))
            .map(|line| line.split_once(' ').expect("name and type"))
            .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
            .collect();
        let known: BTreeSet<(String, String)> = catalogue()
            .iter()
            .map(|doc| {
                let name = doc.name.strip_suffix("_total").unwrap_or(&doc.name);
                (name.to_owned(), doc.kind.to_owned())
            })
            .collect();
        assert_eq!(shown, known);
        assert_eq!(known.len(), catalogue().len(), "no name twice");
    }

    /// Each line of the page is a comment or a sample in the form that scrapers expect, and the page ends with `# EOF`.
    #[test]
    fn each_line_has_its_form() {
        let metrics = Metrics::new();
        metrics.show_all();
        metrics.dropped(Room::Sip, &"quote\" back\\slash\nline");
        let page = metrics.page();
        assert!(page.ends_with("# EOF\n"));
        for line in page.lines() {
            if line.starts_with("# HELP ")
                || line.starts_with("# TYPE ")
                || line.starts_with("# UNIT ")
                || line == "# EOF"
            {
                continue;
            }
            let (series, value) = line.rsplit_once(' ').expect("a value");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let name = series.split('{').next().expect("a name");
            assert!(name.starts_with("ecoute_"), "{line}");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{line}");
            if let Some(labels) = series[name.len()..].strip_prefix('{') {
                assert!(labels.ends_with("\"}"), "{line}");
            }
        }
    }

    /// Ten thousand calls of all kinds leave the number of series as it was: nothing of a caller becomes a label.
    #[test]
    fn p175_p183_series_do_not_grow_with_calls() {
        let metrics = Metrics::new();
        let count = |metrics: &Metrics| metrics.page().lines().filter(|line| !line.starts_with('#')).count();
        let way = Way::In;
        metrics.sip_requests.get_or_create(&ByMethod { way, method: Method::of("EVIL0") }).inc();
        metrics.dropped(Room::Sip, &("x", 0));
        let before = count(&metrics);
        for nth in 0..10_000 {
            metrics.sip_requests.get_or_create(&ByMethod { way, method: Method::of(&format!("EVIL{nth}")) }).inc();
            metrics.dropped(Room::Sip, &("+33612345678", nth));
        }
        assert_eq!(count(&metrics), before);
    }

    /// The reference for staff has a paragraph for each metric, and says what to do.
    #[test]
    fn the_reference_is_complete() {
        let page = catalogue_markdown();
        for doc in catalogue() {
            assert!(page.contains(&format!("## `{}`", doc.name)));
            assert!(!doc.help.ends_with('.') && doc.act.ends_with('.'), "{}", doc.name);
        }
        assert_eq!(page.matches("When it moves").count(), catalogue().len());
    }

    /// A counter that follows a figure counted elsewhere never goes back.
    #[test]
    fn a_followed_counter_never_goes_back() {
        let counter = Counter::default();
        follow(&counter, 7);
        follow(&counter, 3);
        assert_eq!(counter.get(), 7);
    }
}
