//! The one function of offer and answer (RFC 3264), and the rules it keeps:
//!
//! - an answer has the lines of the offer, in its order; all but one voice stream are refused with port 0 (§6);
//! - it takes formats that were offered, with their numbers and in their order, and never telephone events alone (§6.1);
//! - we send with the numbers the peer gave, and receive on the numbers we gave (§5.1);
//! - directions mirror each other, bounded by our own wish (§6.1, §8.4); `c=0.0.0.0` is a hold of the old kind;
//! - the version of our `o=` line grows by one with each change of our words, and only then (§8);
//! - a number that meant one format in our words never means another later (§8.3.2).

use super::compose::{number, refused, voice_stream};
use super::description::{Description, Media};
use super::remote::Remote;
use super::select::{Format, Formats, number_for, ptime_ms};
use super::session::Pending;
use super::{Audio, Capabilities, Codec, Direction, Local, Move, Refusal, Session, parse, write};

/// Takes one step: the new session, and the description to send if the step makes one.
pub fn negotiate(
    caps: &Capabilities,
    local: &Local,
    session: &Session,
    step: Move<'_>,
) -> Result<(Session, Option<Vec<u8>>), Refusal> {
    match step {
        Move::Offer { direction } => offer(caps, local, session, direction),
        Move::Refresh => refresh(caps, local, session),
        Move::TakeOffer(body) => take_offer(caps, local, session, body),
        Move::TakeAnswer(body) => take_answer(caps, local, session, body),
        Move::Abandon => abandon(session),
    }
}

type Step = Result<(Session, Option<Vec<u8>>), Refusal>;

fn offer(caps: &Capabilities, local: &Local, session: &Session, direction: Direction) -> Step {
    if session.pending.is_some() {
        return Err(Refusal::OfferPending);
    }
    let mut next = session.clone();
    let mut formats = Vec::new();
    let mut add = |format| {
        if let Some(number) = number_for(format, &next.numbers) {
            remember(&mut next.numbers, number, format);
            formats.push((number, format));
        }
    };
    for codec in &caps.codecs {
        add(Format::Voice(*codec));
    }
    for clock_hz in event_clocks(caps) {
        add(Format::Event(clock_hz));
    }
    if !formats.iter().any(|(_, format)| matches!(format, Format::Voice(_))) {
        return Err(Refusal::NoCommonCodec);
    }
    let previous = session.sent.as_ref().and_then(|sent| sent.media.get(session.stream));
    let protocol = previous.map_or("RTP/AVP", |media| media.protocol.as_str());
    let voice = voice_stream(local, protocol, &formats, direction, caps.ptime_ms);
    // Lines once used stay in their places; those that are not ours stay refused (RFC 3264 §8).
    let mut media: Vec<Media> = session.sent.iter().flat_map(|sent| sent.media.iter().map(refused)).collect();
    match media.get_mut(session.stream) {
        Some(place) => *place = voice,
        None => media.push(voice),
    }
    let stream = session.stream.min(media.len() - 1);
    let description = number(&mut next, local, media);
    let body = write(&description);
    next.pending = Some(Pending { description, direction, wish: direction, stream });
    Ok((next, Some(body)))
}

fn refresh(caps: &Capabilities, local: &Local, session: &Session) -> Step {
    if session.pending.is_some() {
        return Err(Refusal::OfferPending);
    }
    let Some(sent) = &session.sent else { return offer(caps, local, session, session.wish) };
    let mut next = session.clone();
    let description = number(&mut next, local, sent.media.clone());
    let body = write(&description);
    let direction = sent.media.get(session.stream).map_or(session.wish, |media| sent.direction(media));
    next.pending = Some(Pending { description, direction, wish: session.wish, stream: session.stream });
    Ok((next, Some(body)))
}

