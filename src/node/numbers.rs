//! The number dialled and the caller's number, out of what the wire says.
//!
//! The number dialled may stand in the Request-URI, only in To, in P-Called-Party-ID, or in History-Info and Diversion;
//! the same caller comes as +33476…, 33476…, 0033476… or 0476…. An asserted number counts only from a trunk we trust, and
//! not at all when its owner asked for privacy (RFC 3323, RFC 3325).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::call::CallerIdentity;
use crate::dialplan::Plan;
use crate::france::{CallerNumber, Department, normalise};
use crate::sip::message::{NameAddr, Uri};
use crate::sip::{IncomingInvite, Trust};

/// The plans served, by number.
#[derive(Clone, Debug, Default)]
pub struct Plans {
    by_number: BTreeMap<String, Arc<Plan>>,
}

impl Plans {
    /// All numbers of `plans`; the first plan that claims a number keeps it.
    pub fn new(plans: impl IntoIterator<Item = Arc<Plan>>) -> Plans {
        let mut by_number = BTreeMap::new();
        for plan in plans {
            for number in &plan.numbers {
                by_number.entry(key(number)).or_insert_with(|| plan.clone());
            }
        }
        Plans { by_number }
    }

    /// The plan that answers `invite`: by Request-URI, then To, then what the network says was dialled first.
    pub fn find(&self, invite: &IncomingInvite) -> Option<Arc<Plan>> {
        let first = [&invite.request_uri, &invite.to.uri];
        let later = invite.called_party.iter().chain(&invite.history_info).chain(&invite.diversion);
        first.into_iter().chain(later).find_map(|uri| self.by_uri(uri.reveal()))
    }

    /// The plan that answers `number`, in any of its forms.
    pub fn by_number(&self, number: &str) -> Option<Arc<Plan>> {
        self.by_number.get(&key(number)).cloned()
    }

    /// The plans, each once.
    pub fn plans(&self) -> Vec<Arc<Plan>> {
        let mut plans: Vec<Arc<Plan>> = Vec::new();
        for plan in self.by_number.values() {
            if !plans.iter().any(|known| Arc::ptr_eq(known, plan)) {
                plans.push(plan.clone());
            }
        }
        plans
    }

    fn by_uri(&self, uri: &str) -> Option<Arc<Plan>> {
        let user = user_of(uri)?;
        self.by_number(&user)
    }
}

/// Who calls, as far as we may know it.
pub fn caller_identity(invite: &IncomingInvite) -> CallerIdentity {
    if invite.privacy_id {
        return CallerIdentity::Hidden;
    }
    let trusted = matches!(invite.trust, Trust::Trunk(_));
    let asserted = invite.p_asserted.iter().filter(|_| trusted);
    let mut hidden = false;
    for identity in asserted.chain(std::iter::once(&invite.from)) {
        let Some(user) = user_of(identity.uri.reveal()) else { continue };
        match normalise(user.as_bytes()) {
            CallerNumber::Number(number) => return CallerIdentity::Number(number),
            CallerNumber::Hidden => hidden = true,
            CallerNumber::Unknown => {}
        }
    }
    if hidden { CallerIdentity::Hidden } else { CallerIdentity::Unknown }
}

