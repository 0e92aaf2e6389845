//! A monkey at every key: thousands of calls, each from a seed, in which anything may happen at any time.

use std::collections::BTreeSet;

use super::*;
use crate::ids::IdSource;

/// A world of which every peer keeps the rules, in random order and time: the dispatcher rings who waits, phones answer or
/// refuse once. The books are kept in full.
#[test]
fn lawful_calls() {
    let ends: BTreeSet<Stage> = (0..3000).map(|seed| run(seed, false).0.during).collect();
    let stages = [Stage::Offered, Stage::Answering, Stage::Prompt, Stage::Menu, Stage::Locating, Stage::Waiting];
    let all: BTreeSet<Stage> = stages.into_iter().chain([Stage::Ringing, Stage::Bridged, Stage::Closing]).collect();
    assert_eq!(ends, all, "calls end in every stage");
}

/// A world in which nothing is sure: any word on any leg in any state. No panic, a deadline in every state, every leg and
/// stream ended once, one record.
#[test]
fn lawless_calls() {
    (0..3000).for_each(|seed| drop(run(seed, true)));
}

/// The same seed makes the same call, word for word.
#[test]
fn a_seed_replays() {
    for seed in 0..50 {
        for lawless in [false, true] {
            assert_eq!(run(seed, lawless), run(seed, lawless));
        }
    }
}

fn run(seed: u64, lawless: bool) -> (Termination, Vec<String>) {
    let mut dice = IdSource::from_number(seed);
    let caller = if dice.below(2) == 0 { CallerIdentity::Unknown } else { number("+33476546372") };
    let offer = if dice.below(8) == 0 { None } else { sdp() };
    let mut world = World::make(Made::new(caller, offer), dice.below(4) > 0);
    world.books.lawless = lawless;
    let mut ring = None;
    for _ in 0..10 + dice.below(120) {
        if world.call.is_finished() {
            break;
        }
        if lawless && dice.below(2) == 0 {
            let input = anything(&mut world, &mut dice);
            world.give(input);
        } else {
            something(&mut world, &mut dice, &mut ring);
        }
    }
    if !world.call.is_finished() {
        world.hangs_up();
    }
    world.media_catches_up(true);
    world.media_replies = true;
    world.wait_ms(10_000);
    assert_eq!(world.finished.len(), 1, "seed {seed}:\n{}", world.ladder.join("\n"));
    world.books.check_settled();
    assert_eq!(world.wake, None, "seed {seed}");
    (world.finished[0].record.termination, world.ladder)
}

/// What a peer that keeps the rules may do now.
fn something(world: &mut World, dice: &mut IdSource, ring: &mut Option<Token>) {
    let leg = world.rung.get(dice.below(3) as usize).copied();
    let stage = world.call.stage();
    if !matches!(stage, Stage::Ringing | Stage::Bridged) {
        *ring = None;
    }
    match dice.below(14) {
        0 | 1 => {
            let key = b"0123456789*#"[dice.below(12) as usize];
            world.caller_media(MediaEvent::Digit(key.into()));
        }
        2 => world.caller(LegEvent::Digit('1')),
        3 => world.wait_ms(dice.below(9000)),
        4 => world.next_deadline(),
        5 if !world.words().is_empty() && !world.words().ends_with('…') => world.said(),
        6 => world.media_catches_up(dice.below(6) > 0),
        7 => world.caller(LegEvent::Confirmed { sdp: sdp() }),
        8 if stage == Stage::Bridged && dice.below(2) == 0 => {
            let offer = [sdp(), None, foreign_sdp()][dice.below(3) as usize].clone();
            leg.and_then(|of| world.takes_over(of, offer));
        }
        8 if stage == Stage::Bridged => {
            let sdp = if dice.below(4) > 0 { sdp() } else { None };
            world.leg(leg.unwrap_or(LegId::caller(world.call.id())), LegEvent::Confirmed { sdp });
        }
        8 => world.caller_media(MediaEvent::Started),
        9 if stage == Stage::Waiting => {
            *ring = Some(world.ring(["lea", "max", "zoé"][dice.below(3) as usize], dice.below(4) as u32))
        }
        9 if stage == Stage::Ringing && dice.below(3) == 0 => {
            if let Some(token) = ring.take() {
                world.withdraws(token);
            }
        }
        9 if stage == Stage::Bridged && dice.below(8) == 0 => {
            if let Some(token) = ring.take() {
                world.withdraws(token);
            }
        }
        10 if stage == Stage::Waiting && dice.below(6) == 0 => world.give(Input::Dispatch(DispatchEvent::Exhausted)),
        10 | 11 => {
            let Some(leg) = leg else { return };
            let event = match dice.below(9) {
                0..3 if stage == Stage::Ringing => LegEvent::Answered { sdp: sdp() },
                3 if stage == Stage::Ringing => LegEvent::Answered { sdp: foreign_sdp() },
                4 if stage == Stage::Ringing => {
                    LegEvent::Rejected { status: [486, 603, 404, 480][dice.below(4) as usize] }
                }
                5 => LegEvent::Progress { status: 180 },
                6 => LegEvent::Ended([LegEnd::HungUp, LegEnd::Lost][dice.below(2) as usize]),
                _ => return world.media(leg, MediaEvent::Started),
            };
            world.leg(leg, event);
        }
        12 => {
            let leg = if dice.below(2) == 0 {
                leg.unwrap_or(LegId::caller(world.call.id()))
            } else {
                LegId::caller(world.call.id())
            };
            let direction = ["sendonly", "inactive", "sendrecv"][dice.below(3) as usize];
            world.leg(leg, LegEvent::Reoffer { sdp: sdp_with(direction) });
        }
        13 if dice.below(12) == 0 => world.hangs_up(),
        _ => world.wait_ms(dice.below(400)),
    }
}

