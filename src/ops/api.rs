//! `/api/v1`: calls and their stories, listeners, and the few things a person may ask the node to do.
//!
//! It answers connections from this machine only. A browser on this machine is a danger of its own: a page from elsewhere
//! must neither read nor do anything here. So the `Host` must be an address or `localhost` (no name that could be pointed at
//! us), and what changes something needs the header `X-Ecoute: 1`, which a foreign page cannot send. There is no way to a
//! caller's number through it.

use std::fmt;
use std::net::IpAddr;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Path, Query, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::clock::Civil;
use crate::dispatch::{Lang, ListenerState};
use crate::france::{CallerNumber, normalise};
use crate::ids::{CallId, ListenerId, PhoneNumber};
use crate::store::{self, Reader, StoreError};

use super::connection::Peer;
use super::http::Shared;

/// A listener as staff sees him.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerView {
    /// The account.
    pub id: ListenerId,
    /// The centre.
    pub centre: String,
    /// What he does now.
    pub state: ListenerState,
    /// His registered devices.
    pub devices: u32,
}

/// A source that is answered with silence, as staff sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BanView {
    /// An address and how many of its bits count: `192.0.2.7/32`, `2001:db8::/64`.
    pub source: String,
    /// Why, in one word.
    pub why: String,
    /// How many times lately.
    pub times: u32,
    /// Seconds left; none: until it is lifted.
    pub left_s: Option<u64>,
}

/// A trunk as staff sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrunkView {
    /// Its name.
    pub name: String,
    /// `up`, `down` or `unknown`.
    pub state: String,
    /// Are we registered? None: that is not asked.
    pub registered: Option<bool>,
    /// Channels in use by calls received.
    pub incoming: u32,
    /// Channels in use by calls placed.
    pub outgoing: u32,
    /// Channels in all; none: no limit.
    pub channels_max: Option<u32>,
    /// The operator's machines.
    pub peers: Vec<PeerView>,
}

/// A machine of an operator as staff sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerView {
    /// `udp`, `tcp` or `tls`.
    pub transport: String,
    /// Its address and port.
    pub address: String,
    /// `up`, `unknown`, `silent` or `down`.
    pub health: String,
    /// It is left alone for a while, after a failure or because it asked for that.
    pub left_alone: bool,
}

/// What a test call over a trunk met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrunkCallView {
    /// Did somebody pick up?
    pub answered: bool,
    /// What each machine said, in order.
    pub steps: Vec<TrunkCallStep>,
    /// How it ended, in French …
    pub end_fr: String,
    /// … and in English.
    pub end_en: String,
}

/// One answer of a test call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrunkCallStep {
    /// The machine.
    pub peer: String,
    /// Its answer; none: nothing came.
    pub status: Option<u16>,
    /// The answer in words.
    pub words: String,
    /// Since the test began.
    pub after_ms: u64,
}

/// A test call, as it is asked for. The number is not printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkCall {
    /// The trunk's name.
    pub trunk: String,
    /// Whom to call.
    pub number: PhoneNumber,
}

/// Places a test call and waits for its end, a minute at most.
pub type Dial = Box<dyn Fn(TrunkCall) -> Result<TrunkCallView, ControlError> + Send + Sync>;

/// A sleeping telephone that is called now: what a program needs to wake it, through the push service it names (RFC 8599).
/// The two identifiers are as good as a key to the telephone: they go nowhere but through this port.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WakeView {
    /// Names this call to this telephone: one push for each.
    pub id: u64,
    /// Whose telephone.
    pub listener: ListenerId,
    /// The service (`pn-provider`).
    pub provider: String,
    /// The telephone (`pn-prid`).
    pub prid: String,
    /// What else the service wants (`pn-param`).
    pub param: Option<String>,
}

/// Neither of the two identifiers.
impl fmt::Debug for WakeView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, listener, provider, .. } = self;
        write!(f, "WakeView({id}, {listener:?}, {provider})")
    }
}