/// Where a trusted trunk says the call comes from: `P-Access-Network-Info: GSTN;operator-specific-GI="<2 characters><INSEE
/// commune>00";network-provided`. What a stranger writes there counts for nothing.
pub(super) fn network_location(invite: &IncomingInvite) -> Option<Department> {
    if !matches!(invite.trust, Trust::Trunk(_)) || invite.privacy_id {
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

/// A caller's number as a person writes it, for rehearsals.
pub(super) fn identity_of(number: &str) -> CallerIdentity {
    match normalise(number.as_bytes()) {
        CallerNumber::Number(number) => CallerIdentity::Number(number),
        CallerNumber::Hidden => CallerIdentity::Hidden,
        CallerNumber::Unknown => CallerIdentity::Unknown,
    }
}

/// A number in the one form by which plans are found: E.164 when it is a whole number, the bare digits when it is a short
/// code (3977), also when the network wrote the country before it (+333977).
fn key(number: &str) -> String {
    let digits: String = number.chars().filter(|c| c.is_ascii_digit() || *c == '+' || *c == '*' || *c == '#').collect();
    let short = |rest: &str| rest.len() == 4 && rest.starts_with('3');
    for prefix in ["+33", "0033", "33"] {
        if let Some(rest) = digits.strip_prefix(prefix)
            && short(rest)
        {
            return rest.to_owned();
        }
    }
    match normalise(digits.as_bytes()) {
        CallerNumber::Number(number) if digits.len() > 6 => number.reveal().to_owned(),
        _ if digits.is_empty() => number.to_ascii_lowercase(),
        _ => digits,
    }
}

/// The user part of a sip, sips or tel URI, unescaped and without its parameters (`3977;phone-context=…`). The URI may stand
/// in brackets with words around it, as Diversion and History-Info write it.
fn user_of(value: &str) -> Option<String> {
    let uri = match value.contains('<') {
        true => NameAddr::parse(value.as_bytes()).ok()?.uri,
        false => value.as_bytes(),
    };
    let parsed = Uri::parse(uri).ok()?;
    let user = parsed.user_decoded()?;
    let user = String::from_utf8_lossy(&user).into_owned();
    let user = user.split(';').next().unwrap_or_default().trim().to_owned();
    (!user.is_empty()).then_some(user)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::{Flow, Hidden, Identity};

    fn invite(trust: Trust, from: &str, asserted: &[&str], privacy_id: bool, access: Option<&str>) -> IncomingInvite {
        let who = |uri: &str| Identity { display: Hidden::default(), uri: uri.into() };
        let here = "192.0.2.1:5060".parse().expect("an address");
        IncomingInvite {
            flow: Flow::udp(here, here),
            trust,
            request_uri: "sip:3977@h".into(),
            to: who("sip:3977@h"),
            from: who(from),
            p_asserted: asserted.iter().map(|uri| who(uri)).collect(),
            privacy_id,
            diversion: Vec::new(),
            history_info: Vec::new(),
            called_party: None,
            access_network: access.map(Hidden::from),
            attestation: None,
            replaces: None,
            call_id_hash: 0,
            sdp: None,
            user_agent: String::new(),
            max_forwards: 70,
        }
    }

    /// A number shown for the test only.
    fn shown(invite: &IncomingInvite) -> String {
        match caller_identity(invite) {
            CallerIdentity::Number(number) => number.reveal().to_owned(),
            CallerIdentity::Hidden => "hidden".into(),
            CallerIdentity::Unknown => "unknown".into(),
        }
    }

    /// What a trunk asserts is the caller's number, sip or tel, and what anybody else asserts is not; who asks for privacy is
    /// hidden, whatever stands beside it; all forms of a number are one.
    #[test]
    fn b145_b146_b147_p076_p077_who_calls() {
        let asserted = ["sip:+33476000102@carrier", "tel:+33476000102"];
        let other = "sip:anonymous@anonymous.invalid";
        assert_eq!(shown(&invite(Trust::Trunk(0), other, &asserted[..1], false, None)), "+33476000102");
        assert_eq!(shown(&invite(Trust::Trunk(0), other, &asserted[1..], false, None)), "+33476000102");
        assert_eq!(shown(&invite(Trust::Nobody, other, &asserted, false, None)), "hidden");
        assert_eq!(shown(&invite(Trust::Trunk(0), "sip:0476000102@h", &asserted, true, None)), "hidden");
        for from in ["+33476000102", "0033476000102", "33476000102", "0476000102", "%2B33476000102;phone-context=+33"] {
            let uri = format!("sip:{from}@h;user=phone");
            assert_eq!(shown(&invite(Trust::Nobody, &uri, &[], false, None)), "+33476000102", "{from}");
        }
        for from in ["sip:h", "sip:@h", "sip:unavailable@unknown.invalid", "nonsense", ""] {
            assert!(
                ["unknown", "hidden"].contains(&&*shown(&invite(Trust::Trunk(0), from, &[], false, None))),
                "{from}"
            );
        }
    }

    /// Where the network says the call comes from: a trunk's word, when the network itself wrote it and nobody asked for
    /// privacy; overseas departments have three characters. Anything else is no place.
    #[test]
    fn the_place_the_network_names() {
        let place = |trust: Trust, privacy: bool, value: &str| {
            network_location(&invite(trust, "sip:x@h", &[], privacy, Some(value))).map(|place| place.code().to_owned())
        };
        let isere = "GSTN;operator-specific-GI=\"3438185000\";network-provided";
        assert_eq!(place(Trust::Trunk(0), false, isere).as_deref(), Some("38"));
        let reunion = "GSTN; Operator-Specific-GI=\"3497411000\" ; Network-Provided";
        assert_eq!(place(Trust::Trunk(0), false, reunion).as_deref(), Some("974"));
        assert_eq!(place(Trust::Nobody, false, isere), None);
        assert_eq!(place(Trust::User("lea".into()), false, isere), None);
        assert_eq!(place(Trust::Trunk(0), true, isere), None);
        assert_eq!(
            place(Trust::Trunk(0), false, "GSTN;operator-specific-GI=\"3438185000\""),
            None,
            "said by the phone"
        );
        for value in [
            "",
            "network-provided",
            "network-provided;operator-specific-GI=",
            "network-provided;operator-specific-GI=\"34\"",
            "network-provided;operator-specific-GI=\"34éé185000\"",
            "network-provided;operator-specific-GI=\"3400000000\"",
        ] {
            assert_eq!(place(Trust::Trunk(0), false, value), None, "{value}");
        }
    }
}
