//! What happened, in lines a person can read, and one number that stands for all of it: two runs of a seed are the same run
//! when their numbers are.

use std::collections::VecDeque;
use std::fmt::Write as _;

use ecoute::clock::Instant;

/// Lines kept when nobody asked for all of them.
const KEPT: usize = 80;

/// The lines of one run.
#[derive(Debug)]
pub struct Trace {
    lines: VecDeque<String>,
    full: bool,
    hash: u64,
}

impl Trace {
    /// An empty trace; `full` keeps every line.
    pub fn new(full: bool) -> Trace {
        Trace { lines: VecDeque::new(), full, hash: 0xcbf2_9ce4_8422_2325 }
    }

    /// Is every line kept?
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Writes a line.
    pub fn line(&mut self, now: Instant, text: std::fmt::Arguments<'_>) {
        let micros = now.as_micros();
        let mut line = String::with_capacity(96);
        let _ = write!(line, "{:>5}.{:06}  {text}", micros / 1_000_000, micros % 1_000_000);
        self.mix(line.as_bytes());
        if !self.full && self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// Counts bytes in without writing them.
    pub fn mix(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.hash = (self.hash ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        }
    }

    /// The number that stands for everything so far.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The lines kept.
    pub fn text(&self) -> String {
        self.lines.iter().fold(String::new(), |mut text, line| {
            text.push_str(line);
            text.push('\n');
            text
        })
    }
}
