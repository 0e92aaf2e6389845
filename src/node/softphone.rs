//! A [`Phone`] with a socket, a media worker and a thread: a real softphone on the network.

use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, never, select, unbounded};

use crate::clock::Instant;
use crate::ids::IdSource;
use crate::media::{self, Prompt, Worker, WorkerHandle, WorkerOptions};
use crate::net::{BindError, UdpEndpoint};
use crate::sdp::Capabilities;
use crate::sip::Headers;

use super::clock::SystemClock;
use super::phone::{Phone, PhoneAction, PhoneEvent, PhoneInput, PhoneOutput, PhoneSettings};
use super::receiver;

/// What a softphone is started with.
#[derive(Clone, Debug)]
pub struct SoftphoneSettings {
    /// Who it is; port 0 of `local` takes any free port.
    pub phone: PhoneSettings,
    /// Its media ports.
    pub media_ports: RangeInclusive<u16>,
}

/// The settings of an ordinary softphone: G.711, keys by RFC 4733, a hundred media ports from `media_port`.
pub fn softphone_settings(
    user: &str,
    password: Option<&str>,
    local: SocketAddr,
    server: SocketAddr,
    media_port: u16,
) -> SoftphoneSettings {
    let phone = PhoneSettings {
        user: user.to_owned(),
        password: password.map(str::to_owned),
        domain: server.ip().to_string(),
        local,
        server,
        number: 0,
        capabilities: Capabilities::default(),
        headers: Headers::none(),
    };
    SoftphoneSettings { phone, media_ports: media_port..=media_port.saturating_add(99) }
}

/// A tone to speak.
pub fn tone(hz: u16) -> Prompt {
    Prompt::tone("tone", hz, Duration::from_secs(2))
}

/// Why a softphone cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SoftphoneError {
    /// Its SIP socket.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A thread, or its media sockets.
    #[error("the system refused a thread or a socket: {0}")]
    System(#[from] io::Error),
}

/// A running softphone. Dropping it ends it without a goodbye: hang up and unregister first.
#[derive(Debug)]
pub struct Softphone {
    actions: Option<Sender<PhoneAction>>,
    events: Receiver<(Instant, PhoneEvent)>,
    thread: Option<JoinHandle<()>>,
}

impl Softphone {
    /// Starts one.
    pub fn start(
        mut settings: SoftphoneSettings,
        clock: SystemClock,
        mut ids: IdSource,
    ) -> Result<Softphone, SoftphoneError> {
        let socket = UdpEndpoint::bind(settings.phone.local, "the softphone's address")?;
        settings.phone.local = socket.local();
        let media_settings = media::Settings::new(socket.local().ip(), settings.media_ports.clone());
        let options = WorkerOptions { name: format!("media-{}", settings.phone.user), ..WorkerOptions::default() };
        let worker = Worker::spawn(media_settings, options, ids.fork(), move || clock.at())?;
        let (inbox, datagrams) = bounded(1024);
        let receiver = receiver::Receiver::spawn("phone-net", socket.try_clone()?, inbox)?;
        let (actions, acts) = unbounded();
        let (happened, events) = unbounded();
        let phone = Phone::new(settings.phone, ids);
        let thread = std::thread::Builder::new().name("phone".into()).spawn(move || {
            let mut run = Run { phone, socket, worker, clock, happened };
            run.run(&acts, &datagrams);
            drop(receiver);
        })?;
        Ok(Softphone { actions: Some(actions), events, thread: Some(thread) })
    }

    /// Does something.
    pub fn act(&self, action: PhoneAction) {
        if let Some(actions) = &self.actions {
            // A phone that is gone hears nothing, and whoever waits for its events learns it there.
            let _ = actions.send(action);
        }
    }

    /// What happens to it, and when.
    pub fn events(&self) -> &Receiver<(Instant, PhoneEvent)> {
        &self.events
    }
}

impl Drop for Softphone {
    fn drop(&mut self) {
        self.actions = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Run {
    phone: Phone,
    socket: UdpEndpoint,
    worker: WorkerHandle,
    clock: SystemClock,
    happened: Sender<(Instant, PhoneEvent)>,
}

impl Run {
    fn run(&mut self, acts: &Receiver<PhoneAction>, datagrams: &Receiver<receiver::Arrived>) {
        let mut at = None;
        loop {
            let wait: Option<Duration> = at.map(|at: Instant| at.since(self.clock.at()));
            let alarm = wait.map_or_else(never, crossbeam_channel::after);
            let reports = self.worker.reports().clone();
            select! {
                recv(acts) -> action => match action {
                    Ok(action) => at = self.tell(PhoneInput::Act(action)),
                    Err(_) => return,
                },
                recv(datagrams) -> datagram => {
                    let Ok(receiver::Arrived { flow, bytes }) = datagram else { return };
                    at = self.tell(PhoneInput::Datagram { flow, bytes: &bytes });
                }
                recv(reports) -> report => {
                    let Ok(report) = report else { return };
                    at = self.tell(PhoneInput::Report(report));
                }
                recv(alarm) -> _ => at = self.tell(PhoneInput::Timeout),
            }
        }
    }

    fn tell(&mut self, input: PhoneInput<'_>) -> Option<Instant> {
        let now = self.clock.at();
        self.phone.handle_input(now, input);
        loop {
            match self.phone.poll_output() {
                PhoneOutput::Transmit { flow, bytes } => {
                    if let Err(fault) = self.socket.send(flow.remote, &bytes) {
                        tracing::debug!(%fault, "a datagram could not be sent");
                    }
                }
                PhoneOutput::Media(command) => {
                    if let Err(fault) = self.worker.send(command) {
                        tracing::error!(%fault, "the softphone's media worker is stuck");
                    }
                }
                PhoneOutput::Event(event) => {
                    let _ = self.happened.send((now, event));
                }
                PhoneOutput::Timeout(at) => return at,
            }
        }
    }
}
