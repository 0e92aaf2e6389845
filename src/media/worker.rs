//! The thread around the core: it waits for packets, the beat and commands, and hands each to the [`Plane`].
//!
//! It wakes for every packet while there is little to do, so that a voice is delayed by microseconds; and when there is
//! much, once in a millisecond, since waking costs more than the packet. The beat is kept by a timer that is set to
//! absolute times: a late wake-up makes one frame late, never the next.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError, bounded};
use rustix::buffer::spare_capacity;
use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::thread::{CpuSet, clock_nanosleep_relative, sched_setaffinity};
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

use crate::clock::Instant;
use crate::ids::IdSource;

use super::plane::Totals;
use super::{Command, Counters, DropReason, Output, Plane, Report, Settings, SocketIo, WorkerHandle};

const WAKE: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;
/// Packets taken between two looks at the clock and the commands.
const BATCH: usize = 64;
/// Commands done between two looks at the packets.
const COMMANDS_AT_ONCE: usize = 64;
/// Longer datagrams are cut, and refused as too long for voice.
const DATAGRAM: usize = 2048;

/// How the thread is run.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// The thread's name, as the system shows it.
    pub name: String,
    /// Keep to this core.
    pub core: Option<usize>,
    /// Run before all ordinary work (`SCHED_FIFO`) at this priority. Needs the right to; without it the thread runs as
    /// usual, and [`Counters::is_realtime`] says so.
    pub realtime: Option<u8>,
    /// Above so many packets a second, wake once in a millisecond instead of for each packet; 0 never does.
    pub tick_above_pps: u32,
    /// Commands that may wait.
    pub commands: usize,
    /// Reports that may wait before the worker keeps them itself.
    pub reports: usize,
}

impl Default for WorkerOptions {
    fn default() -> WorkerOptions {
        WorkerOptions {
            name: "media".to_owned(),
            core: None,
            realtime: None,
            tick_above_pps: 30_000,
            commands: 4096,
            reports: 4096,
        }
    }
}

/// One media thread.
pub struct Worker<C> {
    clock: C,
    plane: Plane,
    io: SocketIo,
    commands: Receiver<Command>,
    reports: Sender<Report>,
    /// A report the reader had no room for.
    held: Option<Report>,
    wake: Arc<OwnedFd>,
    timer: OwnedFd,
    armed_for: Instant,
    counters: Arc<Counters>,
    published_at: Instant,
    published: Totals,
    tick_above_pps: u32,
    ticking: bool,
    /// The last look found as much as it could take: there is more, so no rest yet.
    more: bool,
}

