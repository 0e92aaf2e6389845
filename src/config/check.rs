//! Judges the whole: settings that are sound each by itself but cannot be meant together. What passes becomes a [`Config`].

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use super::keys::{All, Written};
use super::read::Faults;
use super::values::{is_host_name, said};
use super::{Config, Dispatch, Log, Media, Ops, SessionTimer, Shield, Sip, SipTransport, Store, Tls};

/// Builds the configuration and tells what contradicts itself. Keys that were faulty by themselves take no part.
pub(super) fn check(all: All, directory: &Path, faults: &mut Faults) -> Config {
    addresses(&all, faults);
    certificates(&all, faults);
    words(&all, faults);
    room(&all, faults);
    let hours = |h: u32| Duration::from_secs(u64::from(h) * 3600);
    let seconds = |s: u32| Duration::from_secs(u64::from(s));
    let state_dir = directory.join(&all.state_dir.value);
    let listeners = match all.listeners.value.as_str() {
        "" => state_dir.join(LISTENERS_FILE),
        named => directory.join(named),
    };
    let address = all.media_address.value;
    let named = |written: &Written<String>| (!written.value.is_empty()).then(|| directory.join(&written.value));
    Config {
        dialplans: all.dialplans.value.iter().map(|plan| directory.join(plan)).collect(),
        prompts: directory.join(&all.prompts.value),
        listeners,
        trunks: all.trunks.value.iter().map(|trunk| directory.join(trunk)).collect(),
        state_dir,
        sip: Sip {
            listen: all.sip_listen.value.0,
            advertised: all.sip_advertised.value.0,
            realm: all.sip_realm.value,
            domains: all.sip_domains.value,
            trusted_peers: all.sip_trusted_peers.value,
            registration: seconds(all.sip_registration_s.value),
            calls_max: all.sip_calls_max.value,
            transactions_max: all.sip_transactions_max.value,
            connections_max: all.sip_connections_max.value,
            connections_per_source_max: all.sip_connections_per_source_max.value,
            tls: Tls { certificate: named(&all.sip_tls_certificate), key: named(&all.sip_tls_key) },
            web_origins: all.sip_web_origins.value,
            offer_100rel: all.sip_offer_100rel.value,
            transfer: all.sip_transfer.value,
            session_timer: SessionTimer {
                interval: seconds(all.sip_session_timer_interval_s.value),
                min: seconds(all.sip_session_timer_min_s.value),
            },
            name_servers: all.sip_names_servers.value,
            names_within: Duration::from_millis(u64::from(all.sip_names_within_ms.value)),
            push_providers: all.sip_push_providers.value,
            shield: Shield {
                requests_per_second: all.sip_shield_requests_per_second.value,
                ban: all.sip_shield_ban.value,
                ban_longest: seconds(all.sip_shield_ban_longest_s.value),
            },
        },
        media: Media {
            address,
            advertised: all.media_advertised.value.unwrap_or(address),
            ports: all.media_ports.value,
            silence: seconds(all.media_silence_s.value),
            workers: all.media_workers.value as usize,
        },
        dispatch: Dispatch {
            waiting_max: all.dispatch_waiting_max.value,
            wrap_up: seconds(all.dispatch_wrap_up_s.value),
            missed_rings: u8::try_from(all.dispatch_missed_rings.value).unwrap_or(u8::MAX),
            timezone: all.dispatch_timezone.value,
        },
        ops: Ops { listen: all.ops_listen.value },
        store: Store {
            numbers_keep: hours(all.store_retention_h.value),
            records_keep: hours(all.store_records_d.value.saturating_mul(24)),
            // A page is 4096 bytes.
            pages_max: all.store_size_mb_max.value.saturating_mul(256),
        },
        log: Log { format: all.log_format.value, level: all.log_level.value },
    }
}

/// The listeners' file inside the state directory, when no other is named.
pub(super) const LISTENERS_FILE: &str = "listeners.toml";

