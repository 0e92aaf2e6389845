//! What is done with bytes from nobody, and what must hold whatever they are. A target takes bytes and returns; what must
//! not be is an assertion. The fuzzers call them with bytes of their making, `tests/it/torture/replay.rs` with the corpus,
//! so that every finding stays found without a fuzzer.

mod digest;
mod endpoint;
mod message;
mod sdp;
mod stream;

pub use digest::digest;
pub use endpoint::endpoint;
pub use message::message;
pub use sdp::sdp;
pub use stream::stream;

/// A function to feed.
pub type Target = fn(&[u8]);

/// All of them, by name.
pub const ALL: [(&str, Target); 5] =
    [("message", message), ("sdp", sdp), ("stream", stream), ("digest", digest), ("endpoint", endpoint)];

/// Bytes taken one after the other; after the last there are zeros, and `is_empty` says so.
struct Feed<'a>(&'a [u8]);

impl<'a> Feed<'a> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound.max(1)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Changes a few bytes: each change says where, how and what.
    fn edit(&mut self, bytes: &mut Vec<u8>, most: usize) {
        for _ in 0..self.below(most + 1) {
            if bytes.is_empty() {
                return;
            }
            let at = (usize::from(self.byte()) << 8 | usize::from(self.byte())) % bytes.len();
            match self.below(4) {
                0 => bytes[at] = self.byte(),
                1 => bytes.insert(at, self.byte()),
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
        }
    }
}
