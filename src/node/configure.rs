//! From the configuration to what a node is started with.

use std::sync::Arc;

use crate::config::Config;
use crate::sip::{Advertised, EndpointConfig, Network, ShieldConfig};
use crate::store::StoreSettings;
use crate::{dispatch, media};

use super::load::Sources;
use super::serve::ServeSettings;
use super::setup::Setup;
use super::shard::ShardSettings;

/// What a full or stopping node says in Retry-After, seconds.
const RETRY_AFTER_S: u32 = 10;

/// Where the staff's files are.
pub fn sources(config: &Config) -> Sources {
    Sources {
        dialplans: config.dialplans.clone(),
        prompts: config.prompts.clone(),
        listeners: config.listeners.clone(),
    }
}

/// A node as configured, with this set-up.
pub fn serve_settings(config: &Config, setup: Setup) -> ServeSettings {
    let listen = config.sip.listen;
    let (host, port) = match &config.sip.advertised {
        Some((host, port)) => (host.clone(), port.unwrap_or(listen.port())),
        None => (host_text(listen), listen.port()),
    };
    let mut domains = config.sip.domains.clone();
    if !domains.contains(&host) {
        domains.push(host.clone());
    }
    let trusted =
        config.sip.trusted_peers.iter().map(|peer| Network { addr: peer.addr, prefix: peer.prefix }).collect();
    let endpoint = EndpointConfig {
        realm: config.sip.realm.clone(),
        domains,
        advertised: vec![Advertised { transport: None, local: listen, host: host.clone(), port }],
        trusted,
        shield: ShieldConfig {
            requests_per_second: config.sip.shield.requests_per_second,
            ban: config.sip.shield.ban,
            ban_longest: config.sip.shield.ban_longest,
        },
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
        sip_listen: listen,
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
