//! The operations port over a real socket: pages for machines, health, the API, and who may not use it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ecoute::call::record::{Finished, How, Party, Record, Sound, Stage, Termination};
use ecoute::clock::{Civil, Instant};
use ecoute::dispatch::ListenerState;
use ecoute::ids::{CallId, ListenerId, PhoneNumber};
use ecoute::ops::client::{self, AskError};
use ecoute::ops::{
    BanView, ControlError, ControlRequest, Health, ListenerView, Metrics, Ops, OpsError, OpsHandle, Part, PeerView,
    Shared, TrunkCallView, TrunkView, WakeView,
};
use ecoute::store::{Entry, Store, StoreSettings};
use serde_json::Value;

const SOON: Duration = Duration::from_secs(20);
const CALL: &str = "6000000000001";

/// `/metrics` is OpenMetrics text with the right content type, brought up to date when it is asked for.
#[test]
fn the_metrics_page() {
    let bench = Bench::new("metrics");
    let page = bench.get("/metrics");
    assert_eq!(page.status, 200);
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(page.head.to_ascii_lowercase().contains(&format!("content-type: {content_type}")), "{}", page.head);
    assert!(page.body.ends_with("# EOF\n"));
    for line in ["ecoute_queue_callers 4", "ecoute_ready 0", "ecoute_uptime_seconds 90.0", "ecoute_process_files "] {
        assert!(page.body.lines().any(|shown| shown.starts_with(line)), "{line}");
    }
}

/// `/readyz` says 503 and why until everything stands, and again while the node drains; `/healthz` asks the loop only.
#[test]
fn health_and_readiness() {
    let bench = Bench::new("health");
    let starting = bench.get("/readyz");
    assert_eq!(starting.status, 503);
    assert!(starting.body.contains("the store is not open yet") && starting.body.contains("aucun plan d'appel"));
    for part in [Part::Sip, Part::Media, Part::Store, Part::Dialplan] {
        bench.health.up(part);
    }
    assert_eq!((bench.get("/readyz").status, bench.get("/readyz").body.as_str()), (200, "ok\n"));
    bench.health.failed(Part::Media);
    assert!(bench.get("/readyz").body.contains("a media worker has died"));
    bench.health.up(Part::Media);
    bench.health.drain();
    assert!(bench.get("/readyz").body.contains("draining"));
    assert_eq!(bench.get("/healthz").status, 200);
    bench.health.beat(Instant::from_millis(1_000));
    assert_eq!(bench.get("/healthz").status, 503, "the clock stands at 90 s, the last sign of life was at 1 s");
}

/// Calls can be listed, looked at and explained; a number is in none of it.
#[test]
fn calls_and_their_stories() {
    let bench = Bench::new("calls");
    let list = bench.json("/api/v1/calls?limit=2");
    assert_eq!(list.as_array().map(Vec::len), Some(2));
    assert_eq!(list[0]["call"], "6000000000003");
    assert_eq!(bench.json("/api/v1/calls?since=2030-01-01T00:00:00Z"), Value::Array(Vec::new()));
    assert_eq!(bench.get("/api/v1/calls?since=yesterday").status, 400);
    let one = bench.json(&format!("/api/v1/calls/{CALL}"));
    assert_eq!(one["record"]["termination"]["how"], "hung_up");
    let story = bench.get(&format!("/api/v1/calls/{CALL}/explain?lang=fr"));
    assert!(story.body.starts_with(&format!("Appel {CALL} · service 3977")), "{}", story.body);
    assert!(bench.get(&format!("/api/v1/calls/{CALL}/explain?lang=en")).body.starts_with("Call"));
    for unknown in ["/api/v1/calls/6000000000009", "/api/v1/calls/nonsense", "/api/v1/calls/%2e%2e/explain", "/else"] {
        assert_eq!(bench.get(unknown).status, 404, "{unknown}");
    }
    for path in ["/api/v1/calls", &format!("/api/v1/calls/{CALL}"), "/metrics", "/api/v1/status"] {
        assert!(!bench.get(path).body.contains("612345678"), "{path}");
    }
    assert_eq!(bench.json("/api/v1/status")["waiting"], 4);
}

