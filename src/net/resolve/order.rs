//! Who comes first: NAPTR by order and preference (RFC 3263 §4.1), SRV by priority and weighted chance (RFC 2782).

use super::{Record, Way};
use crate::ids::IdSource;

/// A usable NAPTR record: by which way, with SRV records or plain addresses, at which name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    pub way: Way,
    pub has_services: bool,
    pub name: String,
}

/// The NAPTR records we can use, in the domain's order.
pub(super) fn pointers(records: &[Record], ways: &[Way], secure: bool) -> Vec<Pointer> {
    let mut usable: Vec<(u16, u16, Pointer)> = records
        .iter()
        .filter_map(|record| {
            let Record::Naptr { order, preference, flags, service, replacement } = record else { return None };
            let way = match service.to_ascii_uppercase().as_str() {
                "SIP+D2U" => Way::Udp,
                "SIP+D2T" => Way::TCP,
                "SIPS+D2T" => Way::TLS,
                _ => return None,
            };
            let has_services = match flags.to_ascii_lowercase().as_str() {
                "s" => true,
                "a" => false,
                _ => return None,
            };
            let name = plain(replacement);
            let fits = ways.contains(&way) && (!secure || way == Way::TLS) && !name.is_empty();
            fits.then_some((*order, *preference, Pointer { way, has_services, name }))
        })
        .collect();
    usable.sort_by_key(|(order, preference, _)| (*order, *preference));
    usable.into_iter().map(|(_, _, pointer)| pointer).collect()
}

/// The hosts and ports of SRV records in the order to try them: priorities ascending; within one, drawn by weight, those
/// of weight 0 with a very small chance. `seed` makes the drawing repeatable.
pub(super) fn services(records: &[Record], seed: u64) -> Vec<(String, u16)> {
    let mut chance = IdSource::from_number(seed);
    let mut all: Vec<(u16, u16, String, u16)> = records
        .iter()
        .filter_map(|record| match record {
            Record::Srv { priority, weight, port, target } => Some((*priority, *weight, plain(target), *port)),
            _ => None,
        })
        .filter(|(_, _, target, _)| !target.is_empty())
        .collect();
    // Weight 0 first within a priority, as RFC 2782 lays them out; the name and port so that the input's order is nothing.
    all.sort_by(|a, b| (a.0, a.1, &a.2, a.3).cmp(&(b.0, b.1, &b.2, b.3)));
    let mut ordered = Vec::with_capacity(all.len());
    while let Some(&(priority, ..)) = all.first() {
        let peers = all.iter().take_while(|record| record.0 == priority).count();
        let total: u64 = all[..peers].iter().map(|record| u64::from(record.1)).sum();
        let drawn = chance.below(total + 1);
        let mut running = 0;
        let place = all[..peers].iter().position(|record| {
            running += u64::from(record.1);
            running >= drawn
        });
        let (_, _, target, port) = all.remove(place.unwrap_or(0));
        ordered.push((target, port));
    }
    ordered
}

/// Do the records say that the service is decidedly not there (RFC 2782, target `.`)?
pub(super) fn is_refused(records: &[Record]) -> bool {
    let mut services = records.iter().filter_map(|record| match record {
        Record::Srv { target, .. } => Some(plain(target)),
        _ => None,
    });
    services.next().is_some_and(|target| target.is_empty()) && services.next().is_none()
}

/// A name as questions carry it: lower case, without the last dot.
pub(super) fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}