/// Any word at all.
fn anything(world: &mut World, dice: &mut IdSource) -> Input {
    let nth = if dice.below(2) == 0 { 0 } else { dice.below(8) as u16 };
    let leg = LegId { call: world.call.id(), nth };
    let body =
        [None, sdp(), sdp_with("sendonly"), foreign_sdp(), Some(b"\xff\0v=0".to_vec())][dice.below(5) as usize].clone();
    let token = Token {
        call: world.call.id(),
        listener: ListenerId::new(["lea", "max"][dice.below(2) as usize]),
        generation: dice.below(world.generation + 2),
    };
    let signalling = |event| Input::Leg { leg, event };
    let media = |event| Input::Media { leg, event };
    match dice.below(23) {
        0 => signalling(LegEvent::Progress { status: 100 + dice.below(100) as u16 }),
        1 => signalling(LegEvent::Answered { sdp: body }),
        2 => signalling(LegEvent::Rejected { status: 300 + dice.below(400) as u16 }),
        3 => signalling(LegEvent::Confirmed { sdp: body }),
        4 => signalling(LegEvent::Reoffer { sdp: body }),
        5 => signalling(LegEvent::ReofferConfirmed { sdp: body }),
        6 => signalling(LegEvent::Reanswered { sdp: body }),
        7 => signalling(LegEvent::ReofferRejected),
        8 => signalling(LegEvent::Digit(char::from_u32(dice.below(0x300) as u32).unwrap_or('0'))),
        9 if nth > 0 || dice.below(8) == 0 => {
            let ends = [LegEnd::Cancelled, LegEnd::HungUp, LegEnd::NoAck, LegEnd::Lost, LegEnd::Ours];
            signalling(LegEvent::Ended(ends[dice.below(5) as usize]))
        }
        10 => media(opened(leg)),
        11 => media(MediaEvent::OpenFailed),
        12 => media(MediaEvent::Started),
        13 => media(MediaEvent::PlaybackEnded(Playback(dice.below(30) as u32))),
        14 => media(MediaEvent::Silent { for_ms: dice.next_u64() }),
        15 => media(MediaEvent::Audible),
        16 => media(MediaEvent::Digit(char::from(dice.below(128) as u8))),
        17 => Input::Dispatch(DispatchEvent::Ring {
            token,
            ring: Duration::from_secs(dice.below(40)),
            devices: (0..dice.below(5) as u32).map(Device).collect(),
        }),
        18 => Input::Dispatch(DispatchEvent::Withdraw { token }),
        19 => Input::Dispatch(DispatchEvent::Exhausted),
        21 => signalling(LegEvent::TakesOver { of: LegId { nth: dice.below(8) as u16, ..leg }, offer: body }),
        20 if dice.below(10) == 0 => Input::End(How::Drained),
        _ => Input::Timeout,
    }
}
