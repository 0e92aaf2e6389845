//! Looking for one byte, or the first of two, in short texts.
//!
//! Header lines, names and parameters are a few dozen bytes long: a search made for long texts takes longer to begin than
//! these take to end. Sixteen bytes are asked at once whether the byte is among them (a shape compilers turn into vector
//! instructions), and only then is it located, a word at a time. For texts of any length, but made for short ones.

const ONES: u64 = u64::from_le_bytes([1; 8]);
const TOPS: u64 = u64::from_le_bytes([128; 8]);

/// Where `byte` stands first.
#[inline]
pub(super) fn find(text: &[u8], byte: u8) -> Option<usize> {
    first(text, |b| b == byte, |word| marks(word, byte))
}

/// Where `one` or `other` stands first.
#[inline]
pub(super) fn find_either(text: &[u8], one: u8, other: u8) -> Option<usize> {
    first(text, |b| (b == one) | (b == other), |word| marks(word, one) | marks(word, other))
}

/// The top bit of every byte of `word` that is `byte`. The lowest mark is always true; marks above it may be false.
#[inline]
pub(super) fn marks(word: &[u8; 8], byte: u8) -> u64 {
    let differs = u64::from_le_bytes(*word) ^ (ONES * u64::from(byte));
    differs.wrapping_sub(ONES) & !differs & TOPS
}

/// Which byte the lowest of some [`marks`] stands for.
#[inline]
pub(super) fn lowest(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

#[inline(always)]
fn first(text: &[u8], is: impl Fn(u8) -> bool, marks: impl Fn(&[u8; 8]) -> u64) -> Option<usize> {
    let mut rest = text;
    let mut at = 0;
    while let Some((block, behind)) = rest.split_first_chunk::<16>() {
        // No early way out of these sixteen questions: that is what lets them be asked all at once.
        if block.iter().fold(false, |hit, b| hit | is(*b)) {
            let (words, _) = block.as_chunks::<8>();
            let front = marks(&words[0]);
            return Some(at + if front != 0 { lowest(front) } else { 8 + lowest(marks(&words[1])) });
        }
        (rest, at) = (behind, at + 16);
    }
    if let Some((word, behind)) = rest.split_first_chunk::<8>() {
        match marks(word) {
            0 => (rest, at) = (behind, at + 8),
            found => return Some(at + lowest(found)),
        }
    }
    rest.iter().position(|b| is(*b)).map(|more| at + more)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The byte is found wherever it stands, in texts of every length, beside bytes that differ from it in one bit.
    #[test]
    fn found_wherever_it_stands() {
        let near = b"\xba;\x3b9\x3aa\x7f\x00\xff;".map(|b| if b == b':' { b'a' } else { b }).repeat(9);
        for len in 0..70 {
            let text = &near[..len];
            assert_eq!((find(text, b':'), find_either(text, b':', b'"')), (None, None));
            for at in 0..len {
                let mut text = text.to_vec();
                text[len - 1] = b':';
                text[at] = b':';
                assert_eq!(find(&text, b':'), Some(at));
                text[len / 2] = b'"';
                assert_eq!(find_either(&text, b':', b'"'), Some(at.min(len / 2)));
            }
        }
    }

    /// The lowest mark is the first byte that is equal.
    #[test]
    fn the_lowest_mark_is_true() {
        assert_eq!(lowest(marks(b"ab:;:::9", b':')), 2);
        assert_eq!(marks(b"ab;;\xba\x00\xff9", b':'), 0);
    }
}
