//! What nodes will share over NATS: membership, presence, claims at the owner, the event stream.
//!
//! One node needs none of it, and this version is one node. The rule that the room will follow stands already in the
//! dispatcher: *decide locally, claim at the owner*; a reservation is a token with a generation, and a late word about an
//! older one is dropped.
