//! From the configuration to what a node is started with.

use std::sync::Arc;

use crate::config::{Config, Listen, SipTransport};
use crate::net::{ResolveSettings, ServerTls, StreamLimits};
use crate::sip::{EndpointConfig, Network, ShieldConfig, Transport};
use crate::store::StoreSettings;
use crate::{dispatch, media};

use super::load::Sources;
use super::resolving::NameSettings;
use super::serve::ServeSettings;
use super::setup::Setup;
use super::shard::ShardSettings;
use super::transports::Listening;

/// What a full or stopping node says in Retry-After, seconds.
const RETRY_AFTER_S: u32 = 10;

/// Where the staff's files are.
pub fn sources(config: &Config) -> Sources {
    Sources {
        dialplans: config.dialplans.clone(),
        prompts: config.prompts.clone(),
        listeners: config.listeners.clone(),
        trunks: config.trunks.clone(),
        trusted: networks(config),
    }
}

/// A node as configured, with this set-up.
pub fn serve_settings(config: &Config, setup: Setup) -> ServeSettings {
    let listen = listening(config);
    let host = listen.first().map_or_else(String::new, |one| one.host.clone().unwrap_or(host_text(one.address)));
    let mut domains = config.sip.domains.clone();
    for named in listen.iter().filter_map(|one| one.host.as_ref()).chain([&host]) {
        if !domains.contains(named) {
            domains.push(named.clone());
        }
    }
    let endpoint = EndpointConfig {
        realm: config.sip.realm.clone(),
        domains,
        shield: ShieldConfig {
            requests_per_second: config.sip.shield.requests_per_second,
            ban: config.sip.shield.ban,
            ban_longest: config.sip.shield.ban_longest,
        },
        offer_100rel: config.sip.offer_100rel,
        transfer: config.sip.transfer,
        session_expires_s: u32::try_from(config.sip.session_timer.interval.as_secs()).unwrap_or(0),
        min_se_s: u32::try_from(config.sip.session_timer.min.as_secs()).unwrap_or(90),
        push_providers: config.sip.push_providers.clone(),
        expires_default_s: u32::try_from(config.sip.registration.as_secs()).unwrap_or(300),
        sessions_max: config.sip.calls_max as usize * 6,
        transactions_max: config.sip.transactions_max as usize,
        ..EndpointConfig::default()
    };
    let dispatch = dispatch::Settings {
        max_waiting: config.dispatch.waiting_max as usize,
        wrap_up: config.dispatch.wrap_up,
        missed_rings: config.dispatch.missed_rings,
        timezone: config.dispatch.timezone.clone(),
        ..dispatch::Settings::default()
    };
    let media = media::Settings {
        advertised: config.media.advertised,
        silence_after: config.media.silence,
        ..media::Settings::new(config.media.address, config.media.ports.clone())
    };
    ServeSettings {
        listen,
        streams: StreamLimits {
            inbound: config.sip.connections_max as usize,
            per_source: config.sip.connections_per_source_max as usize,
            ..StreamLimits::default()
        },
        tls: certificate(config),
        web_origins: config.sip.web_origins.clone(),
        names: NameSettings {
            servers: config.sip.name_servers.clone(),
            resolve: ResolveSettings { total: config.sip.names_within, ..ResolveSettings::default() },
        },
        shard: ShardSettings {
            endpoint,
            dispatch,
            calls_max: config.sip.calls_max as usize,
            retry_after_s: RETRY_AFTER_S,
            from_host: host,
        },
        setup,
        media,
        workers: config.media.workers,
        state_dir: config.state_dir.clone(),
        store: StoreSettings {
            numbers_keep: config.store.numbers_keep,
            records_keep: config.store.records_keep,
            pages_max: config.store.pages_max,
            ..StoreSettings::default()
        },
    }
}

/// The networks of `sip.trusted_peers`.
fn networks(config: &Config) -> Vec<Network> {
    config.sip.trusted_peers.iter().map(|peer| Network { addr: peer.addr, prefix: peer.prefix }).collect()
}

/// The sockets of signalling as configured. What holds for one of them alone comes before what holds for all.
fn listening(config: &Config) -> Vec<Listening> {
    let all = &config.sip.advertised;
    let socket = |one: &Listen| {
        let (host, port) = match (&one.advertised, all) {
            (Some((host, port)), _) | (None, Some((host, port))) => (Some(host.clone()), *port),
            (None, None) => (None, None),
        };
        // A port that is meant for all sockets cannot be meant for those of another protocol.
        let shared = one.advertised.is_none() && !matches!(one.transport, SipTransport::Udp | SipTransport::Tcp);
        Listening { transport: transport(one.transport), address: one.address, host, port: port.filter(|_| !shared) }
    };
    config.sip.listen.iter().map(socket).collect()
}

/// The certificate of the encrypted addresses.
fn certificate(config: &Config) -> Option<ServerTls> {
    let tls = &config.sip.tls;
    let (certificate, key) = (tls.certificate.clone()?, tls.key.clone()?);
    Some(ServerTls { certificate, key, client_ca: None, client_required: false })
}

/// The same transport in the endpoint's words.
fn transport(transport: SipTransport) -> Transport {
    match transport {
        SipTransport::Udp => Transport::Udp,
        SipTransport::Tcp => Transport::Tcp,
        SipTransport::Tls => Transport::Tls,
        SipTransport::Ws => Transport::Ws,
        SipTransport::Wss => Transport::Wss,
    }
}

fn host_text(listen: std::net::SocketAddr) -> String {
    match listen.ip() {
        std::net::IpAddr::V4(ip) => ip.to_string(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// Tables of France, embedded, made once.
pub fn tables() -> Arc<crate::france::Tables> {
    Arc::new(crate::france::Tables::embedded())
}
