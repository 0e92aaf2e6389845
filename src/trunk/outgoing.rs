//! A call we place: what may be dialled, over which trunks and peers, and what each of them is told.
//!
//! The attempts are listed at once, the best first: trunks in the order of the set-up, the peers of each by priority and
//! share, those that are down only when nothing else is left. The owner tries one after the other as
//! [`Trunks::outcome`](super::Trunks::outcome) says; an address is tried once, and none that is not on the list (RFC 3263 §4.3).
//!
//! What is shown is a number of the trunk, never anybody else's: none is passed in. Emergency numbers are never dialled, since
//! from a trunk they reach the services of the trunk's commune, not those of the person in danger.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Instant;
use crate::france::{CallerNumber, as_dialled_in_france, normalise};
use crate::ids::PhoneNumber;
use crate::sip::message::Uri;
use crate::sip::{self, Credentials, Flow, Headers, Hidden, OutgoingInvite, Target};

use super::hop::Chance;
use super::line::{flow_from, transport_param};
use super::number::{Dialling, in_uri};
use super::{DialForm, FromUser, Hop, Host, Outgoing, Redirect, Reliable, Settings, TrunkId, Trunks};

/// A call to be placed.
#[derive(Clone, Debug)]
pub struct Dial {
    /// Whom to call.
    pub number: PhoneNumber,
    /// Is our number withheld? `None`: as the trunk says.
    pub hidden: Option<bool>,
    /// Over this trunk only.
    pub trunk: Option<TrunkId>,
}

impl Dial {
    /// To `number`, over whichever trunk can.
    pub fn to(number: PhoneNumber) -> Dial {
        Dial { number, hidden: None, trunk: None }
    }
}

/// One attempt: one peer of one trunk, and all it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The trunk; take a channel of it first.
    pub trunk: TrunkId,
    /// Its name.
    pub name: Arc<str>,
    /// The peer's address.
    pub hop: Hop,
    /// The way there.
    pub flow: Flow,
    /// The Request-URI.
    pub request_uri: Hidden,
    /// The URI in From.
    pub from_uri: Hidden,
    /// The display name in From.
    pub from_display: Hidden,
    /// For a 401 or 407.
    pub credentials: Option<Credentials>,
    /// P-Asserted-Identity, Privacy, Route.
    pub headers: Headers,
    /// How long the peer may stay silent before the next is tried.
    pub patience: Duration,
    /// What is agreed: codecs, session timer, reliable provisional responses.
    pub settings: Arc<Settings>,
    /// This attempt follows a 3xx already.
    redirected: bool,
}

impl Attempt {
    /// The INVITE of this attempt.
    pub fn invite(&self, sdp: Option<Vec<u8>>, ring_timeout: Duration) -> OutgoingInvite {
        OutgoingInvite {
            target: Target::Uri { uri: self.request_uri.clone(), flow: self.flow },
            from_uri: self.from_uri.clone(),
            from_display: self.from_display.clone(),
            to_uri: None,
            routes: Vec::new(),
            credentials: self.credentials.clone(),
            headers: self.headers.clone(),
            sdp,
            ring_timeout,
            patience: Some(self.patience),
            redirect: sip::Redirect::Refuse,
            max_forwards: 70,
        }
    }
}

/// Why nothing can be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoute {
    /// An emergency number, another short one, or no number at all.
    #[error("short and emergency numbers are never dialled")]
    Short,
    /// Every trunk that could bars this number.
    #[error("the number begins as one that is barred")]
    Barred,
    /// No trunk places calls, or none of that name.
    #[error("no trunk places calls")]
    NoTrunk,
    /// Every trunk that could has all its channels in use.
    #[error("all channels are in use")]
    Full,
    /// No peer is there.
    #[error("every trunk is down")]
    Down {
        /// When one may be tried again, at the earliest.
        back_at: Option<Instant>,
    },
}

