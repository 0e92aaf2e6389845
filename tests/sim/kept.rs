//! Seeds that failed once, each with what was wrong. They run first, for ever.

/// Seed, and what it found.
pub const KEPT: &[(u64, &str)] = &[];
