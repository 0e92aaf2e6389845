//! What staff and machines see of the running program: metrics, health, a small API, the log.
//!
//! `ops` reads what the others tell and is imported by none of them but `node` and `cli`. It owns one port (by default
//! `127.0.0.1:9397`) with `/metrics`, `/healthz`, `/readyz` and `/api/v1/…`, served by one thread that may be slow: no call
//! waits for it.
//!
//! The rule of this room: **no number, no name, no address, no Call-ID** in a label, a log line or a page. Labels are closed
//! sets of words ([`labels`]); the log has a last net that masks what looks like a number ([`log`]).

mod api;
pub mod client;
mod connection;
pub mod events;
pub mod health;
pub mod http;
pub mod labels;
pub mod log;
pub mod metrics;
mod process;

pub use api::{
    BanView, Control, ControlError, ControlRequest, Dial, ListenerView, PeerView, TrunkCall, TrunkCallStep,
    TrunkCallView, TrunkView, WakeView,
};
pub use events::{Event, Levels, MediaFigures};
pub use health::{Health, NotReady, Part};
pub use http::{Ops, OpsError, OpsHandle, Shared};
pub use log::{LogError, LogFormat, LogGuard, LogSettings};
pub use metrics::{MetricDoc, Metrics, catalogue, catalogue_markdown};
