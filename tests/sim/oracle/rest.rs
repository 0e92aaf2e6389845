//! What is left when everybody has gone home: nothing.

use ecoute::node::ShardCounts;
use ecoute::sip;

use super::{Oracle, View};

impl Oracle {
    /// The run is over.
    pub fn at_the_end(&mut self, view: &View<'_>) {
        let now = view.now;
        self.judge_the_wire(now);
        let counts = view.engine.shard.counts();
        let empty = ShardCounts {
            dispatch: ecoute::dispatch::Counts {
                listeners: counts.dispatch.listeners,
                rings: counts.dispatch.rings,
                ..Default::default()
            },
            ..ShardCounts::default()
        };
        if counts != empty {
            self.fail(now, format!("something is left in the engine: {counts:?}"));
        }
        if view.engine.plane.streams() != 0 || view.engine.ports.open() != 0 {
            let (streams, ports) = (view.engine.plane.streams(), view.engine.ports.open());
            self.fail(now, format!("{streams} streams and {ports} pairs of ports are left in the engine"));
        }
        for device in view.devices.iter().filter(|device| device.alive) {
            let (counts, ports) = (device.phone.counts(), device.ports.open());
            if device.phone.is_busy() || counts != sip::Counts::default() || ports != 0 {
                let (name, busy) = (&device.name, device.phone.is_busy());
                let why = format!("something is left in {name}: busy {busy}, {ports} ports, {counts:?}");
                self.fail(now, why);
            }
        }
        if self.draining && !view.engine.shard.is_drained() {
            self.fail(now, "the node was told to stop, all is over, and it does not say so".into());
        }
        if self.began != self.recorded {
            self.fail(now, format!("{} calls began, and {} are on record", self.began, self.recorded));
        }
        if let Some((call, told)) = self.calls.iter().find(|(_, told)| told.record.is_none()) {
            let why = format!("{call} has no record; it is in {:?}", told.stage);
            self.fail(now, why);
        }
        let open = self.tries.iter().find(|one| one.over.is_none() && one.stayed());
        if let Some(open) = open {
            let why = format!("caller {} still waits in her call of {:?}", open.caller, open.dialled);
            self.fail(now, why);
        }
    }
}