/// What a person may ask of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlRequest {
    /// This listener takes no calls for now.
    Pause(ListenerId),
    /// This listener takes calls.
    Ready(ListenerId),
    /// Answer this source with silence: for so long, or until it is lifted.
    Ban(IpAddr, Option<Duration>),
    /// Answer it again.
    LiftBan(IpAddr),
    /// Take no new calls, finish those under way, then stop.
    Drain,
    /// Read dialplans, prompts and listeners anew.
    Reload,
}

/// Why the node did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// Nobody of that name. The asker's fault.
    #[error("no listener of that name")]
    UnknownListener,
    /// It cannot be done as things stand; the words say why.
    #[error("{0}")]
    Refused(String),
    /// The node does not answer. Ours.
    #[error("the node does not answer; try again")]
    Unavailable,
}

/// Passes a request to the node and waits for its answer, a second at most.
pub type Control = Box<dyn Fn(ControlRequest) -> Result<(), ControlError> + Send + Sync>;

/// The header of a test call that holds the number to be called.
pub const NUMBER_HEADER: &str = "x-ecoute-number";

/// The header that changes need, and its value.
pub const CHANGE_HEADER: (&str, &str) = ("x-ecoute", "1");

/// The routes.
pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/status", get(status))
        .route("/calls", get(calls))
        .route("/calls/{id}", get(call))
        .route("/calls/{id}/explain", get(explain))
        .route("/listeners", get(listeners))
        .route("/listeners/{id}/pause", post(pause))
        .route("/listeners/{id}/ready", post(ready))
        .route("/bans", get(bans))
        .route("/bans/{address}/add", post(ban))
        .route("/bans/{address}/lift", post(lift_ban))
        .route("/trunks", get(trunks))
        .route("/trunks/{name}/call", post(trunk_call))
        .route("/wakes", get(wakes))
        .route("/drain", post(drain))
        .route("/reload", post(reload))
        .layer(middleware::from_fn(guard))
}

/// What is not there.
pub(super) async fn not_found() -> Response {
    refuse(StatusCode::NOT_FOUND, "cette page n'existe pas", "no such page")
}

/// See the module's page.
async fn guard(ConnectInfo(Peer(peer)): ConnectInfo<Peer>, request: Request, next: Next) -> Response {
    if !peer.ip().to_canonical().is_loopback() {
        return refuse(StatusCode::FORBIDDEN, "réservé à cette machine", "for this machine only");
    }
    if !host_is_plain(request.headers()) {
        return refuse(StatusCode::FORBIDDEN, "nom d'hôte inconnu", "the Host must be an address or localhost");
    }
    let (name, value) = CHANGE_HEADER;
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads && request.headers().get(name).is_none_or(|given| given != value) {
        return refuse(StatusCode::FORBIDDEN, "l'en-tête X-Ecoute: 1 manque", "the header X-Ecoute: 1 is missing");
    }
    next.run(request).await
}

async fn status(State(shared): State<Arc<Shared>>) -> Response {
    (shared.refresh)(&shared.metrics);
    let reasons: Vec<_> = shared.health.reasons().into_iter().map(|reason| reason.in_words()).collect();
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_s": (shared.clock)().as_millis() / 1000,
        "ready": reasons.is_empty(),
        "draining": shared.health.is_draining(),
        "not_ready": reasons.iter().map(|(french, english)| json!({ "fr": french, "en": english })).collect::<Vec<_>>(),
        "calls": shared.metrics.calls_active.get(),
        "waiting": shared.metrics.queue_callers.get(),
        "listeners": shared.listeners.load().len(),
        "store_open": shared.metrics.store_open.get() == 1,
    }))
    .into_response()
}

#[derive(Deserialize)]
struct CallsQuery {
    limit: Option<usize>,
    /// RFC 3339, or milliseconds since 1970.
    since: Option<String>,
}

