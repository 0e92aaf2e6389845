//! Seeds that failed once, each with what was wrong. They run first, for ever. Whoever changes what a seed means (`nature`,
//! `callers`, `listeners`, `net`) looks for new ones: break the code again, and see which seeds notice.

/// Seed, and what it found.
pub const KEPT: &[(u64, &str)] = &[
    (74, "a re-INVITE overtook a lost ACK, which was then taken for an empty answer: the caller was cut off"),
    (1090, "the same"),
    (2142, "the same"),
    (361, "a second listener in the first one's slot was not heard as long as his numbers were lower"),
    (666, "the same"),
    (2225, "the same"),
    (377, "somebody held the call and his telephone died: the other heard music for hours"),
    (928, "the same"),
    (2109, "the same"),
];

/// Seeds from before connections, strangers and watchers were known: they are played without them, as they were when they failed.
const PLAIN: [u64; 9] = [74, 1090, 2142, 361, 666, 2225, 377, 928, 2109];

/// Is this seed played without connections, strangers and watchers?
pub fn is_plain(seed: u64) -> bool {
    PLAIN.contains(&seed)
}
