//! Trunks: the ways to the telephone network. Which peer of which operator takes a call, who may send us one, and what the
//! numbers in it mean.
//!
//! The contract is that of every pure room: [`Trunks::handle_input`] changes it once; the owner then drains
//! [`Trunks::poll_output`] until it says [`Output::Timeout`], and comes back then. What it cannot know it asks for:
//! addresses ([`Output::Resolve`], RFC 3263), whether a peer is there ([`Output::Probe`]), a registration
//! ([`Output::Register`]).
//!
//! What it deliberately does not do: it sends no message and resolves no name itself, knows no call and no plan. It never
//! learns a caller's number for a call it routes, so that no operator can be sent one.

pub mod number;
mod settings;

pub use settings::{
    DialForm, FromUser, Host, Incoming, LOCAL, Local, Outgoing, Peer, Redirect, Registration, Reliable, Session,
    Settings, Srtp, Tls, Unknown, Way,
};