fn take_offer(caps: &Capabilities, local: &Local, session: &Session, body: &[u8]) -> Step {
    let offer = parse(body)?;
    if session.pending.is_some() {
        return Err(Refusal::OfferPending);
    }
    let (stream, formats) = choose_stream(caps, local, session, &offer)?;
    let media = &offer.media[stream];
    let remote = Remote::read(&offer, media, local);
    let &(send_payload_type, codec) = formats.voices.first().ok_or(Refusal::NoCommonCodec)?;
    let event = if caps.telephone_event { formats.event_for(codec) } else { None };

    let offered = offer.direction(media);
    let open = Direction::new(!remote.held, true);
    let direction = offered.reversed().and(session.wish).and(open);
    let ptime_ms = ptime_ms(&offer, media, caps.ptime_ms);

    let mut next = session.clone();
    let mut answered: Vec<(u8, Format)> = Vec::new();
    for (number, codec) in &formats.voices {
        if !answered.iter().any(|(_, format)| *format == Format::Voice(*codec)) {
            answered.push((*number, Format::Voice(*codec)));
        }
    }
    answered.extend(event.map(|(number, clock_hz)| (number, Format::Event(clock_hz))));
    for (number, format) in &answered {
        remember(&mut next.numbers, *number, *format);
    }
    let mut lines: Vec<Media> = offer.media.iter().map(refused).collect();
    lines[stream] = voice_stream(local, &media.protocol, &answered, direction, ptime_ms);
    let description = number(&mut next, local, lines);
    let answer = write(&description);
    next.sent = Some(description);
    next.stream = stream;
    next.audio = Some(Audio {
        remote_rtp: remote.rtp,
        remote_rtcp: remote.rtcp,
        codec,
        send_payload_type,
        receive_event_type: event.map(|(number, _)| number),
        send_event_type: event.map(|(number, _)| number),
        event_clock_hz: event.map_or(codec.rtp_clock_hz(), |(_, clock_hz)| clock_hz),
        other_event_types: if caps.telephone_event { others(&formats.events, event) } else { Vec::new() },
        receive_payload_types: formats.voices,
        direction,
        ptime_ms,
        held: remote.held || !offered.receives(),
    });
    Ok((next, Some(answer)))
}

fn take_answer(caps: &Capabilities, local: &Local, session: &Session, body: &[u8]) -> Step {
    let Some(pending) = &session.pending else {
        // A second answer to one offer (183, then 200) changes nothing: the first counts (RFC 3261 §13.2.1).
        return if session.sent.is_some() { Ok((session.clone(), None)) } else { Err(Refusal::NothingOffered) };
    };
    let answer = parse(body)?;
    let stream = pending.stream;
    let offered = pending.description.media.get(stream).ok_or(Refusal::NothingOffered)?;
    // Some answer only the lines they take. A call is worth more than the rule they broke.
    let usable = |media: &&Media| media.is("audio") && media.port != 0;
    let media = answer.media.get(stream).filter(usable).or_else(|| answer.media.iter().find(usable));
    let media = media.ok_or(if answer.media.is_empty() { Refusal::NoVoice } else { Refusal::VoiceRefused })?;
    if !is_plain(&media.protocol) {
        return Err(Refusal::Transport);
    }
    let remote = Remote::read(&answer, media, local);
    if remote.other_family {
        return Err(Refusal::AddressFamily);
    }

    let ours = Formats::read(&pending.description, offered, &[]);
    let offered_numbers: Vec<(u8, Format)> = as_numbers(&ours);
    let mut theirs = Formats::read(&answer, media, &offered_numbers);
    theirs.voices.retain(|(_, codec)| ours.voices.iter().any(|(_, known)| known == codec));
    let &(send_payload_type, codec) = theirs.voices.first().ok_or(Refusal::NoCommonCodec)?;
    let agreed = |codec: &Codec| theirs.voices.iter().any(|(_, known)| known == codec);
    let mut receive_payload_types = ours.voices.clone();
    receive_payload_types.retain(|(_, codec)| agreed(codec));
    for (number, codec) in &theirs.voices {
        // It should send with our number, but many send with their own.
        if !offered_numbers.iter().any(|(known, _)| known == number) {
            receive_payload_types.push((*number, *codec));
        }
    }

    let send_event = if ours.events.is_empty() { None } else { theirs.event_for(codec) };
    let receive_event = send_event.and_then(|(_, clock_hz)| {
        let fitting = ours.events.iter().find(|(_, known)| *known == clock_hz);
        fitting.or_else(|| ours.events.first()).copied()
    });
    let mut events = theirs.events.clone();
    events.retain(|(number, _)| !receive_payload_types.iter().any(|(known, _)| known == number));
    for event in &ours.events {
        if !events.iter().any(|(number, _)| *number == event.0) {
            events.push(*event);
        }
    }
    let replied = answer.direction(media);
    let open = Direction::new(!remote.held, true);
    let mut next = session.clone();
    next.wish = pending.wish;
    next.sent = Some(pending.description.clone());
    next.stream = stream;
    next.pending = None;
    next.audio = Some(Audio {
        remote_rtp: remote.rtp,
        remote_rtcp: remote.rtcp,
        codec,
        send_payload_type,
        receive_payload_types,
        send_event_type: send_event.map(|(number, _)| number),
        receive_event_type: receive_event.map(|(number, _)| number),
        event_clock_hz: send_event.map_or(codec.rtp_clock_hz(), |(_, clock_hz)| clock_hz),
        other_event_types: others(&events, receive_event),
        direction: pending.direction.and(replied.reversed()).and(open),
        ptime_ms: ptime_ms(&answer, media, caps.ptime_ms),
        held: remote.held || !replied.receives(),
    });
    Ok((next, None))
}