/// Listeners are shown as they stand, and can be paused and made ready; what the node says comes back as a status.
#[test]
fn listeners_and_wishes() {
    let bench = Bench::new("listeners");
    assert_eq!(bench.json("/api/v1/listeners")[0]["state"], "free");
    assert_eq!(bench.post("/api/v1/listeners/isere/pause"), 200);
    assert_eq!(bench.post("/api/v1/listeners/Isere/ready"), 200);
    assert_eq!(bench.post("/api/v1/listeners/nobody/pause"), 404);
    assert_eq!(bench.post("/api/v1/reload"), 409);
    assert_eq!(bench.post("/api/v1/drain"), 200);
    let isere = ListenerId::new("isere");
    let asked = bench.asked.lock().expect("no panic").clone();
    assert_eq!(asked[0], ControlRequest::Pause(isere.clone()));
    assert_eq!(asked[1], ControlRequest::Ready(isere));
    assert_eq!(asked.last(), Some(&ControlRequest::Drain));
}

/// A sleeping telephone that is called is shown with all a push needs, and hidden from whoever prints it.
#[test]
fn wakes() {
    let bench = Bench::new("wakes");
    let shown = &bench.json("/api/v1/wakes")[0];
    assert_eq!((&shown["id"], &shown["listener"]), (&7.into(), &"isere".into()));
    assert_eq!((&shown["provider"], &shown["prid"]), (&"apns".into(), &"00fc13adff78".into()));
    assert_eq!(&shown["param"], "ABCD1234.fr.ecoute.voip");
    assert!(!format!("{:?}", wake()).contains("00fc13"), "{:?}", wake());
}

fn wake() -> WakeView {
    WakeView {
        id: 7,
        listener: ListenerId::new("isere"),
        provider: "apns".into(),
        prid: "00fc13adff78".into(),
        param: Some("ABCD1234.fr.ecoute.voip".into()),
    }
}

/// Those who are answered with silence are shown; who is one can be said and unsaid, for so long or until further notice.
#[test]
fn bans() {
    let bench = Bench::new("bans");
    let shown = bench.json("/api/v1/bans");
    assert_eq!((&shown[0]["source"], &shown[0]["left_s"]), (&"192.0.2.66/32".into(), &59.into()));
    assert_eq!(bench.post("/api/v1/bans/192.0.2.7/add?for_s=3600"), 200);
    assert_eq!(bench.post("/api/v1/bans/2001:db8::7/add"), 200);
    assert_eq!(bench.post("/api/v1/bans/192.0.2.7/lift"), 200);
    assert_eq!(bench.post("/api/v1/bans/somebody/add"), 400);
    assert_eq!(bench.post("/api/v1/bans/192.0.2.7/add?for_s=long"), 400);
    let four: std::net::IpAddr = "192.0.2.7".parse().expect("an address");
    let asked = bench.asked.lock().expect("no panic").clone();
    let hour = Some(Duration::from_secs(3600));
    let six = "2001:db8::7".parse().expect("an address");
    assert_eq!(asked, [ControlRequest::Ban(four, hour), ControlRequest::Ban(six, None), ControlRequest::LiftBan(four)]);
}

/// A page from elsewhere, opened in a browser on this machine, can neither change anything nor read the API under a name of
/// its own.
#[test]
fn a_foreign_page_is_refused() {
    let bench = Bench::new("foreign");
    let ask = |method: &str, path: &str, host: &str, headers: &str| {
        client::ask(bench.addr(), method, path, host, headers, SOON).expect("an answer").status
    };
    assert_eq!(ask("POST", "/api/v1/drain", "127.0.0.1", ""), 403, "without the header");
    assert_eq!(ask("POST", "/api/v1/drain", "127.0.0.1", "X-Ecoute: 0\r\n"), 403);
    assert_eq!(ask("POST", "/api/v1/drain", "evil.example", "X-Ecoute: 1\r\n"), 403, "under a foreign name");
    assert_eq!(ask("GET", "/api/v1/calls", "evil.example", ""), 403);
    assert_eq!(ask("GET", "/api/v1/drain", "127.0.0.1", ""), 405, "reading changes nothing");
    assert_eq!(ask("GET", "/metrics", "node1.example", ""), 200, "metrics may be scraped under any name");
    assert!(bench.asked.lock().expect("no panic").is_empty());
}

