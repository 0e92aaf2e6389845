//! What one seed is like: its weather, its people and their habits. Each seed enables a random part of everything that may
//! go wrong, so that rare faults meet each other undisturbed by common ones (swarm testing).

use std::time::Duration;

use ecoute::dispatch::{self, Penalties};
use ecoute::ids::IdSource;

use crate::dice::Dice;
use crate::roads::Roads;

/// How the network treats packets until the calm.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Lost, of a thousand.
    pub loss: u64,
    /// Twice, of a thousand.
    pub duplicate: u64,
    /// The shortest way, milliseconds.
    pub delay_min_ms: u64,
    /// The longest way, milliseconds.
    pub delay_max_ms: u64,
    /// Of a thousand packets, those that take `spike_ms` longer.
    pub spike: u64,
    /// How much longer.
    pub spike_ms: u64,
    /// Of a thousand SIP datagrams, those that lie somewhere for seconds, and come after all.
    pub stale: u64,
    /// Hosts are cut off for a few seconds now and then.
    pub cuts: bool,
    /// The way to the media worker is blocked for seconds now and then: no network, but as bad.
    pub stalls: bool,
}

impl Weather {
    /// The calm: nothing is lost, and everything takes the same time.
    pub const CALM: Weather = Weather {
        loss: 0,
        duplicate: 0,
        delay_min_ms: 5,
        delay_max_ms: 5,
        spike: 0,
        spike_ms: 0,
        stale: 0,
        cuts: false,
        stalls: false,
    };

    /// Does every packet arrive, once and in time?
    pub fn is_whole(&self) -> bool {
        self.loss == 0 && self.duplicate == 0 && self.stale == 0 && !self.cuts && !self.stalls
    }

    /// Does every packet arrive, and soon enough to be heard?
    pub fn is_smooth(&self) -> bool {
        self.is_whole() && self.spike == 0
    }

    /// The longest any packet is under way.
    pub fn longest(&self) -> Duration {
        Duration::from_millis(self.delay_max_ms + if self.spike > 0 { self.spike_ms } else { 0 })
    }
}

/// What callers and listeners do in this seed besides what is ordinary.
#[derive(Clone, Copy, Debug, Default)]
pub struct Habits {
    pub callers_hang_up_anywhere: bool,
    pub callers_hang_up_at_answer: bool,
    pub callers_vanish: bool,
    pub callers_call_again: bool,
    pub callers_hold: bool,
    pub callers_key_nonsense: bool,
    pub callers_dial_wrong: bool,
    pub listeners_decline: bool,
    pub listeners_are_busy: bool,
    pub listeners_ring_out: bool,
    pub listeners_answer_late: bool,
    pub listeners_vanish: bool,
    pub listeners_answer_twice: bool,
    pub listeners_hold: bool,
    pub listeners_pause: bool,
    pub staff_ends_calls: bool,
    pub staff_reloads: bool,
    pub staff_drains: bool,
}

/// One seed.
#[derive(Clone, Debug)]
pub struct Nature {
    pub weather: Weather,
    pub habits: Habits,
    pub roads: Roads,
    pub callers: usize,
    /// Devices of each listener.
    pub listeners: Vec<usize>,
    /// From here on the network is perfect.
    pub calm_at: Duration,
    /// The longest way of a command to the media worker, and of its reports.
    pub worker_us: u64,
    /// After so much silence a peer is asked whether he is there.
    pub silence_after: Duration,
    /// At one instant, do timers go before packets?
    pub timers_first: bool,
    pub dispatch: dispatch::Settings,
    /// Pairs of media ports the engine has.
    pub port_pairs: u16,
    /// The wall clock at the beginning.
    pub civil_ms: i64,
    /// How far the wall clock is stepped in the middle of the run.
    pub civil_step_ms: i64,
}

