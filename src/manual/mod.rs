//! The manual: pages for those who read the code, kept beside it so that they move with it.
//!
//! - [`a_call`]: one call from the INVITE to the record, and which file does what.
//! - [`decisions`]: what was chosen where the choice was hard, what was refused, what would change our mind.
//! - [`defaults`]: the numbers that a caller or a listener can feel, and why they are what they are.
//! - [`lexicon`]: one word for one thing.
//! - [`performance`]: what was measured before and after, and what did not help.

pub mod a_call;
pub mod decisions;
pub mod defaults;
pub mod lexicon;
pub mod performance;