fn addresses(all: &All, faults: &mut Faults) {
    let (listen, address) = (&all.sip_listen, &all.media_address);
    if sound(&[listen.faulty, all.sip_advertised.faulty])
        && all.sip_advertised.value.0.is_none()
        && listen.value.0.iter().any(|one| one.address.ip().is_unspecified() && one.advertised.is_none())
    {
        faults.on(
            line(listen),
            said(
                "`sip.listen` : « toutes les adresses » ne dit pas aux autres où nous joindre ; écrivez aussi `sip.advertised`",
                "`sip.listen`: \"every address\" does not tell others where to reach us; write `sip.advertised` as well",
            ),
        );
    }
    if sound(&[address.faulty, all.media_advertised.faulty])
        && address.value.is_unspecified()
        && all.media_advertised.value.is_none()
    {
        faults.on(
            line(address),
            said(
                "`media.address` : « toutes les adresses » ne dit pas aux autres où envoyer le son ; écrivez aussi `media.advertised`",
                "`media.address`: \"every address\" does not tell others where to send sound; write `media.advertised` as well",
            ),
        );
    }
    if all.media_advertised.value.is_some_and(|ip| ip.is_unspecified()) {
        faults.on(
            line(&all.media_advertised),
            said("`media.advertised` : ce n'est l'adresse de personne", "`media.advertised`: this is nobody's address"),
        );
    }
    let heard_at: IpAddr = all.media_advertised.value.unwrap_or(address.value);
    if sound(&[listen.faulty, address.faulty, all.media_advertised.faulty])
        && listen.value.0.iter().any(|one| !one.address.ip().is_loopback())
        && heard_at.is_loopback()
    {
        faults.on(
            all.media_address.line.unwrap_or(line(listen)),
            said(
                "`sip.listen` est ouvert aux autres machines, mais le son reste sur celle-ci : écrivez `media.address`",
                "`sip.listen` is open to other machines, but the sound stays on this one: write `media.address`",
            ),
        );
    }
    let (interval, min) = (&all.sip_session_timer_interval_s, &all.sip_session_timer_min_s);
    if sound(&[interval.faulty, min.faulty]) && (1..min.value).contains(&interval.value) {
        faults.on(
            interval.line.or(min.line).unwrap_or(1),
            said(
                "`sip.session_timer.interval_s` : moins que `sip.session_timer.min_s`",
                "`sip.session_timer.interval_s`: less than `sip.session_timer.min_s`",
            ),
        );
    }
    if all.sip_trusted_peers.value.iter().any(|network| network.prefix == 0) {
        faults.on(
            line(&all.sip_trusted_peers),
            said(
                "`sip.trusted_peers` : cette plage est le monde entier ; n'importe qui pourrait appeler sans mot de passe",
                "`sip.trusted_peers`: this range is the whole world; anyone could call without a password",
            ),
        );
    }
}

fn certificates(all: &All, faults: &mut Faults) {
    let (listen, certificate, key) = (&all.sip_listen, &all.sip_tls_certificate, &all.sip_tls_key);
    let encrypted = listen.value.0.iter().find(|one| one.transport.is_encrypted());
    match encrypted.filter(|_| !listen.faulty) {
        Some(one) if certificate.value.is_empty() || key.value.is_empty() => faults.on(
            line(listen),
            (
                format!("`sip.listen` : {} demande `sip.tls.certificate` et `sip.tls.key`", one.transport),
                format!("`sip.listen`: {} needs `sip.tls.certificate` and `sip.tls.key`", one.transport),
            ),
        ),
        None if certificate.value.is_empty() != key.value.is_empty() => faults.on(
            certificate.line.or(key.line).unwrap_or(1),
            said(
                "`sip.tls.certificate` et `sip.tls.key` vont ensemble",
                "`sip.tls.certificate` and `sip.tls.key` go together",
            ),
        ),
        _ => {}
    }
    let no_provider = |name: &&String| {
        name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
    };
    if let Some(wrong) = all.sip_push_providers.value.iter().find(no_provider) {
        faults.on(
            line(&all.sip_push_providers),
            (
                format!("`sip.push.providers` : « {wrong} » n'est pas le nom d'un service (exemples : `apns`, `fcm`)"),
                format!("`sip.push.providers`: \"{wrong}\" is not the name of a service (examples: `apns`, `fcm`)"),
            ),
        );
    }
    let origin = |text: &&String| !text.contains("://") || text.ends_with('/') || text.contains(char::is_whitespace);
    if let Some(wrong) = all.sip_web_origins.value.iter().find(origin) {
        faults.on(
            line(&all.sip_web_origins),
            (
                format!(
                    "`sip.web.origins` : « {wrong} » n'est pas une origine (exemple : `https://ecoute.exemple.org`)"
                ),
                format!("`sip.web.origins`: \"{wrong}\" is no origin (example: `https://ecoute.example.org`)"),
            ),
        );
    }
}

