//! One whole call, as a ladder and as its record.

use super::*;

/// The golden path: welcome, silence at the question of danger, the postcode keyed and confirmed, the queue, a ring, a
/// conversation, the listener hangs up, goodbye. Every word of it, and the record in full.
#[test]
fn a_call_from_start_to_end() {
    let mut world = World::welcomed_as(number("+33612345678"));
    world.wait_ms(4000);
    world.said();
    for _ in 0..2 {
        world.wait_ms(5000);
        world.said();
        world.wait_ms(3000);
    }
    world.wait_ms(3000);
    world.press("38000");
    world.wait_ms(2000);
    world.said();
    world.wait_ms(1000);
    world.press("1");
    world.wait_ms(2000);
    world.ring("lea", 1);
    world.wait_ms(100);
    world.leg(world.rung[0], LegEvent::Progress { status: 180 });
    world.wait_ms(5000);
    world.answers(0);
    world.wait_ms(100);
    world.media(world.rung[0], MediaEvent::Started);
    world.wait_ms(600_000);
    world.leg(world.rung[0], LegEvent::Ended(LegEnd::HungUp));
    world.wait_ms(3000);
    world.said();
    let record = world.record();
    assert_eq!(world.ladder.join("\n"), LADDER.trim_matches('\n'), "\n{}", world.ladder.join("\n"));

    let expected = Record {
        call: CallId::from_raw(7),
        service: "3977".to_owned(),
        began: Civil::from_unix_millis(1_780_000_000_000),
        ended: Civil::from_unix_millis(1_780_000_633_400),
        answered_ms: Some(0),
        ended_ms: 633_400,
        queued_ms: Some(23_000),
        bridged_ms: Some(30_300),
        talked_ms: 600_100,
        department: Some("38".to_owned()),
        located_by: Some(record::LocatedBy::Answer),
        language: "fr".to_owned(),
        listener: Some(ListenerId::new("lea")),
        attempts: vec![record::Attempt {
            listener: ListenerId::new("lea"),
            chosen_ms: 25_200,
            ended_ms: 30_300,
            outcome: record::AttemptOutcome::Answered,
        }],
        steps: ["welcome", "danger", "place", "listener", "goodbye", "end"].map(str::to_owned).to_vec(),
        caller_sound: sound(LegId::caller(CallId::from_raw(7))),
        listener_sound: Some(sound(LegId { call: CallId::from_raw(7), nth: 1 })),
        termination: Termination { by: Party::Us, how: How::Completed, during: Stage::Closing },
    };
    assert_eq!(record, expected);
    let caller = world.finished[0].caller.as_ref().expect("the number goes to the store, beside the record");
    assert_eq!(caller.reveal(), "+33612345678");
    assert_eq!((world.books.enqueued, world.books.left, world.books.released), (1, 0, 1));
}

const LADDER: &str = r#"
"#;

/// No number of a caller shows in what the call says of itself, though it had one to guess from.
#[test]
fn the_callers_number_is_nowhere() {
    let mut world = World::welcomed_as(number("+33476546372"));
    world.said();
    world.press("01");
    world.ring("lea", 1);
    world.answers(0);
    world.hangs_up();
    let record = format!("{:?}", world.record());
    assert!(!world.saw("476546372") && !record.contains("476546372"));
    let finished = format!("{:?}", world.finished[0]);
    assert!(!finished.contains("476546372"));
}
