//! Formats of one voice stream: what its numbers mean, which codec and which telephone event to take, how much voice to
//! put in a packet. Numbers mean what *this* description says, per direction (RFC 3264 §5.1); names match without case.

use serde::{Deserialize, Serialize};

use super::{Codec, Description, Media};

/// What a payload type number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Format {
    /// Voice.
    Voice(Codec),
    /// Telephone events with timestamps at this rate.
    Event(u32),
}

impl Format {
    /// The value of its `a=rtpmap`, after the number.
    pub(super) fn mapping(self) -> String {
        match self {
            Format::Voice(codec) if codec.channels() > 1 => {
                format!("{}/{}/{}", codec.name(), codec.rtp_clock_hz(), codec.channels())
            }
            Format::Voice(codec) => format!("{}/{}", codec.name(), codec.rtp_clock_hz()),
            Format::Event(clock_hz) => format!("telephone-event/{clock_hz}"),
        }
    }
}

/// The formats of a stream that we know, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Formats {
    pub(super) voices: Vec<(u8, Codec)>,
    pub(super) events: Vec<(u8, u32)>,
}

impl Formats {
    /// Reads the formats of `media`. `ours` says what a number means that the stream uses without saying it: in an
    /// answer, what our offer said.
    pub(super) fn read(description: &Description, media: &Media, ours: &[(u8, Format)]) -> Formats {
        let mut formats = Formats::default();
        let mappings = mappings(description, media);
        for word in &media.formats {
            let Ok(number @ 0..=127) = word.parse::<u8>() else { continue };
            let fallback = || ours.iter().find(|(known, _)| *known == number).map(|(_, format)| *format);
            let format = match mappings[usize::from(number)] {
                Some(mapping) => read_mapping(mapping),
                None => by_number(number).or_else(fallback),
            };
            match format {
                Some(Format::Voice(codec)) if !formats.voices.iter().any(|(known, _)| *known == number) => {
                    formats.voices.push((number, codec));
                }
                Some(Format::Event(clock_hz)) if !formats.events.iter().any(|(known, _)| *known == number) => {
                    formats.events.push((number, clock_hz));
                }
                _ => {}
            }
        }
        formats
    }

    /// The event to use beside `codec`: one that counts as the voice does, else the first there is (RFC 4733 §2.1 wants
    /// the former; some offer `telephone-event/8000` only, beside wider codecs).
    pub(super) fn event_for(&self, codec: Codec) -> Option<(u8, u32)> {
        let fitting = self.events.iter().find(|(_, clock_hz)| *clock_hz == codec.rtp_clock_hz());
        fitting.or_else(|| self.events.first()).copied()
    }
}

/// What each `a=rtpmap` says of its number; of two that speak of one number the first counts. One pass over the lines,
/// because a hostile description has thousands.
fn mappings<'a>(description: &'a Description, media: &'a Media) -> [Option<&'a str>; 128] {
    let mut mappings = [None; 128];
    for line in media.attributes.iter().chain(&description.attributes).filter(|line| line.is("rtpmap")) {
        let value = line.value.as_deref().unwrap_or("");
        let Some((word, mapping)) = value.split_once(|c: char| c.is_ascii_whitespace()) else { continue };
        if let Ok(number @ 0..=127) = word.parse::<u8>() {
            mappings[usize::from(number)].get_or_insert(mapping.trim());
        }
    }
    mappings
}

/// `PCMA/8000`, `pcma/8000/1`, or `PCMA` alone.
fn read_mapping(mapping: &str) -> Option<Format> {
    let mut parts = mapping.split('/').map(str::trim);
    let name = parts.next()?;
    let clock_hz: Option<u32> = parts.next().map(|part| part.parse().unwrap_or(0));
    let channels: Option<u8> = parts.next().map(|part| part.parse().unwrap_or(0));
    if name.eq_ignore_ascii_case("telephone-event") {
        let clock_hz = clock_hz.unwrap_or(8000);
        return (8000..=192_000).contains(&clock_hz).then_some(Format::Event(clock_hz));
    }
    let codec = Codec::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name))?;
    let same_clock = clock_hz.is_none_or(|clock_hz| clock_hz == codec.rtp_clock_hz());
    let same_channels = channels.unwrap_or(1) == codec.channels();
    (same_clock && same_channels).then_some(Format::Voice(codec))
}

