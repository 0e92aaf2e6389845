//! One whole call, as a ladder and as its record.

use super::*;

/// The golden path: welcome, silence at the question of danger, the postcode keyed and confirmed, the queue, a ring, a
/// conversation, the listener hangs up, goodbye. Every word of it, and the record in full.
#[test]
fn p171_a_call_from_start_to_end() {
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
        ended: Civil::from_unix_millis(1_780_000_637_400),
        answered_ms: Some(0),
        ended_ms: 637_400,
        queued_ms: Some(27_000),
        bridged_ms: Some(34_300),
        talked_ms: 600_100,
        department: Some("38".to_owned()),
        located_by: Some(record::LocatedBy::Answer),
        language: "fr".to_owned(),
        listener: Some(ListenerId::new("lea")),
        attempts: vec![record::Attempt {
            listener: ListenerId::new("lea"),
            chosen_ms: 29_200,
            ended_ms: 34_300,
            outcome: record::AttemptOutcome::Answered,
        }],
        steps: ["welcome", "danger", "place", "listener", "goodbye", "end"].map(str::to_owned).to_vec(),
        caller_sound: sound(LegId::caller(CallId::from_raw(7))),
        listener_sound: Some(sound(LegId { call: CallId::from_raw(7), nth: 1 })),
        termination: Termination { by: Party::Listener, how: How::HungUp, during: Stage::Closing },
    };
    assert_eq!(record, expected);
    let caller = world.finished[0].caller.as_ref().expect("the number goes to the store, beside the record");
    assert_eq!(caller.reveal(), "+33612345678");
    assert_eq!((world.books.enqueued, world.books.left, world.books.released), (1, 0, 1));
}

const LADDER: &str = r#"
   0.000 -> caller: sound PCMA sendrecv
   0.000 -> caller: 200 with SDP
   0.000 <- caller: ACK
   0.000 <- caller: first sound
   0.000 == welcome
   0.000 -> caller: play welcome (fr)
   4.000 <- caller: the words end
   4.000 == danger
   4.000 -> caller: play in_danger (fr)
   9.000 <- caller: the words end
  12.000 -> caller: play in_danger (fr)
  17.000 <- caller: the words end
  20.000 == place
  20.000 -> caller: play ask_postcode (fr)
  23.000 <- caller: key 3
  23.000 -> caller: stop
  23.200 <- caller: key 8
  23.400 <- caller: key 0
  23.600 <- caller: key 0
  23.800 <- caller: key 0
  23.800 -> caller: play place_is + dept.38 + place_keys (fr)
  26.000 <- caller: the words end
  27.000 <- caller: key 1
  27.000 == listener
  27.000 -> dispatcher: enqueue 38, fr, priority 0, Department 30 s > National 240 s
  27.000 -> caller: play please_wait + hold_music (fr), again after 20 s
  29.200 <- dispatcher: ring lea, 1 devices
  29.200 -> leg 1: INVITE lea on device 0 for 22 s from 3977 "3977 Isère (38)"
  29.300 <- leg 1: 180
  34.300 <- leg 1: 200 with SDP
  34.300 -> leg 1: sound PCMA sendrecv
  34.300 -> dispatcher: lea Answered
  34.300 -> caller: stop
  34.300 -> caller: joined with leg 1
  34.400 <- leg 1: first sound
 634.400 <- leg 1: ended, HungUp
 634.400 -> leg 1: close
 634.400 -> caller: parted from leg 1
 634.400 -> dispatcher: lea released
 634.400 == goodbye
 634.400 -> caller: play goodbye (fr)
 637.400 <- caller: the words end
 637.400 == end
 637.400 -> caller: hang up, Normal
 637.400 -> caller: close
 637.400 -> record
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
