//! Torture of our own making: for every section of RFC 4475 and RFC 5118 a message that is not the RFC's, sent to the
//! running engine while two people talk on it. The verdict is the RFC's; then the next OPTIONS is answered and the two
//! still hear each other.
//!
//! Beside it: the edges of every limit, messages as the field writes them, and the corpus of the fuzzers.

#[path = "torture/broken.rs"]
mod broken;
#[path = "torture/field.rs"]
mod field;
#[path = "torture/ipv6.rs"]
mod ipv6;
#[path = "torture/registering.rs"]
mod registering;
#[path = "torture/replay.rs"]
mod replay;
#[path = "torture/semantic.rs"]
mod semantic;
#[path = "torture/stage.rs"]
mod stage;
#[path = "torture/valid.rs"]
mod valid;