/// The API answers this machine only, even when the port is open to others; the metrics answer both.
#[test]
fn the_api_is_for_this_machine() {
    let Some(own) = own_address() else { return };
    let bench = Bench::on("elsewhere", SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0));
    let addr = SocketAddr::new(own, bench.addr().port());
    assert_eq!(client::get(addr, "/metrics", SOON).expect("an answer").status, 200);
    assert_eq!(client::get(addr, "/api/v1/calls", SOON).expect("an answer").status, 403);
    assert_eq!(client::post(addr, "/api/v1/drain", SOON).expect("an answer").status, 403);
}

/// A port that is taken is named, with the setting to change; a port nobody serves says so too; a dropped handle closes it.
#[test]
fn a_taken_port_is_named() {
    let bench = Bench::new("taken");
    let fault = Ops::start(bench.addr(), bench.shared()).expect_err("it is taken");
    assert!(matches!(fault, OpsError::InUse { .. }));
    let words = fault.to_string();
    assert!(words.contains(&bench.addr().to_string()) && words.contains("`ops.listen`"), "{words}");
    let addr = bench.addr();
    drop(bench);
    wait_until("the port is closed", || matches!(client::get(addr, "/healthz", SOON), Err(AskError::Absent { .. })));
}

/// Connections that say nothing do not keep the page from others.
#[test]
fn silent_connections_do_no_harm() {
    let bench = Bench::new("silent");
    let idle: Vec<_> =
        (0..40).map(|_| std::net::TcpStream::connect_timeout(&bench.addr(), SOON).expect("connects")).collect();
    assert_eq!(bench.get("/healthz").status, 200);
    drop(idle);
}

// ---- helpers -----------------------------------------------------------------------------------------------------

/// A served port over a store with three calls.
struct Bench {
    ops: OpsHandle,
    store: Store,
    dir: PathBuf,
    health: Health,
    asked: Arc<Mutex<Vec<ControlRequest>>>,
}

