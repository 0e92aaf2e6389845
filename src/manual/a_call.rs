//! # A call from start to end
//!
//! ```text
//!  caller          net → shard                                   media worker        listener's phone
//!    │ INVITE ───────▶ sip::Endpoint: 100, Event::Invite
//!    │                 node::shard::arrivals: plan by number,
//!    │                 caller's identity, Call::new
//!    │                 call: Opening ───────── Open ───────────▶ port pair
//!    │                                  ◀───── Opened ──────────
//!    │ ◀────── 200 ─── sdp::negotiate(TakeOffer), Configure ───▶ silence at once: one SSRC from here to BYE
//!    │ ACK, RTP ─────▶ call: Answering (ACK and first sound, or 300 ms)
//!    │ ◀═ welcome ════ call: Playing ───────── Play ───────────▶
//!    │ ◀═ danger? ════ call: Menu (a key, silence, wrong keys: all lead on)
//!    │ ══ 38000 ═════▶ call: Locating: hint, postcode, name read back
//!    │ ◀═ waiting ════ call: Waiting ── Enqueue ─▶ dispatch: order, tiers, fitness → Ring(token)
//!    │                 call: Ringing, one leg per device ── Invite ──────────────────────▶ 180
//!    │                                                                            ◀──────── 200
//!    │ ◀══ voices ═══▶ call: Bridged ───────── Bridge ─────────▶ ◀════════════════ voices ═▶
//!    │                                                                            ◀──────── BYE
//!    │ ◀═ goodbye ════ call: Playing (step `answered`)
//!    │ ◀────── BYE ─── call: Closing: figures of the streams, then one Record
//! ```
//!
//! Which file to open first:
//!
//! | the question | the file |
//! |---|---|
//! | what does a byte on the wire mean? | `sip/message/parse.rs` |
//! | why was this answered 401, 420, 481, 503? | `sip/endpoint/` |
//! | when is an INVITE sent again? | `sip/transaction/invite_client.rs` |
//! | why this codec, this direction? | `sdp/offer_answer.rs` |
//! | what does a caller hear next? | `call/state/steps.rs`, then the state's file |
//! | who is rung, and why? | `dispatch/matching.rs`; `ecoute explain CALL` |
//! | what leaves the RTP port, and when? | `media/output.rs`, `media/stream.rs` |
//! | where do two rooms meet? | `node/shard.rs` and its three files |
