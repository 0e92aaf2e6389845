//! Judges a trunk's file as a whole; what passes becomes a [`Settings`].

use std::io;
use std::path::Path;
use std::time::Duration;

use super::super::keys::Written;
use super::super::read::Faults;
use super::super::values::{Host as HostWritten, Said, is_host_name, said};
use super::keys::All;
use super::values::{Asked, Kind, UnknownNumber, host_over, without_brackets};
use crate::ids::PhoneNumber;
use crate::sip::{Credentials, Network};
use crate::trunk::number::{Dialling, Edit};
use crate::trunk::{
    FromUser, Incoming, LOCAL, Outgoing, Peer, Registration, Reliable, Session, Settings, Srtp, Tls, Unknown, Way,
};

/// Builds the trunk and tells what contradicts itself; `None` only with a fault told.
pub(super) fn check(
    all: All,
    file: &Path,
    secret: &mut dyn FnMut(&Path) -> io::Result<String>,
    faults: &mut Faults,
) -> Option<Settings> {
    for (at, said) in &all.peers.value.faults {
        faults.at(*at, said.clone());
    }
    let name = name(&all, file, faults);
    channels(&all, faults);
    let directory = file.parent().unwrap_or(Path::new(""));
    let way = match all.kind.value {
        Kind::Peers => peers(&all, faults),
        Kind::Register => registration(&all, directory, secret, faults).map(|way| Way::Register(Box::new(way))),
    };
    let accept_from = networks(&all, faults);
    let incoming = incoming(&all, faults);
    let outgoing = outgoing(&all, faults);
    let session = session(&all, faults);
    let tls = tls(&all, directory, faults);
    Some(Settings {
        name: name.into(),
        way: way?,
        accept_from,
        probe_every: seconds(all.options_probe_s.value),
        probes_missed_max: all.probes_missed.value,
        channels_max: Some(all.channels_max.value).filter(|max| *max > 0),
        reserved_for_outgoing: all.reserved_for_outgoing.value,
        full_status: all.full_answer.value.0,
        incoming,
        outgoing,
        session,
        tls,
    })
}

fn name(all: &All, file: &Path, faults: &mut Faults) -> String {
    let stem = || file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let name = if all.name.value.is_empty() { stem() } else { all.name.value.clone() };
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(plain) {
        let what = said(
            "`name` : un nom court est attendu, en minuscules sans accent, chiffres, - et _",
            "`name`: a short name is expected, of lower-case letters without accents, digits, - and _",
        );
        faults.on(line(&all.name), what);
    } else if name == LOCAL {
        let what = said(
            "`name` : `local` est le nom de ce que dit `sip.trusted_peers` ; prenez-en un autre",
            "`name`: `local` is the name of what `sip.trusted_peers` says; take another",
        );
        faults.on(line(&all.name), what);
    }
    name
}

fn channels(all: &All, faults: &mut Faults) {
    let (max, reserved) = (&all.channels_max, &all.reserved_for_outgoing);
    if max.faulty || reserved.faulty || reserved.value == 0 {
        return;
    }
    if max.value == 0 {
        let what = said(
            "`reserved_for_outgoing` : écrivez aussi `channels_max`, dont ces canaux sont une part",
            "`reserved_for_outgoing`: write `channels_max` as well, of which these channels are a part",
        );
        faults.on(line(reserved), what);
    } else if reserved.value >= max.value {
        let what = said(
            "`reserved_for_outgoing` : il ne resterait aucun canal pour les appels reçus",
            "`reserved_for_outgoing`: no channel would be left for calls received",
        );
        faults.on(line(reserved), what);
    }
}