/// What a number means without an `a=rtpmap` (RFC 3551 §6).
fn by_number(number: u8) -> Option<Format> {
    let codec = Codec::ALL.into_iter().find(|codec| codec.static_payload_type() == Some(number))?;
    Some(Format::Voice(codec))
}

/// The number for `format` in an offer of ours: the codec's own, else the one it had before in this session, else a free
/// one (101 first for events, as everybody does). None when all dynamic numbers are taken.
pub(super) fn number_for(format: Format, numbers: &[(u8, Format)]) -> Option<u8> {
    if let Format::Voice(codec) = format
        && let Some(number) = codec.static_payload_type()
    {
        return Some(number);
    }
    if let Some((number, _)) = numbers.iter().find(|(_, known)| *known == format) {
        return Some(*number);
    }
    let mut free = std::iter::once(101).chain(96..=127);
    if !matches!(format, Format::Event(_)) {
        free.next();
    }
    free.find(|number| numbers.iter().all(|(known, _)| known != number))
}

/// The length of voice to send per packet: `a=ptime` where it makes sense, `a=maxptime` as a bound, `preferred_ms`
/// otherwise (RFC 8866 §6.4). Whole multiples of 10 ms, from 10 to 60.
pub(super) fn ptime_ms(description: &Description, media: &Media, preferred_ms: u32) -> u32 {
    let number = |name| {
        let word = description.attribute(media, name)?;
        let digits = word.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse::<u32>().ok().filter(|ms| *ms > 0)
    };
    let asked_ms = number("ptime").unwrap_or(preferred_ms);
    let bound_ms = number("maxptime").unwrap_or(60).clamp(10, 60);
    asked_ms.min(bound_ms).clamp(10, 60) / 10 * 10
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::parse;

    /// The spellings of a mapping that are seen, and those that are another format.
    #[test]
    fn mappings() {
        let pcma = Some(Format::Voice(Codec::Pcma));
        for (mapping, expected) in [
            ("PCMA/8000", pcma),
            ("pcma/8000/1", pcma),
            ("PCMA", pcma),
            ("PCMA/16000", None),
            ("PCMA/8000/2", None),
            ("PCMA/x", None),
            ("G729/8000", None),
            ("telephone-event/8000", Some(Format::Event(8000))),
            ("Telephone-Event/48000", Some(Format::Event(48_000))),
            ("telephone-event/8000/1", Some(Format::Event(8000))),
            ("telephone-event", Some(Format::Event(8000))),
            ("telephone-event/0", None),
            ("red/48000/2", None),
            ("", None),
        ] {
            assert_eq!(read_mapping(mapping), expected, "{mapping}");
        }
    }

    /// Voice per packet follows the peer's wish and bound, within what makes sense.
    #[test]
    fn b108_lengths() {
        for (lines, expected) in [
            ("", 20),
            ("a=ptime:30", 30),
            ("a=ptime:10", 10),
            ("a=ptime:40\na=maxptime:60", 40),
            ("a=maxptime:20\na=ptime:40", 20),
            ("a=ptime:20\na=maxptime:10", 10),
            ("a=ptime:25", 20),
            ("a=ptime:1000", 60),
            ("a=ptime:1", 10),
            ("a=ptime:0", 20),
            ("a=ptime:x", 20),
            ("a=ptime:30.0", 30),
            ("a=maxptime:240", 20),
            ("a=maxptime:5", 10),
        ] {
            let description = parse(format!("m=audio 1 RTP/AVP 8\n{lines}").as_bytes()).expect("readable");
            assert_eq!(ptime_ms(&description, &description.media[0], 20), expected, "{lines}");
        }
    }

    /// A number once used for one format is not given to another.
    #[test]
    fn numbers_are_kept() {
        let event = Format::Event(8000);
        assert_eq!(number_for(event, &[]), Some(101));
        assert_eq!(number_for(event, &[(97, event)]), Some(97));
        assert_eq!(number_for(event, &[(101, Format::Voice(Codec::Pcma))]), Some(96));
        let all: Vec<_> = (96..=127).map(|number| (number, Format::Voice(Codec::Pcma))).collect();
        assert_eq!(number_for(event, &all), None);
    }
}
