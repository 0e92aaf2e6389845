//! `ecoute call sip:3977@host`: dials a running node with a softphone of ours, speaks a tone, and tells what it hears.

use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;

use crate::node::{PhoneAction, PhoneEvent, Softphone, SystemClock, id_source, softphone_settings, tone};

use super::ladder::{self, Rung};

/// Arguments of `ecoute call`.
#[derive(Debug, Args)]
pub(super) struct CallArguments {
    /// Whom to dial: sip:3977@127.0.0.1 or sip:3977@host:port.
    uri: String,
    /// Our address's user part: a number, or an account name.
    #[arg(long, default_value = "0476000102")]
    user: String,
    /// The account's password, when the node asks for one.
    #[arg(long)]
    password: Option<String>,
    /// Our own address.
    #[arg(long, default_value = "127.0.0.1:0")]
    local: SocketAddr,
    /// Our media ports, the first of a hundred.
    #[arg(long, default_value_t = 39_000)]
    media_port: u16,
    /// Keys, each after so many seconds of the call: 5:1 or 8:38000.
    #[arg(long = "key", value_name = "SECONDS:KEYS")]
    keys: Vec<String>,
    /// The tone we speak, hertz.
    #[arg(long, default_value_t = 1000)]
    speak: u16,
    /// Tones to listen for, hertz.
    #[arg(long, value_delimiter = ',')]
    listen: Vec<u16>,
    /// Hang up after so many seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
}

pub(super) fn call(arguments: &CallArguments) -> anyhow::Result<ExitCode> {
    let (to, server) = target(&arguments.uri)?;
    let clock = SystemClock::start();
    let settings = softphone_settings(
        &arguments.user,
        arguments.password.as_deref(),
        arguments.local,
        server,
        arguments.media_port,
    );
    let phone = Softphone::start(settings, clock, id_source()?)?;
    phone.act(PhoneAction::Speak(Arc::new(tone(arguments.speak))));
    if !arguments.listen.is_empty() {
        phone.act(PhoneAction::Listen(arguments.listen.clone()));
    }
    let mut keys = arguments.keys.iter().map(|text| key(text)).collect::<anyhow::Result<Vec<_>>>()?;
    keys.sort();
    let began = clock.at();
    phone.act(PhoneAction::Dial { to });
    let mut rungs = vec![Rung { at: Duration::ZERO, who: "caller".into(), what: "INVITE".into() }];
    let (mut connected, mut heard, mut tones) = (None, false, Vec::new());
    let mut outcome = None;
    let mut hung_up = false;
    while outcome.is_none() {
        let since = clock.at().since(began);
        while let Some((_, digits)) = keys.first().filter(|(at, _)| *at <= since).cloned() {
            keys.remove(0);
            phone.act(PhoneAction::Press(digits));
        }
        if since >= Duration::from_secs(arguments.seconds) && !hung_up {
            hung_up = true;
            phone.act(PhoneAction::Hangup);
        }
        if since >= Duration::from_secs(arguments.seconds + 5) {
            break;
        }
        let Ok((at, event)) = phone.events().recv_timeout(Duration::from_millis(50)) else { continue };
        let since = at.since(began);
        let what = match event {
            PhoneEvent::Progress(status) => format!("{status}"),
            PhoneEvent::Connected => {
                connected = Some(since);
                "200, ACK".into()
            }
            PhoneEvent::Heard => {
                heard = true;
                "first sound".into()
            }
            PhoneEvent::Tone { hz, share } if share > 0.5 && !tones.contains(&hz) => {
                tones.push(hz);
                format!("hears {hz} Hz")
            }
            PhoneEvent::Refused(status) => {
                outcome = Some(format!("refused {status}"));
                format!("refused with {status}")
            }
            PhoneEvent::Over { by_peer } => {
                outcome = Some(if by_peer { "the other side hung up" } else { "we hung up" }.to_owned());
                "BYE".into()
            }
            _ => continue,
        };
        rungs.push(Rung { at: since, who: "caller".into(), what });
    }
    print!("{}", ladder::draw(&["caller"], &rungs));
    let answered_ms = connected.map(|span| (span.as_secs_f64() * 100_000.0).round() / 100.0);
    let line = json!({
        "answered": connected.is_some(), "invite_to_answer_ms": answered_ms, "heard": heard,
        "tones": tones, "ended": outcome,
    });
    println!("{line}");
    Ok(if connected.is_some() && heard { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn key(text: &str) -> anyhow::Result<(Duration, String)> {
    let (seconds, keys) = text.split_once(':').with_context(|| format!("--key {text}: SECONDS:KEYS is expected"))?;
    let seconds: f64 = seconds.parse().with_context(|| format!("--key {text}: seconds are expected before `:`"))?;
    if !(0.0..=86_400.0).contains(&seconds) {
        bail!("--key {text}: more than a day is no time for a key");
    }
    Ok((Duration::from_secs_f64(seconds), keys.to_owned()))
}

/// `sip:3977@host[:port]` → what to dial, and where.
fn target(uri: &str) -> anyhow::Result<(String, SocketAddr)> {
    let rest = uri.strip_prefix("sip:").unwrap_or(uri);
    let (user, host) = rest.split_once('@').with_context(|| format!("{uri}: sip:NUMBER@HOST is expected"))?;
    let host = host.split([';', '?']).next().unwrap_or(host);
    let with_port = if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        host.to_owned()
    } else {
        format!("{host}:5060")
    };
    let address = with_port
        .to_socket_addrs()
        .with_context(|| format!("{host} is not a host"))?
        .next()
        .with_context(|| format!("{host} has no address"))?;
    Ok((user.to_owned(), address))
}
