//! The operations port: `/metrics` (OpenMetrics), `/healthz`, `/readyz`, and below `/api/v1` what [`super::api`] answers.
//!
//! One thread with a small runtime of its own. The metrics and the two health pages answer whoever reaches the port; the API
//! answers this machine only, whatever address the port is bound to.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::clock::Instant;

use super::api::{self, BanView, Control, Dial, ListenerView, TrunkView, WakeView};
use super::connection::{Bounded, Peer};
use super::health::Health;
use super::metrics::Metrics;
use super::process;

/// What the pages are made from, given by `node`.
pub struct Shared {
    /// The metrics.
    pub metrics: Metrics,
    /// The state.
    pub health: Health,
    /// The listeners as they stand; replaced whole by whoever knows.
    pub listeners: Arc<ArcSwap<Vec<ListenerView>>>,
    /// The sources that are answered with silence; replaced whole by whoever knows.
    pub bans: Arc<ArcSwap<Vec<BanView>>>,
    /// The trunks as they stand; replaced whole by whoever knows.
    pub trunks: Arc<ArcSwap<Vec<TrunkView>>>,
    /// Places a test call.
    pub dial: Dial,
    /// The sleeping telephones that are called now; replaced whole by whoever knows.
    pub wakes: Arc<ArcSwap<Vec<WakeView>>>,
    /// Called before the metrics are shown: brings levels and followed counters up to date.
    pub refresh: Box<dyn Fn(&Metrics) + Send + Sync>,
    /// Passes a person's wish on to the node.
    pub control: Control,
    /// Where the store's file is.
    pub state_dir: PathBuf,
    /// The monotonic clock of the node.
    pub clock: Box<dyn Fn() -> Instant + Send + Sync>,
}

/// Why the port cannot be opened. For the person who runs the program.
#[derive(Debug, thiserror::Error)]
pub enum OpsError {
    /// The address is taken.
    #[error(
        "cannot open the operations port {addr} (setting `ops.listen`): another program holds it, perhaps another `ecoute`"
    )]
    InUse {
        /// The address.
        addr: SocketAddr,
    },
    /// The system refuses.
    #[error("cannot open the operations port {addr} (setting `ops.listen`): {source}")]
    Bind {
        /// The address.
        addr: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The thread cannot be started.
    #[error("cannot start the operations thread: {0}")]
    Thread(std::io::Error),
}

/// Opens the operations port.
#[derive(Debug)]
pub struct Ops;

/// The open port. Closed when dropped.
#[derive(Debug)]
pub struct OpsHandle {
    addr: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

impl Ops {
    /// Binds `listen` and serves from a thread of its own.
    pub fn start(listen: SocketAddr, shared: Shared) -> Result<OpsHandle, OpsError> {
        let listener = bind(listen)?;
        let addr = listener.local_addr().map_err(|source| OpsError::Bind { addr: listen, source })?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(OpsError::Thread)?;
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let router = router(Arc::new(shared));
        let serve = async move {
            // The listener was set non-blocking above; taking it over fails only without a runtime.
            let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
            let service = router.into_make_service_with_connect_info::<Peer>();
            let server = axum::serve(Bounded::new(listener), service);
            tokio::select! {
                _ = server.into_future() => {}
                _ = stopped => {}
            }
        };
        std::thread::Builder::new()
            .name("ops".into())
            .spawn(move || {
                runtime.block_on(serve);
                runtime.shutdown_timeout(Duration::from_secs(1));
            })
            .map_err(OpsError::Thread)?;
        Ok(OpsHandle { addr, stop: Some(stop) })
    }
}

impl OpsHandle {
    /// The address that is served, with the port the system chose when 0 was asked for.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for OpsHandle {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

// ---- helpers -----------------------------------------------------------------------------------------------------

#[expect(clippy::disallowed_methods, reason = "the operations port is one of the two places where we listen on TCP")]
fn bind(addr: SocketAddr) -> Result<std::net::TcpListener, OpsError> {
    let fault = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AddrInUse => OpsError::InUse { addr },
        _ => OpsError::Bind { addr, source },
    };
    let listener = std::net::TcpListener::bind(addr).map_err(fault)?;
    listener.set_nonblocking(true).map_err(fault)?;
    Ok(listener)
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .nest("/api/v1", api::router())
        .fallback(api::not_found)
        .layer(middleware::from_fn(plain_headers))
        .with_state(shared)
}

/// No page is kept by a browser, guessed at, or shown inside another.
async fn plain_headers(request: axum::extract::Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
    response
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let metrics = &shared.metrics;
    (shared.refresh)(metrics);
    process::show(metrics);
    metrics.uptime.set((shared.clock)().as_micros() as f64 / 1e6);
    metrics.ready.set(i64::from(shared.health.is_ready()));
    metrics.draining.set(i64::from(shared.health.is_draining()));
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], metrics.page())
        .into_response()
}

async fn healthz(State(shared): State<Arc<Shared>>) -> (StatusCode, &'static str) {
    if shared.health.is_alive((shared.clock)()) {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "la boucle d'appels ne répond plus / the call loop gives no sign of life\n")
    }
}

async fn readyz(State(shared): State<Arc<Shared>>) -> (StatusCode, String) {
    let reasons = shared.health.reasons();
    if reasons.is_empty() {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    let lines = reasons.iter().map(|reason| {
        let (french, english) = reason.in_words();
        format!("{french} / {english}\n")
    });
    (StatusCode::SERVICE_UNAVAILABLE, lines.collect())
}