fn peers(all: &All, faults: &mut Faults) -> Option<Way> {
    let stray = [
        (&all.register_user, "register.user"),
        (&all.register_auth_user, "register.auth_user"),
        (&all.register_password_file, "register.password_file"),
        (&all.register_realm, "register.realm"),
    ];
    let mut stray: Vec<(u32, &str)> =
        stray.iter().filter_map(|(key, name)| key.line.map(|line| (line, *name))).collect();
    stray.extend(all.register_password.line.map(|line| (line, "register.password")));
    stray.extend(all.register_registrar.line.map(|line| (line, "register.registrar")));
    stray.extend(all.register_outbound_proxy.line.map(|line| (line, "register.outbound_proxy")));
    stray.extend(all.register_expires_s.line.map(|line| (line, "register.expires_s")));
    if !all.kind.faulty {
        for (line, name) in stray {
            faults.on(line, needs_kind(name, "register"));
        }
    }
    let written = &all.peers.value;
    let broken = all.peers.faulty || !written.faults.is_empty() || all.kind.faulty;
    let useless = all.accept_from.value.is_empty() || all.outgoing_number.line.is_some();
    if written.peers.is_empty() && !broken && useless {
        let what = said(
            "`peers` : sans machine de l'opérateur, il n'y a personne à appeler ni à croire",
            "`peers`: without a machine of the operator there is nobody to call and nobody to trust",
        );
        faults.on(line(&all.peers), what);
        return None;
    }
    let mut peers: Vec<Peer> = Vec::new();
    for peer in &written.peers {
        let transport = peer.transport.unwrap_or(all.transport.value).0;
        let host = host_over((peer.name.clone(), peer.port), transport);
        if peers.iter().any(|known| known.host == host) {
            let (fr, en) = ("cette machine est écrite deux fois", "this machine is written twice");
            faults.on(
                line(&all.peers),
                (format!("`peers` : {} : {fr}", host.name), format!("`peers`: {}: {en}", host.name)),
            );
        }
        peers.push(Peer { host, priority: peer.priority, weight: peer.weight });
    }
    Some(Way::Peers(peers))
}

fn registration(
    all: &All,
    directory: &Path,
    secret: &mut dyn FnMut(&Path) -> io::Result<String>,
    faults: &mut Faults,
) -> Option<Registration> {
    if all.peers.line.is_some() {
        faults.on(line(&all.peers), needs_kind("peers", "peers"));
    }
    let transport = all.transport.value.0;
    let host = |written: &HostWritten| written.0.clone().map(|host| host_over(without_brackets(host), transport));
    let registrar = host(&all.register_registrar.value);
    if registrar.is_none() && !all.register_registrar.faulty {
        let what = said(
            "`register.registrar` manque : où s'enregistrer ?",
            "`register.registrar` is missing: where to register?",
        );
        faults.on(all.register_registrar.line.unwrap_or(line(&all.kind)), what);
    }
    let user = &all.register_user;
    if (user.value.is_empty() || !user.value.bytes().all(is_user_byte)) && !user.faulty {
        let what = said(
            "`register.user` : le compte donné par l'opérateur est attendu, sans espace ni `@`",
            "`register.user`: the account the operator gave is expected, without blank or `@`",
        );
        faults.on(user.line.unwrap_or(line(&all.kind)), what);
    }
    let password = password(all, directory, secret, faults)?;
    let name = if all.register_auth_user.value.is_empty() { &user.value } else { &all.register_auth_user.value };
    let realm = Some(all.register_realm.value.clone()).filter(|realm| !realm.is_empty());
    Some(Registration {
        registrar: registrar?,
        user: user.value.clone(),
        credentials: Credentials::new(name.clone(), password).for_realm(realm),
        expires_s: all.register_expires_s.value,
        outbound_proxy: host(&all.register_outbound_proxy.value),
    })
}

/// The password, from here or from its file. A fault is told; nothing of the word itself.
fn password(
    all: &All,
    directory: &Path,
    secret: &mut dyn FnMut(&Path) -> io::Result<String>,
    faults: &mut Faults,
) -> Option<String> {
    let (inline, file) = (&all.register_password, &all.register_password_file);
    if inline.faulty || file.faulty {
        return None;
    }
    let at = inline.line.or(file.line).unwrap_or(line(&all.kind));
    let word = match (inline.value.0.is_empty(), file.value.is_empty()) {
        (false, true) => inline.value.0.clone(),
        (true, false) => match secret(&directory.join(&file.value)) {
            Ok(text) => text.lines().next().unwrap_or_default().trim().to_owned(),
            Err(error) => {
                let fr = format!("`register.password_file` : ce fichier ne peut être lu : {error}");
                faults.on(at, (fr, format!("`register.password_file`: this file cannot be read: {error}")));
                return None;
            }
        },
        _ => {
            let what = said(
                "un mot de passe est attendu : `register.password_file`, ou `register.password`, et pas les deux",
                "a password is expected: `register.password_file` or `register.password`, and not both",
            );
            faults.on(at, what);
            return None;
        }
    };
    if word.is_empty() {
        let what = said("le fichier du mot de passe est vide", "the password's file is empty");
        faults.on(at, what);
    }
    Some(word)
}

fn networks(all: &All, faults: &mut Faults) -> Vec<Network> {
    let networks = &all.accept_from;
    if networks.value.iter().any(|network| network.prefix == 0) {
        let what = said(
            "`accept_from` : cette plage est le monde entier ; n'importe qui pourrait appeler au nom de l'opérateur",
            "`accept_from`: this range is the whole world; anyone could call in the operator's name",
        );
        faults.on(line(networks), what);
    }
    networks.value.iter().map(|network| Network { addr: network.addr, prefix: network.prefix }).collect()
}