/// 2026-03-10T10:00:00Z, an ordinary Tuesday; a summer-time night; a midnight in Paris; a year's end.
const MOMENTS: [i64; 4] = [1_773_136_800_000, 1_774_745_995_000, 1_773_183_595_000, 1_798_757_990_000];

impl Nature {
    /// What the seed is like.
    pub fn of(seed: u64, dice: &mut IdSource) -> Nature {
        let weather = weather(dice);
        let habits = habits(dice);
        let listeners: Vec<usize> = (0..if dice.chance(40) { 0 } else { dice.between(1, 4) })
            .map(|_| if dice.chance(350) { 2 } else { 1 })
            .collect();
        let calm_at = dice.span_ms(12_000, 36_000);
        let callers = dice.between(2, 7) as usize;
        Nature {
            weather,
            habits,
            roads: Roads::of(seed, weather.is_whole(), callers, &listeners),
            callers,
            listeners,
            calm_at,
            silence_after: Duration::from_secs(dice.one_of(&[2, 5, 10])),
            worker_us: dice.one_of(&[0, 300, 300, 5_000, 40_000]),
            timers_first: dice.chance(500),
            dispatch: if dice.chance(200) { dispatch::Settings::default() } else { hurried() },
            port_pairs: if dice.chance(80) { dice.between(2, 4) as u16 } else { 64 },
            civil_ms: if dice.chance(400) { dice.one_of(&MOMENTS) } else { MOMENTS[0] },
            civil_step_ms: if dice.chance(150) { dice.one_of(&[-3_600_000, 3_600_000, 86_400_000]) } else { 0 },
        }
    }
}

fn weather(dice: &mut IdSource) -> Weather {
    match dice.below(4) {
        0 => Weather::CALM,
        1 => {
            let delay_min_ms = dice.between(1, 30);
            let delay_max_ms = if dice.chance(500) { delay_min_ms } else { delay_min_ms + dice.between(1, 30) };
            Weather { delay_min_ms, delay_max_ms, ..Weather::CALM }
        }
        _ => {
            let delay_min_ms = dice.between(1, 20);
            Weather {
                loss: if dice.chance(800) { dice.between(5, 200) } else { 0 },
                duplicate: if dice.chance(600) { dice.between(1, 50) } else { 0 },
                delay_min_ms,
                delay_max_ms: delay_min_ms + dice.between(0, 60),
                spike: if dice.chance(300) { dice.between(1, 50) } else { 0 },
                spike_ms: dice.between(50, 600),
                stale: if dice.chance(250) { dice.between(1, 30) } else { 0 },
                cuts: dice.chance(300),
                stalls: dice.chance(60),
            }
        }
    }
}

fn habits(dice: &mut IdSource) -> Habits {
    let mut often = || dice.chance(450);
    Habits {
        callers_hang_up_anywhere: often(),
        callers_hang_up_at_answer: often(),
        callers_vanish: often(),
        callers_call_again: often(),
        callers_hold: often(),
        callers_key_nonsense: often(),
        callers_dial_wrong: often(),
        listeners_decline: often(),
        listeners_are_busy: often(),
        listeners_ring_out: often(),
        listeners_answer_late: often(),
        listeners_vanish: often(),
        listeners_answer_twice: often(),
        listeners_hold: often(),
        listeners_pause: often(),
        staff_ends_calls: dice.chance(100),
        staff_reloads: dice.chance(200),
        staff_drains: dice.chance(60),
    }
}

/// Everything that makes a listener wait is short, so that the same people meet often.
fn hurried() -> dispatch::Settings {
    let short = Penalties {
        declined: Duration::from_secs(2),
        busy: Duration::from_millis(1500),
        no_answer: Duration::from_secs(2),
        unreachable: Duration::from_secs(1),
        failed: Duration::from_millis(500),
    };
    dispatch::Settings {
        wrap_up: Duration::from_secs(3),
        cool_down: short,
        exclusion: Penalties { declined: Duration::from_secs(6), ..short },
        ..dispatch::Settings::default()
    }
}