impl Bench {
    fn new(name: &str) -> Bench {
        Bench::on(name, SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0))
    }

    fn on(name: &str, listen: SocketAddr) -> Bench {
        let dir = std::env::temp_dir().join(format!("ecoute-it-ops-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let store = Store::open(&dir, StoreSettings::default()).expect("the store opens");
        for nth in 1..=3 {
            assert!(store.write(Entry::Record(finished(nth))));
        }
        assert!(store.flush(SOON));
        let (health, asked) = (Health::new(), Arc::new(Mutex::new(Vec::new())));
        let ops = Ops::start(listen, shared(&dir, &health, &asked)).expect("the port opens");
        Bench { ops, store, dir, health, asked }
    }

    fn shared(&self) -> Shared {
        shared(&self.dir, &self.health, &self.asked)
    }

    fn addr(&self) -> SocketAddr {
        self.ops.addr()
    }

    fn get(&self, path: &str) -> client::Answer {
        client::get(self.addr(), path, SOON).expect("an answer")
    }

    fn post(&self, path: &str) -> u16 {
        client::post(self.addr(), path, SOON).expect("an answer").status
    }

    fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).expect("JSON")
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.store.close(SOON);
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn shared(dir: &std::path::Path, health: &Health, asked: &Arc<Mutex<Vec<ControlRequest>>>) -> Shared {
    let asked = Arc::clone(asked);
    let view =
        ListenerView { id: ListenerId::new("isere"), centre: "alma-38".into(), state: ListenerState::Free, devices: 1 };
    let ban = BanView { source: "192.0.2.66/32".into(), why: "scanner".into(), times: 2, left_s: Some(59) };
    Shared {
        metrics: Metrics::new(),
        health: health.clone(),
        listeners: Arc::new(arc_swap::ArcSwap::from_pointee(vec![view])),
        bans: Arc::new(arc_swap::ArcSwap::from_pointee(vec![ban])),
        trunks: Arc::new(arc_swap::ArcSwap::from_pointee(vec![trunk_view()])),
        dial: Box::new(|call| match call.trunk.as_str() {
            "operateur" => Ok(tried_view()),
            _ => Err(ControlError::Unavailable),
        }),
        wakes: Arc::new(arc_swap::ArcSwap::from_pointee(vec![wake()])),
        refresh: Box::new(|metrics| {
            metrics.queue_callers.set(4);
        }),
        control: Box::new(move |request| {
            let answer = match &request {
                ControlRequest::Pause(listener) if listener.as_str() == "nobody" => Err(ControlError::UnknownListener),
                ControlRequest::Reload => Err(ControlError::Refused("dialplans/3977.toml:3: …".into())),
                _ => Ok(()),
            };
            asked.lock().expect("no panic").push(request);
            answer
        }),
        state_dir: dir.into(),
        clock: Box::new(|| Instant::from_millis(90_000)),
    }
}

fn trunk_view() -> TrunkView {
    let peer =
        PeerView { transport: "udp".into(), address: "192.0.2.1:5060".into(), health: "up".into(), left_alone: false };
    TrunkView {
        name: "operateur".into(),
        state: "up".into(),
        registered: None,
        incoming: 2,
        outgoing: 1,
        channels_max: Some(30),
        peers: vec![peer],
    }
}

fn tried_view() -> TrunkCallView {
    TrunkCallView { answered: true, steps: Vec::new(), end_fr: "fin".into(), end_en: "end".into() }
}

fn finished(nth: u64) -> Box<Finished> {
    let began = 1_795_611_800_000 + nth as i64 * 1000;
    let record = Record {
        call: CallId::from_raw(0x6000_0000_0000_0000 | nth),
        service: "3977".into(),
        began: Civil::from_unix_millis(began),
        ended: Civil::from_unix_millis(began + 60_000),
        answered_ms: Some(200),
        ended_ms: 60_000,
        queued_ms: Some(20_000),
        bridged_ms: Some(30_000),
        talked_ms: 30_000,
        department: Some("38".into()),
        located_by: None,
        language: "fr".into(),
        listener: Some(ListenerId::new("isere")),
        attempts: Vec::new(),
        steps: vec!["welcome".into()],
        caller_sound: Sound::default(),
        listener_sound: None,
        termination: Termination { by: Party::Caller, how: How::HungUp, during: Stage::Bridged },
    };
    Box::new(Finished { record, caller: PhoneNumber::from_e164("+33612345678") })
}

/// An address of this machine that is not the loopback, if it has one. Nothing is sent.
#[expect(clippy::disallowed_methods, reason = "a test asks the system for its own address")]
fn own_address() -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let own = socket.local_addr().ok()?.ip();
    (!own.is_loopback() && !own.is_unspecified()).then_some(own)
}

#[expect(clippy::disallowed_methods, reason = "a test of a thread waits for it on the real clock")]
fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let until = std::time::Instant::now() + SOON;
    while !done() {
        assert!(std::time::Instant::now() < until, "not within {SOON:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The trunks are shown as they stand; a test call needs a whole number, in a header, and says what came of it.
#[test]
fn trunks_and_test_calls() {
    let bench = Bench::new("trunks");
    let trunks = bench.json("/api/v1/trunks");
    assert_eq!((&trunks[0]["name"], &trunks[0]["peers"][0]["health"]), (&"operateur".into(), &"up".into()));
    let call = |trunk: &str, number: &str| client::call(bench.addr(), trunk, number, SOON).expect("an answer");
    let told = call("operateur", "01 99 00 01 77");
    assert_eq!(told.status, 200, "{}", told.body);
    let view: TrunkCallView = serde_json::from_str(&told.body).expect("a view");
    assert!(view.answered);
    for number in ["", "17", "112", "nonsense", "anonymous"] {
        assert_eq!(call("operateur", number).status, 400, "{number}");
    }
    assert_eq!(call("absent", "+33199000177").status, 503);
    // What changes something needs the header a foreign page cannot send.
    let bare = client::ask(bench.addr(), "POST", "/api/v1/trunks/operateur/call", "localhost", "", SOON);
    assert_eq!(bare.expect("an answer").status, 403);
}