fn incoming(all: &All, faults: &mut Faults) -> Incoming {
    let country = &all.country;
    if !(1..=3).contains(&country.value.len()) || !is_digits(&country.value) || country.value.starts_with('0') {
        let what = said(
            "`numbers.country` : un indicatif de pays est attendu, par exemple `33`",
            "`numbers.country`: a country code is expected, such as `33`",
        );
        faults.on(line(country), what);
    }
    for (key, name) in
        [(&all.national_prefix, "numbers.national_prefix"), (&all.international_prefix, "numbers.international_prefix")]
    {
        if key.value.len() > PREFIX_MAX || !is_digits(&key.value) {
            faults.on(line(key), digits_expected(name));
        }
    }
    let edit = |strip: &Written<String>, add: &Written<String>, name: &str, faults: &mut Faults| {
        edit(strip, add, name, faults)
    };
    let default = &all.default_number;
    if !default.value.is_empty() && !default.value.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '.')) {
        faults.on(line(default), digits_expected("numbers.default_number"));
    }
    let unknown = match all.unknown.value {
        UnknownNumber::Answer => {
            Unknown::Answer(Some(default.value.as_str()).filter(|text| !text.is_empty()).map(Into::into))
        }
        UnknownNumber::Refuse => {
            if !default.value.is_empty() {
                let what = said(
                    "`numbers.default_number` ne sert à rien avec `numbers.unknown = \"refuse\"`",
                    "`numbers.default_number` serves nothing beside `numbers.unknown = \"refuse\"`",
                );
                faults.on(line(default), what);
            }
            Unknown::Refuse
        }
    };
    Incoming {
        called_from: all.called_from.value.clone(),
        caller_from: all.caller_from.value.clone(),
        dialling: Dialling::new(&country.value, &all.national_prefix.value, &all.international_prefix.value),
        called: edit(&all.called_strip, &all.called_add, "numbers.called", faults),
        caller: edit(&all.caller_strip, &all.caller_add, "numbers.caller", faults),
        unknown,
    }
}

fn outgoing(all: &All, faults: &mut Faults) -> Option<Outgoing> {
    let edit = edit(&all.outgoing_strip, &all.outgoing_add, "outgoing", faults);
    for barred in &all.outgoing_barred.value {
        if barred.strip_prefix('+').is_none_or(|digits| digits.is_empty() || !is_digits(digits)) {
            let what = said(
                "`outgoing.barred` : des débuts de numéros sont attendus, comme `+3389`",
                "`outgoing.barred`: beginnings of numbers are expected, such as `+3389`",
            );
            faults.on(line(&all.outgoing_barred), what);
        }
    }
    if all.outgoing_from.value == FromUser::Account && all.kind.value == Kind::Peers {
        faults.on(line(&all.outgoing_from), needs_kind("outgoing.from = \"account\"", "register"));
    }
    if all.outgoing_display.value.chars().count() > DISPLAY_MAX {
        let (fr, en) = ("signes au plus", "characters at most");
        let name = "`outgoing.display`";
        faults.on(
            line(&all.outgoing_display),
            (format!("{name} : {DISPLAY_MAX} {fr}"), format!("{name}: {DISPLAY_MAX} {en}")),
        );
    }
    let number = &all.outgoing_number;
    if number.value.is_empty() {
        return None;
    }
    let bare: String = number.value.chars().filter(|c| !matches!(c, ' ' | '.')).collect();
    let Some(assigned) = PhoneNumber::from_e164(&bare) else {
        let what = said(
            "`outgoing.number` : un numéro est attendu sous la forme `+33…`",
            "`outgoing.number`: a number is expected in the form `+33…`",
        );
        faults.on(line(number), what);
        return None;
    };
    let domain = |written: &HostWritten| {
        written.0.as_ref().map(|(name, port)| port.map_or(name.clone(), |port| format!("{name}:{port}")))
    };
    Some(Outgoing {
        number: assigned,
        display: all.outgoing_display.value.clone(),
        from: all.outgoing_from.value,
        from_domain: domain(&all.outgoing_from_domain.value),
        domain: domain(&all.outgoing_domain.value),
        form: all.outgoing_dial.value,
        edit,
        user_phone: all.outgoing_user_phone.value,
        assert: all.outgoing_assert.value,
        hidden: all.outgoing_presented.value.hidden,
        barred: all.outgoing_barred.value.clone(),
        patience: seconds(all.outgoing_failover_s.value),
        redirect: all.outgoing_redirect.value,
    })
}