fn abandon(session: &Session) -> Step {
    if session.pending.is_none() {
        return Err(Refusal::NothingOffered);
    }
    Ok((Session { pending: None, ..session.clone() }, None))
}

/// The voice stream to take: the one in use if it can go on, else the first that can. Otherwise, why none can.
fn choose_stream(
    caps: &Capabilities,
    local: &Local,
    session: &Session,
    offer: &Description,
) -> Result<(usize, Formats), Refusal> {
    let mut best: Option<(usize, Formats)> = None;
    let mut why = Refusal::NoVoice;
    for (nth, media) in offer.media.iter().enumerate() {
        if !media.is("audio") || media.port == 0 {
            continue;
        }
        if !is_plain(&media.protocol) {
            why = closer(why, Refusal::Transport);
            continue;
        }
        let mut formats = Formats::read(offer, media, &[]);
        formats.voices.retain(|(_, codec)| caps.codecs.contains(codec));
        if formats.voices.is_empty() {
            why = closer(why, Refusal::NoCommonCodec);
        } else if Remote::read(offer, media, local).other_family {
            why = closer(why, Refusal::AddressFamily);
        } else if best.is_none() || nth == session.stream && session.sent.is_some() {
            best = Some((nth, formats));
        }
    }
    best.ok_or(why)
}

/// Of two reasons, the one that came closer to an agreement and so tells the peer more.
fn closer(a: Refusal, b: Refusal) -> Refusal {
    let rank = |refusal| match refusal {
        Refusal::NoVoice => 0,
        Refusal::Transport => 1,
        Refusal::NoCommonCodec => 2,
        _ => 3,
    };
    if rank(b) > rank(a) { b } else { a }
}

/// Voice in the clear, with or without early feedback (RFC 4585); both are answered in kind.
fn is_plain(protocol: &str) -> bool {
    protocol.eq_ignore_ascii_case("RTP/AVP") || protocol.eq_ignore_ascii_case("RTP/AVPF")
}

fn remember(numbers: &mut Vec<(u8, Format)>, number: u8, format: Format) {
    match numbers.iter_mut().find(|(known, _)| *known == number) {
        Some(entry) => entry.1 = format,
        None => numbers.push((number, format)),
    }
}

fn as_numbers(formats: &Formats) -> Vec<(u8, Format)> {
    let voices = formats.voices.iter().map(|(number, codec)| (*number, Format::Voice(*codec)));
    let events = formats.events.iter().map(|(number, clock_hz)| (*number, Format::Event(*clock_hz)));
    voices.chain(events).collect()
}

/// The events but the chosen one.
fn others(events: &[(u8, u32)], chosen: Option<(u8, u32)>) -> Vec<(u8, u32)> {
    events.iter().filter(|event| Some(event.0) != chosen.map(|(number, _)| number)).copied().collect()
}

/// One event clock per clock of our codecs.
fn event_clocks(caps: &Capabilities) -> Vec<u32> {
    let mut clocks = Vec::new();
    for codec in caps.codecs.iter().filter(|_| caps.telephone_event) {
        if !clocks.contains(&codec.rtp_clock_hz()) {
            clocks.push(codec.rtp_clock_hz());
        }
    }
    clocks
}