impl Trunks {
    /// The attempts of a call, the best first; never none.
    pub fn route(&mut self, now: Instant, dial: &Dial) -> Result<Vec<Attempt>, NoRoute> {
        let mut attempts: Vec<(Chance, Attempt)> = Vec::new();
        let (mut able, mut barred, mut full, mut back_at) = (0, 0, 0, None);
        if !is_whole(&dial.number) {
            return Err(NoRoute::Short);
        }
        for id in self.order.iter().filter(|id| dial.trunk.is_none_or(|only| only == **id)) {
            let Some(line) = self.lines.get(id) else { continue };
            let Some(agreed) = &line.settings.outgoing else { continue };
            able += 1;
            if is_barred(&dial.number, agreed) {
                barred += 1;
                continue;
            }
            if !self.channels.has_room(&line.settings) {
                full += 1;
                continue;
            }
            back_at = line
                .hops
                .values()
                .filter_map(|watched| watched.back_at(now))
                .fold(back_at, |earliest, at| crate::clock::earliest(earliest, Some(at)));
            for (chance, hop, host) in line.order(now, &mut self.core) {
                let Some((flow, own)) = flow_from(&self.core.locals, hop) else { continue };
                let written = Written { settings: &line.settings, agreed, host, own };
                attempts.push((chance, written.attempt(line.id, hop, flow, dial)));
            }
        }
        // A peer that may well not be there costs the call some seconds: first those that are, over whichever trunk.
        attempts.sort_by_key(|(chance, _)| *chance);
        let sound = attempts.iter().any(|(chance, _)| *chance < Chance::Last);
        let listed: Vec<Attempt> = attempts
            .into_iter()
            .filter(|(chance, _)| !sound || *chance < Chance::Last)
            .map(|(_, attempt)| attempt)
            .take(ATTEMPTS_MAX)
            .collect();
        match (listed.is_empty(), able) {
            (false, _) => Ok(listed),
            (true, 0) => Err(NoRoute::NoTrunk),
            (true, able) if barred == able => Err(NoRoute::Barred),
            (true, able) if barred + full == able => Err(NoRoute::Full),
            (true, _) => Err(NoRoute::Down { back_at }),
        }
    }

    /// The attempt a 3xx leads to, when the trunk's policy lets it be followed: once, to a peer of the same trunk, and to a
    /// number that may be dialled.
    pub fn redirect(&self, now: Instant, attempt: &Attempt, contact: &str) -> Option<Attempt> {
        let line = self.lines.get(&attempt.trunk)?;
        let agreed = line.settings.outgoing.as_ref()?;
        if agreed.redirect == Redirect::Refuse || attempt.redirected {
            return None;
        }
        let uri = Uri::parse(contact.as_bytes()).ok().filter(Uri::is_sip)?;
        let port = uri.port.unwrap_or(attempt.hop.transport.default_port());
        let ip = uri.host_ip()?.to_canonical();
        let hop = Hop { transport: attempt.hop.transport, remote: (ip, port).into() };
        let watched = line.hops.get(&hop).filter(|watched| watched.chance(now) != Chance::Never)?;
        if watched.chance(now) == Chance::Last {
            return None;
        }
        let CallerNumber::Number(number) = line.settings.incoming.dialling.read(&in_uri(contact)?) else { return None };
        if !is_whole(&number) || is_barred(&number, agreed) {
            return None;
        }
        let (flow, _) = flow_from(&self.core.locals, hop)?;
        Some(Attempt { hop, flow, request_uri: Hidden::new(contact), redirected: true, ..attempt.clone() })
    }
}

/// What is needed to write one attempt.
struct Written<'a> {
    settings: &'a Arc<Settings>,
    agreed: &'a Outgoing,
    /// The peer's host as configured.
    host: &'a Host,
    /// Our own host, as peers write it.
    own: &'a str,
}