fn session(all: &All, faults: &mut Faults) -> Session {
    if all.srtp.value != Asked::Never {
        let what = said(
            "`media.srtp` : cette version ne sait pas encore chiffrer le son ; `never`, ou attendez celle qui le sait",
            "`media.srtp`: this version cannot encrypt sound yet; write `never`, or wait for the one that can",
        );
        faults.on(line(&all.srtp), what);
    }
    if all.early_media.value {
        let what = said(
            "`media.early_media` : cette version décroche toujours avant de parler ; écrivez `false`",
            "`media.early_media`: this version always answers before it speaks; write `false`",
        );
        faults.on(line(&all.early_media), what);
    }
    let timer = &all.session_timer_s;
    if (1..TIMER_MIN_S).contains(&timer.value) && !timer.faulty {
        let what = said(
            "`session.timer_s` : 90 au moins (RFC 4028), ou 0 pour ne pas le demander",
            "`session.timer_s`: at least 90 (RFC 4028), or 0 not to ask for it",
        );
        faults.on(line(timer), what);
    } else if timer.value != Session::default().timer_s && !timer.faulty {
        let what = said(
            "`session.timer_s` : cette version a une seule durée pour tous, `sip.session_timer.interval_s` ; écrivez 1800",
            "`session.timer_s`: this version has one interval for all, `sip.session_timer.interval_s`; write 1800",
        );
        faults.on(line(timer), what);
    }
    if all.reliable.value == Reliable::Never && !all.reliable.faulty {
        let what = said(
            "`session.reliable_provisional` : cette version ne le tait qu'à tous à la fois (`sip.offer_100rel = false`)",
            "`session.reliable_provisional`: this version keeps it from everybody or nobody (`sip.offer_100rel = false`)",
        );
        faults.on(line(&all.reliable), what);
    }
    Session {
        codecs: all.codecs.value.clone(),
        srtp: if all.srtp.value == Asked::Never { Srtp::Never } else { Srtp::Offered },
        early_media: all.early_media.value,
        timer_s: timer.value,
        reliable: all.reliable.value,
    }
}

fn tls(all: &All, directory: &Path, faults: &mut Faults) -> Tls {
    let path = |text: &str| (!text.is_empty()).then(|| directory.join(text));
    let certificate = match (path(&all.tls_certificate.value), path(&all.tls_key.value)) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => {
            let what =
                said("`tls.certificate` et `tls.key` vont ensemble", "`tls.certificate` and `tls.key` go together");
            faults.on(all.tls_certificate.line.or(all.tls_key.line).unwrap_or(1), what);
            None
        }
    };
    let name = &all.tls_server_name;
    if !name.value.is_empty() && !is_host_name(&name.value) {
        let what =
            said("`tls.server_name` : un nom de machine est attendu", "`tls.server_name`: a host name is expected");
        faults.on(line(name), what);
    }
    Tls {
        verify: all.tls_verify.value,
        authority: path(&all.tls_authority.value),
        certificate,
        server_name: Some(name.value.clone()).filter(|name| !name.is_empty()),
    }
}

// ---- helpers -----------------------------------------------------------------------------------------------------

fn edit(strip: &Written<String>, add: &Written<String>, name: &str, faults: &mut Faults) -> Edit {
    for (key, part) in [(strip, "strip"), (add, "add")] {
        let sound = |c: char| c.is_ascii_digit() || matches!(c, '+' | '*' | '#');
        if key.value.len() > EDIT_MAX || !key.value.chars().all(sound) {
            let joint = if name == "outgoing" { '.' } else { '_' };
            faults.on(line(key), digits_expected(&format!("{name}{joint}{part}")));
        }
    }
    Edit { strip: strip.value.clone(), add: add.value.clone() }
}

fn digits_expected(name: &str) -> Said {
    (format!("`{name}` : des chiffres sont attendus"), format!("`{name}`: digits are expected"))
}

fn needs_kind(name: &str, kind: &str) -> Said {
    (format!("`{name}` ne vaut qu'avec `kind = \"{kind}\"`"), format!("`{name}` goes with `kind = \"{kind}\"` only"))
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// What may stand in the user part of an address unescaped, and is plain.
fn is_user_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(b, b'+' | b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'&' | b'=' | b'$' | b'%')
}

fn line<T>(written: &Written<T>) -> u32 {
    written.line.unwrap_or(1)
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

const NAME_MAX: usize = 32;
const PREFIX_MAX: usize = 4;
const EDIT_MAX: usize = 16;
const DISPLAY_MAX: usize = 64;
const TIMER_MIN_S: u32 = 90;
