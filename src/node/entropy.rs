//! The system's randomness, read in this file alone: one seed, from which everything random in a process grows.
#![expect(clippy::disallowed_methods, reason = "the one seed of a process")]

use std::io;

use crate::ids::IdSource;

/// Fills `seed` from the system.
pub(super) fn fill(seed: &mut [u8; 32]) -> io::Result<()> {
    getrandom::fill(seed).map_err(|fault| io::Error::other(fault.to_string()))
}

/// A source of identifiers from the system's randomness.
pub fn id_source() -> io::Result<IdSource> {
    let mut seed = [0; 32];
    fill(&mut seed)?;
    Ok(IdSource::from_seed(seed))
}