impl Written<'_> {
    fn attempt(&self, trunk: TrunkId, hop: Hop, flow: Flow, dial: &Dial) -> Attempt {
        let Written { settings, agreed, .. } = *self;
        let registration = settings.registration();
        let hidden = dial.hidden.unwrap_or(agreed.hidden);
        let domain = agreed.from_domain.clone();
        let domain = domain.or(registration.map(|registration| registration.registrar.uri_text()));
        let domain = domain.unwrap_or_else(|| self.own.to_owned());
        let number = agreed.number.reveal();
        let user = match (agreed.from, registration) {
            (FromUser::Account, Some(registration)) => registration.user.as_str(),
            _ => number,
        };
        let (from_uri, from_display) = match hidden {
            true => ("sip:anonymous@anonymous.invalid".to_owned(), "Anonymous".to_owned()),
            false => (format!("sip:{user}@{domain}"), agreed.display.clone()),
        };
        let mut headers = Headers::none();
        if let Some(proxy) = registration.and_then(|registration| registration.outbound_proxy.as_ref()) {
            headers.push("Route", format!("<sip:{};lr{}>", proxy.uri_text(), transport_param(hop.transport)));
        }
        // Withheld from the person called, the operator still learns which of its customers calls.
        if agreed.assert || hidden || agreed.from == FromUser::Account {
            headers.push("P-Asserted-Identity", format!("<sip:{number}@{domain}>"));
        }
        if hidden {
            headers.push("Privacy", "id");
        }
        if settings.session.reliable == Reliable::Required {
            headers.push("Require", "100rel");
        }
        Attempt {
            trunk,
            name: settings.name.clone(),
            hop,
            flow,
            request_uri: Hidden::new(self.request_uri(hop, dial)),
            from_uri: from_uri.into(),
            from_display: from_display.into(),
            credentials: registration.map(|registration| registration.credentials.clone()),
            headers,
            patience: agreed.patience,
            settings: settings.clone(),
            redirected: false,
        }
    }

    fn request_uri(&self, hop: Hop, dial: &Dial) -> String {
        let user = dialled(&dial.number, self.agreed, &self.settings.incoming.dialling);
        let registration = self.settings.registration();
        let (host, transport) = match (&self.agreed.domain, registration) {
            (Some(domain), _) => (domain.clone(), String::new()),
            (None, Some(registration)) => (registration.registrar.uri_text(), transport_param(hop.transport)),
            (None, None) => (self.host.uri_text(), transport_param(hop.transport)),
        };
        let phone = if self.agreed.user_phone { ";user=phone" } else { "" };
        format!("sip:{user}@{host}{transport}{phone}")
    }
}

/// The number as this trunk wants it dialled.
fn dialled(number: &PhoneNumber, agreed: &Outgoing, dialling: &Dialling) -> String {
    let e164 = number.reveal();
    let digits = e164.trim_start_matches('+');
    let (national, international, country) = dialling.prefixes();
    let at_home = || match country {
        "33" => as_dialled_in_france(number),
        _ => digits.strip_prefix(country).map(|rest| format!("{national}{rest}")),
    };
    let written = match agreed.form {
        DialForm::E164 => e164.to_owned(),
        DialForm::International => format!("{international}{digits}"),
        DialForm::National => at_home().unwrap_or_else(|| format!("{international}{digits}")),
    };
    // Of what a number may hold, only this must be escaped in a URI (RFC 3261 §25.1).
    agreed.edit.apply(&written).replace('#', "%23")
}

/// A whole number of some country: what is short, or no number of the French plan, is not. 15, 17, 18, 112, 114, 3977 cannot be
/// whole, in whatever way they are written.
fn is_whole(number: &PhoneNumber) -> bool {
    normalise(number.reveal().as_bytes()) == CallerNumber::Number(number.clone())
}

fn is_barred(number: &PhoneNumber, agreed: &Outgoing) -> bool {
    agreed.barred.iter().any(|barred| number.reveal().starts_with(barred.as_str()))
}

/// Attempts for one call. A caller does not wait for more.
const ATTEMPTS_MAX: usize = 8;
