//! An INVITE, read by the rules of the trunk it came over: which number was dialled, who calls, and where from.
//!
//! An asserted number counts only from a trunk or a registrar of ours, and not at all when its owner asked for privacy
//! (RFC 3323, RFC 3325). A hidden caller, an unreadable one or an odd Identity header (RFC 8224) is a caller like any other.

use crate::france::{CallerNumber, Department};
use crate::sip::{Hidden, IncomingInvite, Trust};

use super::number::{CalledSource, CallerSource, caller_in_uri, in_uri, in_value};
use super::{Incoming, TrunkId, Trunks, Unknown};

/// What an INVITE says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The trunk it came over; `None`: a telephone of ours, or a stranger.
    pub trunk: Option<TrunkId>,
    /// The numbers that may have been dialled, the likeliest first, each in the form of [`Dialling::key`]
    /// (super::number::Dialling::key). The first that a plan serves is the one.
    pub called: Vec<Hidden>,
    /// What becomes of the call when no plan serves any.
    pub unknown: Unknown,
    /// Who calls.
    pub caller: CallerNumber,
    /// Where the network says the call comes from.
    pub located: Option<Department>,
}

impl Trunks {
    /// Reads an INVITE.
    pub fn incoming(&self, invite: &IncomingInvite) -> Arrival {
        let trunk = match invite.trust {
            Trust::Trunk(number) => Some(TrunkId(number)).filter(|id| self.lines.contains_key(id)),
            Trust::Registrar(account) => Some(TrunkId(account)).filter(|id| self.lines.contains_key(id)),
            Trust::User(_) | Trust::Nobody => None,
        };
        let rules = trunk.and_then(|id| self.settings(id)).map(|settings| settings.incoming.clone());
        read(trunk, &rules.unwrap_or_default(), invite)
    }
}

impl Arrival {
    /// An INVITE by the rules that hold where nothing was agreed.
    pub fn plain(invite: &IncomingInvite) -> Arrival {
        read(None, &Incoming::default(), invite)
    }
}

/// Reads an INVITE by these rules.
fn read(trunk: Option<TrunkId>, rules: &Incoming, invite: &IncomingInvite) -> Arrival {
    let vouched = matches!(invite.trust, Trust::Trunk(_) | Trust::Registrar(_));
    Arrival {
        trunk,
        called: called(rules, invite),
        unknown: rules.unknown.clone(),
        caller: caller(rules, invite, vouched),
        located: located(invite, vouched),
    }
}

fn called(rules: &Incoming, invite: &IncomingInvite) -> Vec<Hidden> {
    let mut called: Vec<Hidden> = Vec::new();
    for source in &rules.called_from {
        let found: Vec<Option<String>> = match source {
            CalledSource::RequestUri => vec![in_uri(invite.request_uri.reveal())],
            CalledSource::To => vec![in_uri(invite.to.uri.reveal())],
            CalledSource::PCalledPartyId => invite.called_party.iter().map(|value| in_value(value.reveal())).collect(),
            CalledSource::HistoryInfo => invite.history_info.iter().map(|value| in_value(value.reveal())).collect(),
            CalledSource::Diversion => invite.diversion.iter().map(|value| in_value(value.reveal())).collect(),
        };
        for number in found.into_iter().flatten() {
            let key = Hidden::new(rules.dialling.key(&rules.called.apply(&number)));
            if !key.is_empty() && !called.contains(&key) {
                called.push(key);
            }
        }
    }
    called
}

fn caller(rules: &Incoming, invite: &IncomingInvite, vouched: bool) -> CallerNumber {
    let read = |uri: &Hidden| caller_in_uri(uri.reveal(), &rules.dialling, &rules.caller);
    // An anonymous From is the caller's own word, with or without a Privacy header beside it.
    if invite.privacy_id || read(&invite.from.uri) == CallerNumber::Hidden {
        return CallerNumber::Hidden;
    }
    let mut hidden = false;
    for source in &rules.caller_from {
        let asserted: &[_] = if vouched { &invite.p_asserted } else { &[] };
        let identities = match source {
            CallerSource::PAssertedIdentity => asserted,
            CallerSource::From => std::slice::from_ref(&invite.from),
        };
        for identity in identities {
            match read(&identity.uri) {
                CallerNumber::Number(number) => return CallerNumber::Number(number),
                CallerNumber::Hidden => hidden = true,
                CallerNumber::Unknown => {}
            }
        }
    }
    if hidden { CallerNumber::Hidden } else { CallerNumber::Unknown }
}

/// `P-Access-Network-Info: GSTN;operator-specific-GI="<2 characters><INSEE commune>00";network-provided`. What a stranger
/// writes there counts for nothing.
fn located(invite: &IncomingInvite, vouched: bool) -> Option<Department> {
    if !vouched || invite.privacy_id {
        return None;
    }
    let value = invite.access_network.as_ref()?.reveal();
    let lower = value.to_ascii_lowercase();
    if !lower.split(';').any(|part| part.trim() == "network-provided") {
        return None;
    }
    let at = lower.find("operator-specific-gi=")? + "operator-specific-gi=".len();
    let gi = value.get(at..)?.split(';').next()?.trim().trim_matches('"');
    let commune = gi.get(2..7)?;
    // The commune's first two characters are its department's, three beyond the sea (97, 98).
    let length = if commune.starts_with("97") || commune.starts_with("98") { 3 } else { 2 };
    Department::from_code(&commune.get(..length)?.to_ascii_uppercase())
}
