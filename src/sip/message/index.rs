//! Where the parts of a message lie in its bytes: plain offsets, so that a message can be kept and looked at again without
//! being read again.

use super::MAX_HEADERS;
use super::name::OTHER;

/// Header lines kept in place; a message with more puts the rest in a vector.
const INLINE: usize = 64;

/// The known names, and one place for all others.
const NAME_COUNT: usize = OTHER as usize + 1;

/// A place that a byte cannot tell: this line or a later one.
const BEYOND: u8 = 255;

/// A piece of the message. 16 bits are enough: see [`super::MAX_MESSAGE`].
#[derive(Clone, Copy, Default)]
pub(super) struct Span {
    at: u16,
    len: u16,
}

impl Span {
    /// From byte `from` up to byte `to`. Offsets beyond the largest message give an empty piece.
    pub(super) fn new(from: usize, to: usize) -> Span {
        match (u16::try_from(from), u16::try_from(to.saturating_sub(from))) {
            (Ok(at), Ok(len)) => Span { at, len },
            _ => Span::default(),
        }
    }

    /// As [`Span::new`], where both ends are known to be in order and within the largest message. (On a stream that holds
    /// more, nobody looks at the pieces.)
    #[inline]
    pub(super) fn known(from: usize, to: usize) -> Span {
        Span { at: from as u16, len: to.wrapping_sub(from) as u16 }
    }

    /// Where `part` lies in `whole`, of which it is a subslice.
    pub(super) fn within(whole: &[u8], part: &[u8]) -> Span {
        let from = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
        if from > whole.len() { Span::default() } else { Span::new(from, from + part.len()) }
    }

    /// The bytes of the piece.
    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        let from = usize::from(self.at);
        bytes.get(from..from + usize::from(self.len)).unwrap_or(b"")
    }
}

/// The start line.
#[derive(Clone, Copy)]
pub(super) enum Start {
    Request { method: Span, uri: Span },
    Status { code: u16, reason: Span },
}

/// A header line: the number of its name, the name as written, and the value.
#[derive(Clone, Copy, Default)]
pub(super) struct Line {
    /// Of the width of its neighbours: without a gap, a table of lines is cleared in one stroke.
    pub(super) name: u16,
    pub(super) written: Span,
    pub(super) value: Span,
}

/// Where everything is.
#[derive(Clone)]
pub(super) struct Index {
    pub(super) start: Start,
    pub(super) version_2: bool,
    pub(super) body: Span,
    count: u16,
    /// For each name, where its lines are: one more than the number of its first line, and of its last; 0 without any.
    places: [[u8; 2]; NAME_COUNT],
    inline: [Line; INLINE],
    /// All lines, once there are more than fit inline; empty (and not allocated) until then.
    spilled: Vec<Line>,
}

impl Index {
    /// No lines and no body yet.
    pub(super) fn new(start: Start, version_2: bool) -> Index {
        let inline = [Line { name: 0, written: Span { at: 0, len: 0 }, value: Span { at: 0, len: 0 } }; INLINE];
        Index {
            start,
            version_2,
            body: Span::default(),
            count: 0,
            places: [[0; 2]; NAME_COUNT],
            inline,
            spilled: Vec::new(),
        }
    }

    /// One more line; `false` when there are [`MAX_HEADERS`] already. The parts come one by one and
    /// are written in place one by one: half of the time of reading a message went into a copy made on the way.
    #[inline]
    pub(super) fn push(&mut self, name: u8, written: Span, value: Span) -> bool {
        let count = usize::from(self.count);
        if let Some(place) = self.inline.get_mut(count) {
            place.name = u16::from(name);
            place.written.at = written.at;
            place.written.len = written.len;
            place.value.at = value.at;
            place.value.len = value.len;
        } else if count < MAX_HEADERS {
            self.spill(name, written, value);
        } else {
            return false;
        }
        if let Some([first, last]) = self.places.get_mut(usize::from(name)) {
            // Beyond the reach of a byte the place is only where the looking begins, and it goes on to the end.
            let place = if count < usize::from(BEYOND) { count as u8 + 1 } else { BEYOND };
            *last = place;
            if *first == 0 {
                *first = place;
            }
        }
        self.count += 1;
        true
    }

    #[cold]
    fn spill(&mut self, name: u8, written: Span, value: Span) {
        if self.spilled.is_empty() {
            self.spilled.reserve(INLINE * 2);
            self.spilled.extend_from_slice(&self.inline);
        }
        self.spilled.push(Line { name: u16::from(name), written, value });
    }

    /// The lines from the first of this name to the last; other names may be among them.
    pub(super) fn lines_around(&self, name: u8) -> &[Line] {
        let lines = match self.places.get(usize::from(name)) {
            Some([0, _]) | None => None,
            Some([first, BEYOND]) => self.lines().get(usize::from(*first) - 1..),
            Some([first, last]) => self.lines().get(usize::from(*first) - 1..usize::from(*last)),
        };
        lines.unwrap_or(&[])
    }

    /// The lines, in order.
    pub(super) fn lines(&self) -> &[Line] {
        if self.spilled.is_empty() {
            self.inline.get(..usize::from(self.count)).unwrap_or(&self.inline)
        } else {
            &self.spilled
        }
    }
}
