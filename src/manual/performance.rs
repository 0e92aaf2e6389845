//! # What reading a message costs
//!
//! The message is a trunk's INVITE of 1405 bytes with 21 header lines, everyday case 01 of the test data.
//! Instructions are counted by callgrind, as the difference between 100 and 1100 rounds. Nanoseconds are the best of
//! 300 batches in which both versions ran in turn, in one process on a shared machine: trust the ratio, which is of
//! the middles.
//!
//! | what | instructions before | after | ns before | after | ratio |
//! |---|---|---|---|---|---|
//! | parse | 7865 | 4808 | 508 | 346 | 0.68 |
//! | parse, then Via From To Call-ID CSeq Contact | 13057 | 9876 | 930 | 789 | 0.85 |
//! | parse, then validate | 17829 | 12674 | 1440 | 1098 | 0.77 |
//! | write a 180 to it | 6586 | 5475 | 505 | 434 | 0.85 |
//! | keep a copy | 893 | 925 | 76 | 80 | 1.03 |
//!
//! The wish is half a microsecond for an INVITE of this kind, and reading alone is within it. Reading with the typed
//! headers, or with the judgement, is not. `cargo bench --bench sip_message` measures the version that is here.
//!
//! ## What helped
//! - **A short way for plain lines.** A name we know, the colon right behind it, a value that is not folded: nearly
//!   every line is so. Every other line goes the long way, and a test holds both ways together.
//! - **Names compared in the message.** The 24 bytes at the beginning of a line are nearly always there, even when the
//!   line is shorter, so nothing is copied aside for short lines.
//! - **A search made for short texts** (`scan.rs`) instead of one that takes longer to begin than a line takes to
//!   end.
//! - **First and last line of each name** in the index: asking for a single header no longer looks through all that
//!   follow. It costs 78 bytes in each kept message.
//! - **Quotes jumped over** and not walked to, and tables for the characters of tokens and hosts.
//!
//! ## What did not help
//! - Vector instructions called by name: they ask for `unsafe` here, and the compiler already uses them for a fold
//!   over sixteen bytes.
//! - Asking the compiler for a mask of sixteen answers instead of one: it falls back to byte by byte.
//! - Searching line ends in whole blocks only, in line or as a function of its own, with the rare line kept out of
//!   the loop: 5612 and 5224 instructions.
//!
//! ## Where the rest goes
//! Four fifths of a parse are the header lines, some 195 instructions each: about fifty to find the line end, forty
//! for the name, the rest for the colon, the blanks and the entry in the index. Clearing and moving the index is a
//! thirtieth.
