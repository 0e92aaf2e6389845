//! The wall clock is stepped while people wait and talk: only the monotonic clock moves a call.

use super::*;

/// The same call under a wall clock that is set forward and back by hours, at every turn.
fn a_call(step_ms: i64) -> (Vec<String>, Record) {
    let mut world = World::answering(CallerIdentity::Hidden);
    let step = |world: &mut World, back: bool| {
        let sign = if back { -1 } else { 1 };
        world.now.civil = Civil::from_unix_millis(world.now.civil.as_unix_millis() + sign * step_ms);
        world.give(Input::Timeout);
    };
    world.caller(LegEvent::Confirmed { sdp: None });
    world.caller_media(MediaEvent::Started);
    step(&mut world, false);
    world.wait_ms(4000);
    world.said();
    step(&mut world, true);
    world.press("0");
    step(&mut world, true);
    world.press("38000");
    world.wait_ms(2000);
    world.said();
    world.press("1");
    step(&mut world, false);
    world.wait_ms(60_000);
    let token = world.ring("lea", 1);
    step(&mut world, false);
    world.wait_ms(20_000);
    world.withdraws(token);
    step(&mut world, true);
    world.ring("max", 1);
    world.wait_ms(10_000);
    step(&mut world, false);
    world.answers(0);
    world.media(world.rung[0], MediaEvent::Started);
    step(&mut world, true);
    world.wait_ms(30_000);
    step(&mut world, true);
    world.hangs_up();
    let record = world.record();
    (world.ladder.clone(), record)
}

/// Set by an hour, a day, ten years, forward and back: every deadline comes when it would have come, and every span in the
/// record is what it was.
#[test]
fn p173_a_stepped_clock_moves_nothing() {
    let (ladder, record) = a_call(0);
    assert_eq!(record.talked_ms, 30_000);
    for step_ms in [3_600_000, -3_600_000, 86_400_000, -86_400_000, 315_360_000_000] {
        let (other_ladder, other) = a_call(step_ms);
        assert_eq!(ladder, other_ladder, "{step_ms}");
        assert_eq!(other, Record { began: other.began, ended: other.ended, ..record.clone() }, "{step_ms}");
    }
}
