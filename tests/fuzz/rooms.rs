//! The rooms that read bytes from the network, mounted where they lie. They need nothing of the rest of the product, so a
//! fuzzer builds in a minute and watches the branches of these rooms only.
#![allow(dead_code, reason = "the rest of the product uses what the fuzzers do not")]

#[path = "../../src/clock.rs"]
pub mod clock;
#[path = "../../src/ids.rs"]
pub mod ids;
#[path = "../../src/sdp/mod.rs"]
pub mod sdp;
#[path = "../../src/sip/mod.rs"]
pub mod sip;
