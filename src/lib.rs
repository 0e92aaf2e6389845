//! `ecoute`: the telephone engine of a helpline. It answers 3977, speaks to the caller, finds a trained listener
//! (*écoutant*) near the person concerned, and joins their voices.
//!
//! The rooms stand in the order in which a call flows through them:
//! `net → sip → call → dispatch → media → store, cluster → ops`. The rooms in the middle are *pure*: bytes, values and a
//! time go in, values come out; they never read a clock, roll a die, sleep, lock, spawn or touch a socket. `node` is the
//! one room that knows the others.
//!
//! # Who may import whom
//!
//! A test (`tests/it/tidy.rs`) reads this table and every `use crate::…` below `src/`. `ids` and `clock` are open to all.
//!
//! | room | may import |
//! |---|---|
//! | france | |
//! | sdp | |
//! | sip | |
//! | net | |
//! | trunk | france, sdp, sip |
//! | dialplan | france |
//! | dispatch | france |
//! | call | dialplan, dispatch, sdp, france |
//! | media | sdp |
//! | store | call, dispatch |
//! | cluster | dispatch |
//! | config | france, dispatch, sdp, sip, trunk |
//! | ops | call, dispatch, france, media, config, store |
//! | node | call, cluster, config, dialplan, dispatch, france, media, net, ops, sdp, sip, store, trunk |
//! | cli | node, config, dialplan, ops, store |
//! | manual | |

pub mod clock;
pub mod ids;

pub mod france;
pub mod net;
pub mod sdp;
pub mod sip;
pub mod trunk;

pub mod dialplan;
pub mod dispatch;

pub mod call;
pub mod media;

pub mod cluster;
pub mod store;

pub mod config;
pub mod ops;

pub mod node;

pub mod cli;

pub mod manual;
