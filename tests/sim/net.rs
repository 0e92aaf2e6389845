//! The virtual network: what becomes of each packet.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ecoute::clock::Instant;
use ecoute::ids::IdSource;

use crate::dice::Dice;
use crate::nature::Weather;

/// The network of one run.
#[derive(Debug)]
pub struct Net {
    weather: Weather,
    calm_at: Instant,
    dice: IdSource,
    /// Hosts that are cut off, and until when.
    cuts: Vec<(IpAddr, Instant)>,
    /// When the last media packet of each way arrives.
    lanes: BTreeMap<(IpAddr, IpAddr), Instant>,
}

/// Of a thousand media packets, those that straggle and are overtaken. The rest queue up behind each other, as in a real
/// router.
const STRAGGLERS: u64 = 30;
/// By how much, milliseconds: less than a key is pressed for.
const STRAGGLE_MS: u64 = 60;

impl Net {
    /// `weather` until `calm_at`, the calm afterwards.
    pub fn new(weather: Weather, calm_at: Instant, dice: IdSource) -> Net {
        Net { weather, calm_at, dice, cuts: Vec::new(), lanes: BTreeMap::new() }
    }

    /// Cuts a host off.
    pub fn cut(&mut self, host: IpAddr, until: Instant) {
        self.cuts.push((host, until.min(self.calm_at)));
    }

    /// How long each copy of a packet is under way: none when it is lost, two when it comes twice.
    pub fn fate(&mut self, now: Instant, from: IpAddr, to: IpAddr) -> [Option<Duration>; 2] {
        if now >= self.calm_at {
            return [Some(Duration::from_millis(Weather::CALM.delay_min_ms)), None];
        }
        if self.cuts.iter().any(|(host, until)| now < *until && (*host == from || *host == to)) {
            return [None, None];
        }
        let weather = self.weather;
        if weather.loss > 0 && self.dice.chance(weather.loss) {
            return [None, None];
        }
        let first = self.way();
        let twice = weather.duplicate > 0 && self.dice.chance(weather.duplicate);
        [Some(first), twice.then(|| self.way())]
    }

    /// The same for a SIP datagram, which may also lie somewhere for seconds: less than T4, or it would not be SIP's network.
    pub fn datagram_fate(&mut self, now: Instant, from: IpAddr, to: IpAddr) -> [Option<Duration>; 2] {
        let mut fate = self.fate(now, from, to);
        if now < self.calm_at && self.weather.stale > 0 && self.dice.chance(self.weather.stale) {
            let longer = self.dice.span_ms(800, 4500);
            let copy = usize::from(fate[1].is_some());
            fate[copy] = fate[copy].map(|way| way + longer);
        }
        fate
    }

    /// The same for a packet of a stream, whose packets mostly keep their order.
    pub fn stream_fate(&mut self, now: Instant, from: IpAddr, to: IpAddr) -> [Option<Duration>; 2] {
        let [Some(way), second] = self.fate(now, from, to) else { return [None, None] };
        let lane = self.lanes.entry((from, to)).or_default();
        let at = (*lane).max(now + way);
        if now < self.calm_at && self.weather.delay_min_ms < self.weather.delay_max_ms && self.dice.chance(STRAGGLERS) {
            return [Some(at.since(now) + self.dice.span_ms(0, STRAGGLE_MS)), second];
        }
        *lane = at;
        [Some(at.since(now)), second]
    }

    /// How long a piece of a connection's bytes is under way: what is lost is sent again, ever more slowly.
    pub fn stream_way(&mut self, now: Instant, from: IpAddr, to: IpAddr) -> Duration {
        let mut again = Duration::from_millis(200);
        let mut waited = Duration::ZERO;
        loop {
            if let [Some(way), _] = self.fate(now + waited, from, to) {
                return waited + way;
            }
            waited += again;
            again = (again * 2).min(Duration::from_secs(3));
        }
    }

    fn way(&mut self) -> Duration {
        let Weather { delay_min_ms, delay_max_ms, spike, spike_ms, .. } = self.weather;
        let way = if delay_min_ms == delay_max_ms {
            Duration::from_millis(delay_min_ms)
        } else {
            self.dice.span_ms(delay_min_ms, delay_max_ms)
        };
        if spike > 0 && self.dice.chance(spike) { way + Duration::from_millis(spike_ms) } else { way }
    }
}