async fn calls(State(shared): State<Arc<Shared>>, Query(query): Query<CallsQuery>) -> Response {
    let since = match query.since.as_deref().map(moment) {
        None => None,
        Some(Some(civil)) => Some(civil),
        Some(None) => {
            let english = "since: a time such as 2026-11-25T08:00:00Z, or milliseconds since 1970";
            return refuse(StatusCode::BAD_REQUEST, "since : une heure telle que 2026-11-25T08:00:00Z", english);
        }
    };
    let limit = query.limit.unwrap_or(50).min(1000);
    read(&shared, move |reader| Ok(Json(reader.records(limit, since)?).into_response())).await
}

async fn call(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<CallId>() else { return unknown_call() };
    read(&shared, move |reader| {
        let Some(record) = reader.record(id)? else { return Ok(unknown_call()) };
        let decisions = reader.decisions(id)?;
        Ok(Json(json!({ "record": record, "decisions": decisions })).into_response())
    })
    .await
}

#[derive(Deserialize)]
struct ExplainQuery {
    lang: Option<String>,
}

async fn explain(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Query(query): Query<ExplainQuery>,
) -> Response {
    let Ok(id) = id.parse::<CallId>() else { return unknown_call() };
    let lang = if query.lang.as_deref() == Some("en") { Lang::En } else { Lang::Fr };
    read(&shared, move |reader| {
        let Some(record) = reader.record(id)? else { return Ok(unknown_call()) };
        let story = store::explain(&record, &reader.decisions(id)?, lang);
        Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], story).into_response())
    })
    .await
}

async fn listeners(State(shared): State<Arc<Shared>>) -> Response {
    (shared.refresh)(&shared.metrics);
    Json(&**shared.listeners.load()).into_response()
}

async fn pause(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    control(shared, ControlRequest::Pause(ListenerId::new(&id))).await
}

async fn ready(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    control(shared, ControlRequest::Ready(ListenerId::new(&id))).await
}

async fn bans(State(shared): State<Arc<Shared>>) -> Response {
    (shared.refresh)(&shared.metrics);
    Json(&**shared.bans.load()).into_response()
}

async fn wakes(State(shared): State<Arc<Shared>>) -> Response {
    (shared.refresh)(&shared.metrics);
    Json(&**shared.wakes.load()).into_response()
}

#[derive(Deserialize)]
struct BanQuery {
    /// Seconds; none: until it is lifted.
    for_s: Option<u64>,
}

async fn ban(
    State(shared): State<Arc<Shared>>,
    Path(address): Path<String>,
    Query(query): Query<BanQuery>,
) -> Response {
    let Ok(address) = address.parse() else { return no_address() };
    control(shared, ControlRequest::Ban(address, query.for_s.map(Duration::from_secs))).await
}

async fn lift_ban(State(shared): State<Arc<Shared>>, Path(address): Path<String>) -> Response {
    let Ok(address) = address.parse() else { return no_address() };
    control(shared, ControlRequest::LiftBan(address)).await
}

async fn trunks(State(shared): State<Arc<Shared>>) -> Response {
    (shared.refresh)(&shared.metrics);
    Json(&**shared.trunks.load()).into_response()
}

/// The number comes in a header of its own: an address may stand in somebody's log, a header does not.
async fn trunk_call(State(shared): State<Arc<Shared>>, Path(trunk): Path<String>, headers: HeaderMap) -> Response {
    let written = headers.get(NUMBER_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let CallerNumber::Number(number) = normalise(written.as_bytes()) else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "un numéro entier est attendu (en-tête X-Ecoute-Number)",
            "a whole number is expected (header X-Ecoute-Number)",
        );
    };
    let asked = tokio::task::spawn_blocking(move || (shared.dial)(TrunkCall { trunk, number })).await;
    match asked.unwrap_or(Err(ControlError::Unavailable)) {
        Ok(view) => Json(view).into_response(),
        Err(ControlError::Refused(why)) => refuse(StatusCode::CONFLICT, &why, &why),
        Err(error) => refuse(StatusCode::SERVICE_UNAVAILABLE, "le nœud ne répond pas", &error.to_string()),
    }
}