fn words(all: &All, faults: &mut Faults) {
    let realm = &all.sip_realm;
    if realm.value.is_empty() || realm.value.contains(['"', '\\']) {
        faults.on(
            line(realm),
            said(
                "`sip.realm` : un mot sans guillemet ni barre inverse est attendu",
                "`sip.realm`: a word without quote or backslash is expected",
            ),
        );
    }
    for domain in all.sip_domains.value.iter().filter(|domain| !is_host_name(domain)) {
        faults.on(
            line(&all.sip_domains),
            (
                format!("`sip.domains` : « {domain} » n'est pas un nom de machine"),
                format!("`sip.domains`: \"{domain}\" is not a host name"),
            ),
        );
    }
    if all.dialplans.value.is_empty() && !all.dialplans.faulty {
        faults.on(
            line(&all.dialplans),
            said(
                "`dialplans` : sans plan d'appel, personne ne peut être accueilli",
                "`dialplans`: without a dialplan nobody can be welcomed",
            ),
        );
    }
    let zone = &all.dispatch_timezone;
    if jiff::tz::TimeZone::get(&zone.value).is_err() {
        faults.on(
            line(zone),
            said(
                "`dispatch.timezone` : ce fuseau n'existe pas (exemple : `Europe/Paris`)",
                "`dispatch.timezone`: there is no such time zone (example: `Europe/Paris`)",
            ),
        );
    }
    let level = &all.log_level;
    if !level.value.split(',').all(is_directive) {
        faults.on(
            line(level),
            said(
                "`log.level` : error, warn, info, debug ou trace est attendu, ou plus fin : `info,ecoute::sip=debug`",
                "`log.level`: error, warn, info, debug or trace is expected, or finer: `info,ecoute::sip=debug`",
            ),
        );
    }
}

fn room(all: &All, faults: &mut Faults) {
    let (ports, calls) = (&all.media_ports, &all.sip_calls_max);
    if !sound(&[ports.faulty, calls.faulty]) {
        return;
    }
    let (first, last) = (u32::from(*ports.value.start()), u32::from(*ports.value.end()));
    // Pairs begin at even ports.
    let pairs = (last + 1 - (first + first % 2)) / 2;
    let at_most = pairs / 2;
    if calls.value > at_most {
        faults.on(
            calls.line.or(ports.line).unwrap_or(1),
            (
                format!(
                    "`sip.limits.calls_max` = {} : les ports de `media.ports` suffisent à {at_most} appels (quatre par appel)",
                    calls.value
                ),
                format!(
                    "`sip.limits.calls_max` = {}: the ports of `media.ports` are enough for {at_most} calls (four per call)",
                    calls.value
                ),
            ),
        );
    }
    let udp = |one: &super::Listen| one.transport == SipTransport::Udp && ports.value.contains(&one.address.port());
    if !all.sip_listen.faulty && all.sip_listen.value.0.iter().any(udp) {
        faults.on(
            ports.line.or(all.sip_listen.line).unwrap_or(1),
            said(
                "`media.ports` : le port de `sip.listen` est dans cette plage",
                "`media.ports`: the port of `sip.listen` is in this range",
            ),
        );
    }
}

/// `info`, or `ecoute::sip=debug`.
fn is_directive(text: &str) -> bool {
    let (target, level) = text.trim().split_once('=').unwrap_or(("ecoute", text.trim()));
    let named = !target.is_empty() && target.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':');
    named && ["off", "error", "warn", "info", "debug", "trace"].contains(&level)
}

fn line<T>(written: &Written<T>) -> u32 {
    written.line.unwrap_or(1)
}

fn sound(faulty: &[bool]) -> bool {
    !faulty.contains(&true)
}