impl<C: Fn() -> Instant + Send + 'static> Worker<C> {
    /// Start a media thread. `clock` tells the time; chance comes from `ids`.
    pub fn spawn(settings: Settings, options: WorkerOptions, ids: IdSource, clock: C) -> io::Result<WorkerHandle> {
        let socket_io = SocketIo::new(&settings)?;
        let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        epoll::add(socket_io.epoll(), &*wake, epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
        epoll::add(socket_io.epoll(), &timer, epoll::EventData::new_u64(TIMER), epoll::EventFlags::IN)?;
        let (command_in, commands) = bounded(options.commands.max(1));
        let (reports, report_out) = bounded(options.reports.max(1));
        let counters = Arc::new(Counters::default());
        counters.ports_free.store(socket_io.ports_free() as u64, Relaxed);
        let worker = Worker {
            plane: Plane::new(settings, ids),
            io: socket_io,
            commands,
            reports,
            held: None,
            wake: Arc::clone(&wake),
            timer,
            armed_for: Instant::FAR,
            counters: Arc::clone(&counters),
            published_at: clock(),
            published: Totals::default(),
            tick_above_pps: options.tick_above_pps,
            ticking: false,
            more: false,
            clock,
        };
        let (core, realtime) = (options.core, options.realtime);
        let thread = std::thread::Builder::new().name(options.name).spawn(move || {
            worker.settle(core, realtime);
            worker.run();
        })?;
        Ok(WorkerHandle { commands: Some(command_in), reports: report_out, wake, counters, thread: Some(thread) })
    }

    /// Take the core and the priority wished for.
    fn settle(&self, core: Option<usize>, realtime: Option<u8>) {
        if let Some(core) = core.filter(|core| *core < CpuSet::MAX_CPU) {
            let mut cores = CpuSet::new();
            cores.set(core);
            // A core that is not ours to have: run where we are let.
            let _ = sched_setaffinity(None, &cores);
        }
        let granted = realtime.is_some_and(become_realtime);
        self.counters.realtime.store(u64::from(granted), Relaxed);
    }

    fn run(mut self) {
        let mut buffer = [0; DATAGRAM];
        let mut events = Vec::with_capacity(BATCH);
        loop {
            let now = (self.clock)();
            if !self.do_commands(now) {
                return;
            }
            self.keep_beat(now);
            self.deliver();
            self.publish(now);
            if !self.wait(&mut events) {
                return;
            }
            let now = (self.clock)();
            for event in events.drain(..) {
                let event: epoll::Event = event;
                match event.data.u64() {
                    WAKE => {
                        let _ = rustix::io::read(&*self.wake, &mut [0u8; 8]);
                    }
                    // Setting it anew silences it.
                    TIMER => self.armed_for = Instant::FAR,
                    mark => {
                        let (slot, kind) = SocketIo::marked(mark);
                        if let Some((length, from)) = self.io.receive(slot, kind, &mut buffer) {
                            self.plane.handle_packet(now, slot, kind, from, &mut buffer[..length], &mut self.io);
                        }
                    }
                }
            }
        }
    }

    /// Do what waits to be done; `false` when the owner is gone.
    fn do_commands(&mut self, now: Instant) -> bool {
        for _ in 0..COMMANDS_AT_ONCE {
            match self.commands.try_recv() {
                Ok(command) => self.plane.handle_command(now, command, &mut self.io),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
        // More are waiting: do not sleep.
        let _ = rustix::io::write(&*self.wake, &1u64.to_ne_bytes());
        true
    }

    fn keep_beat(&mut self, now: Instant) {
        let due = self.plane.next_beat();
        if due <= now {
            let late = now.since(due).as_micros() as u64;
            self.counters.beat_late_us.store(late, Relaxed);
            self.counters.beat_late_us_max.fetch_max(late, Relaxed);
            self.plane.handle_beat(now, &mut self.io);
        }
    }

    /// Hand reports over while there is room.
    fn deliver(&mut self) {
        loop {
            let report = match self.held.take() {
                Some(report) => report,
                None => match self.plane.poll_output() {
                    Output::Report(report) => report,
                    Output::Timeout(_) => return,
                },
            };
            match self.reports.try_send(report) {
                Ok(()) | Err(TrySendError::Disconnected(_)) => {}
                Err(TrySendError::Full(report)) => {
                    self.held = Some(report);
                    return;
                }
            }
        }
    }

    /// Sleep until there is something to do; `false` when waiting itself fails, which leaves nothing to live for.
    fn wait(&mut self, events: &mut Vec<epoll::Event>) -> bool {
        let mut timeout = None;
        if self.ticking && self.more {
            timeout = Some(Timespec::default());
        } else if self.ticking {
            let rest = 1000 - (self.clock)().as_micros() % 1000;
            // A signal may cut it short: then this turn comes early.
            let _ = clock_nanosleep_relative(ClockId::Monotonic, &timespec(Duration::from_micros(rest)));
            timeout = Some(Timespec::default());
        } else {
            self.arm();
            if self.held.is_some() {
                // The reader has no bell to ring when it has made room.
                timeout = Some(timespec(Duration::from_millis(5)));
            }
        }
        match epoll::wait(self.io.epoll(), spare_capacity(events), timeout.as_ref()) {
            Ok(count) => {
                self.more = count >= BATCH;
                true
            }
            Err(rustix::io::Errno::INTR) => true,
            Err(_) => false,
        }
    }

    /// Set the timer to the next beat.
    fn arm(&mut self) {
        let due = self.plane.next_beat();
        if due == self.armed_for {
            return;
        }
        self.armed_for = due;
        // Zero would switch it off, and far away is the same as off.
        let wait = due.since((self.clock)()).clamp(Duration::from_nanos(1), Duration::from_secs(3600));
        let once = Itimerspec { it_interval: Timespec::default(), it_value: timespec(wait) };
        let _ = timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once);
    }

    fn publish(&mut self, now: Instant) {
        let since = now.since(self.published_at);
        // What opens or closes is told at once: after the last stream nothing wakes the thread to tell it later.
        let streams = self.plane.streams() as u64;
        let changed = self.counters.streams.load(Relaxed) != streams;
        if since < Duration::from_millis(20) && !changed {
            return;
        }
        let totals = self.plane.totals();
        let packets = totals.packets_in - self.published.packets_in;
        let pps = packets * 1000 / (since.as_millis() as u64).max(1);
        // Half of the limit ends it, so that it does not come and go.
        let limit = u64::from(self.tick_above_pps);
        self.ticking = limit > 0 && pps > if self.ticking { limit / 2 } else { limit };
        let counters = &self.counters;
        counters.streams.store(streams, Relaxed);
        counters.ports_free.store(self.io.ports_free() as u64, Relaxed);
        counters.packets_in.store(totals.packets_in, Relaxed);
        counters.packets_out.store(totals.packets_out, Relaxed);
        counters.reports_lost.store(totals.reports_lost, Relaxed);
        counters.ticking.store(u64::from(self.ticking), Relaxed);
        for reason in DropReason::ALL {
            counters.dropped[reason as usize].store(totals.dropped.of(reason), Relaxed);
        }
        self.published_at = now;
        self.published = totals;
    }
}

fn timespec(span: Duration) -> Timespec {
    Timespec { tv_sec: span.as_secs() as i64, tv_nsec: span.subsec_nanos().into() }
}

/// Run before all ordinary work.
#[expect(unsafe_code, reason = "one system call that has no safe wrapper among our dependencies")]
fn become_realtime(priority: u8) -> bool {
    let wish = libc::sched_param { sched_priority: priority.clamp(1, 99).into() };
    // SAFETY: 0 is the calling thread, and the call reads `wish`, which outlives it.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &wish) == 0 }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

    use super::*;
    use crate::ids::{CallId, LegId};
    use crate::media::{OpenError, PlaybackId, Prompt};
    use crate::sdp::{Audio, Codec, Direction};

    const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[expect(clippy::disallowed_methods, reason = "a test of the thread needs the real clock")]
    fn clock() -> impl Fn() -> Instant + Send + Copy + 'static {
        let begin = std::time::Instant::now();
        move || Instant::from_micros(begin.elapsed().as_micros() as u64)
    }

    #[expect(clippy::disallowed_methods, reason = "a test of the thread needs real sockets")]
    fn telephone() -> UdpSocket {
        let socket = UdpSocket::bind((LOCAL, 0)).expect("a port");
        socket.set_read_timeout(Some(Duration::from_millis(500))).expect("set");
        socket
    }

    fn leg(nth: u16) -> LegId {
        LegId { call: CallId::from_raw(1), nth }
    }

    fn worker(ports: std::ops::RangeInclusive<u16>) -> WorkerHandle {
        let settings = Settings::new(LOCAL, ports);
        Worker::spawn(settings, WorkerOptions::default(), IdSource::from_number(1), clock()).expect("a thread")
    }

    fn report(worker: &WorkerHandle) -> Report {
        worker.reports().recv_timeout(Duration::from_secs(2)).expect("a report")
    }

    fn open(worker: &WorkerHandle, leg: LegId, telephone: &UdpSocket) -> SocketAddr {
        worker.send(Command::Open { leg }).expect("room");
        let Report::Opened { rtp, .. } = report(worker) else { panic!("not opened") };
        configure(worker, leg, telephone.local_addr().expect("bound"));
        rtp
    }

    fn configure(worker: &WorkerHandle, leg: LegId, telephone: SocketAddr) {
        let audio = Audio {
            remote_rtp: Some(telephone),
            remote_rtcp: None,
            codec: Codec::Pcma,
            send_payload_type: 8,
            receive_payload_types: vec![(8, Codec::Pcma)],
            send_event_type: Some(101),
            receive_event_type: Some(101),
            event_clock_hz: 8000,
            other_event_types: Vec::new(),
            direction: Direction::SendRecv,
            ptime_ms: 20,
            held: false,
        };
        worker.send(Command::Configure { leg, audio: Box::new(audio), signalling_source: LOCAL }).expect("room");
    }

    /// Wait until all commands are done.
    fn settle(worker: &WorkerHandle) {
        let nothing = Command::Play { leg: leg(0), playback: PlaybackId(9), prompts: Vec::new(), repeat: None };
        worker.send(nothing).expect("room");
        while !matches!(report(worker), Report::PlaybackEnded { playback: PlaybackId(9), .. }) {}
    }

    fn packet(number: u16, voice: u8) -> [u8; 172] {
        let mut packet = [voice; 172];
        let timestamp = u32::from(number) * 160;
        let head = packet.first_chunk_mut().expect("long enough");
        crate::media::rtp::write(head, 8, false, number, timestamp, 5);
        packet
    }

    /// Two telephones on real sockets hear each other, every packet, within a few milliseconds.
    #[test]
    fn two_telephones_are_joined() {
        let worker = worker(31_300..=31_309);
        let (one, other) = (telephone(), telephone());
        let to_one = open(&worker, leg(0), &one);
        let to_other = open(&worker, leg(1), &other);
        worker.send(Command::Bridge { a: leg(0), b: leg(1) }).expect("room");
        settle(&worker);
        let clock = clock();
        let mut delays = Vec::new();
        let beat = crossbeam_channel::tick(Duration::from_millis(20));
        for number in 0..50 {
            beat.recv().expect("it ticks on");
            let sent_at = clock();
            for (from, to, hearing) in [(&one, to_one, &other), (&other, to_other, &one)] {
                let voice = 0x80 + number as u8;
                from.send_to(&packet(number, voice), to).expect("sent");
                let mut buffer = [0; 2048];
                // Silence sent before may still be waiting.
                let heard = (0..100)
                    .any(|_| hearing.recv_from(&mut buffer).is_ok_and(|(length, _)| buffer[length - 1] == voice));
                assert!(heard, "packet {number}");
            }
            delays.push(clock().since(sent_at).as_micros() / 2);
        }
        delays.sort_unstable();
        println!("added by a bridge: {} µs in the middle, {} µs at most", delays[25], delays[49]);
        assert!(delays[25] < 5000);
        for nth in 0..2 {
            worker.send(Command::Close { leg: leg(nth) }).expect("room");
        }
        let closed = std::iter::from_fn(|| Some(report(&worker))).filter_map(|report| match report {
            Report::Closed { stats, .. } => Some(stats),
            _ => None,
        });
        assert!(
            closed
                .take(2)
                .all(|stats| stats.packets_in == 50 && stats.packets_out >= 50 && stats.dropped.faults() == 0)
        );
        worker.stop();
    }

    /// A prompt leaves on the beat: fifty frames in a second, and the worker tells its end.
    #[test]
    fn a_prompt_keeps_the_beat() {
        let worker = worker(31_310..=31_319);
        let one = telephone();
        open(&worker, leg(0), &one);
        let prompt = Arc::new(Prompt::tone("tone", 440, Duration::from_secs(1)));
        let play = Command::Play { leg: leg(0), playback: PlaybackId(1), prompts: vec![prompt], repeat: None };
        worker.send(play).expect("room");
        let clock = clock();
        let mut arrivals = Vec::new();
        let mut buffer = [0; 2048];
        while arrivals.len() < 50 {
            one.recv_from(&mut buffer).expect("a frame");
            arrivals.push(clock().as_millis());
        }
        assert!(matches!(report(&worker), Report::PlaybackEnded { playback: PlaybackId(1), .. }));
        assert!((960..1100).contains(&(arrivals[49] - arrivals[0])), "{arrivals:?}");
        assert!(worker.counters().packets_out() >= 45 && worker.counters().streams() == 1);
    }

    /// One worker can be both ends, as in a demonstration: keys pressed on one leg are heard on the other, and the tone
    /// played on that one is recognised on the first.
    #[test]
    fn both_ends_on_one_worker() {
        let settings = Settings { send_to_own_ports: true, ..Settings::new(LOCAL, 31_330..=31_339) };
        let options = WorkerOptions { realtime: Some(1), core: Some(0), ..WorkerOptions::default() };
        let worker = Worker::spawn(settings, options, IdSource::from_number(1), clock()).expect("a thread");
        let mut ports = Vec::new();
        for nth in 0..2 {
            worker.send(Command::Open { leg: leg(nth) }).expect("room");
            let Report::Opened { rtp, .. } = report(&worker) else { panic!("not opened") };
            ports.push(rtp);
        }
        configure(&worker, leg(0), ports[1]);
        configure(&worker, leg(1), ports[0]);
        let tone = vec![Arc::new(Prompt::tone("tone", 700, Duration::from_millis(500)))];
        for command in [
            Command::Monitor { leg: leg(0), frequencies: vec![400, 700] },
            Command::Play { leg: leg(1), playback: PlaybackId(1), prompts: tone, repeat: Some(Duration::ZERO) },
            Command::SendDigits { leg: leg(0), digits: "15#".to_owned() },
        ] {
            worker.send(command).expect("room");
        }
        let (mut keys, mut tones) = (String::new(), 0);
        while keys != "15#" || tones < 3 {
            match report(&worker) {
                Report::Digit { leg: heard_on, digit, .. } if heard_on == leg(1) => keys.push(digit),
                Report::Tone { leg: heard_on, hz: 700, share } if heard_on == leg(0) && share > 0.9 => tones += 1,
                _ => {}
            }
        }
    }

    /// Ports that run out are an answer, not a hang; a full ring gives the command back; the thread ends with its handle.
    #[test]
    fn limits_and_the_end() {
        // A ring of one: a worker that is quick to empty it is still found with a command in it.
        let options = WorkerOptions { commands: 1, ..WorkerOptions::default() };
        let settings = Settings::new(LOCAL, 31_320..=31_321);
        let worker = Worker::spawn(settings, options, IdSource::from_number(1), clock()).expect("a thread");
        worker.send(Command::Open { leg: leg(0) }).expect("room");
        assert!(matches!(report(&worker), Report::Opened { .. }));
        worker.send(Command::Open { leg: leg(1) }).expect("room");
        assert_eq!(report(&worker), Report::OpenFailed { leg: leg(1), why: OpenError::NoPorts });
        let flood = (0..1_000_000).map(|_| worker.send(Command::Stop { leg: leg(0), playback: PlaybackId(0) }));
        assert!(flood.into_iter().any(|sent| sent.is_err()), "a ring has an end");
        assert!(worker.is_alive());
        let counters = Arc::clone(worker.counters());
        worker.stop();
        assert!(Arc::into_inner(counters).is_some(), "the thread has let go of everything");
    }
}