async fn drain(State(shared): State<Arc<Shared>>) -> Response {
    control(shared, ControlRequest::Drain).await
}

async fn reload(State(shared): State<Arc<Shared>>) -> Response {
    control(shared, ControlRequest::Reload).await
}

// ---- helpers -----------------------------------------------------------------------------------------------------

/// Asks the node, beside the runtime: the pages go on while it thinks.
async fn control(shared: Arc<Shared>, request: ControlRequest) -> Response {
    let asked = tokio::task::spawn_blocking(move || (shared.control)(request)).await;
    match asked.unwrap_or(Err(ControlError::Unavailable)) {
        Ok(()) => Json(json!({ "done": true })).into_response(),
        Err(error @ ControlError::UnknownListener) => {
            refuse(StatusCode::NOT_FOUND, "aucun écoutant de ce nom", &error.to_string())
        }
        Err(ControlError::Refused(why)) => refuse(StatusCode::CONFLICT, &why, &why),
        Err(error @ ControlError::Unavailable) => {
            refuse(StatusCode::SERVICE_UNAVAILABLE, "le nœud ne répond pas", &error.to_string())
        }
    }
}

/// Asks the store on a connection opened for it, beside the runtime.
async fn read(
    shared: &Shared,
    question: impl FnOnce(&Reader) -> Result<Response, StoreError> + Send + 'static,
) -> Response {
    let state_dir = shared.state_dir.clone();
    let asked = tokio::task::spawn_blocking(move || ask(&state_dir, question)).await;
    match asked {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the API could not read the store");
            refuse(StatusCode::SERVICE_UNAVAILABLE, "la base ne peut être lue", "the store cannot be read; see the log")
        }
        Err(_) => refuse(StatusCode::INTERNAL_SERVER_ERROR, "une faute de notre part", "a fault of ours"),
    }
}

fn ask(
    state_dir: &FilePath,
    question: impl FnOnce(&Reader) -> Result<Response, StoreError>,
) -> Result<Response, StoreError> {
    question(&Reader::open(state_dir)?)
}

fn no_address() -> Response {
    refuse(
        StatusCode::BAD_REQUEST,
        "une adresse est attendue : 192.0.2.7, 2001:db8::7",
        "an address is expected: 192.0.2.7, 2001:db8::7",
    )
}

fn unknown_call() -> Response {
    refuse(StatusCode::NOT_FOUND, "aucun appel de ce nom", "no call of that name")
}

fn refuse(status: StatusCode, french: &str, english: &str) -> Response {
    (status, Json(json!({ "error": { "fr": french, "en": english } }))).into_response()
}

/// An address or `localhost`, with or without a port.
fn host_is_plain(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

fn moment(text: &str) -> Option<Civil> {
    if let Ok(ms) = text.parse::<i64>() {
        return Some(Civil::from_unix_millis(ms));
    }
    text.parse::<jiff::Timestamp>().ok().map(|at| Civil::from_unix_millis(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name that somebody could point at this machine is not taken for the machine itself.
    #[test]
    fn only_plain_hosts() {
        let plain = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().expect("a header"));
            host_is_plain(&headers)
        };
        for host in ["127.0.0.1:9397", "127.0.0.1", "localhost:9397", "LOCALHOST", "[::1]:9397"] {
            assert!(plain(host), "{host}");
        }
        for host in ["evil.example", "evil.example:9397", "localhost.evil.example", "127.0.0.1.nip.example:9397", ""] {
            assert!(!plain(host), "{host}");
        }
        assert!(!host_is_plain(&HeaderMap::new()));
    }

    /// Both ways of writing a moment are understood, and nothing else.
    #[test]
    fn moments() {
        assert_eq!(moment("1795611800000"), Some(Civil::from_unix_millis(1_795_611_800_000)));
        assert_eq!(moment("2026-11-25T14:03:20+01:00"), Some(Civil::from_unix_millis(1_795_611_800_000)));
        assert_eq!(moment("yesterday"), None);
    }
}
