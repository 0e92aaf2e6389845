//! Which plan answers a call. What the wire says of numbers is read by [`crate::trunk`], by the rules of the operator it
//! comes from; here the numbers found meet the plans that claim them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::call::CallerIdentity;
use crate::dialplan::Plan;
use crate::france::{CallerNumber, normalise};
use crate::sip::IncomingInvite;
use crate::trunk::number::Dialling;
use crate::trunk::{Arrival, Unknown};

/// The plans served, by number.
#[derive(Clone, Debug, Default)]
pub struct Plans {
    by_number: BTreeMap<String, Arc<Plan>>,
    first: Option<Arc<Plan>>,
}

impl Plans {
    /// All numbers of `plans`; the first plan that claims a number keeps it.
    pub fn new(plans: impl IntoIterator<Item = Arc<Plan>>) -> Plans {
        let mut served = Plans::default();
        for plan in plans {
            for number in &plan.numbers {
                served.by_number.entry(Dialling::FRANCE.key(number)).or_insert_with(|| plan.clone());
            }
            served.first.get_or_insert(plan);
        }
        served
    }

    /// The plan that answers a call read by its trunk's rules; `None`: it is refused, 404.
    pub fn serve(&self, arrival: &Arrival) -> Option<Arc<Plan>> {
        let served = arrival.called.iter().find_map(|number| self.by_number.get(number.reveal()));
        let otherwise = || match &arrival.unknown {
            Unknown::Answer(Some(number)) => self.by_number(number).or_else(|| self.first.clone()),
            Unknown::Answer(None) => self.first.clone(),
            Unknown::Refuse => None,
        };
        served.cloned().or_else(otherwise)
    }

    /// The plan that answers `invite` where nothing was agreed about its source.
    pub fn find(&self, invite: &IncomingInvite) -> Option<Arc<Plan>> {
        self.serve(&Arrival::plain(invite))
    }

    /// The plan that answers `number`, in any of its forms.
    pub fn by_number(&self, number: &str) -> Option<Arc<Plan>> {
        self.by_number.get(&Dialling::FRANCE.key(number)).cloned()
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
}

/// Who calls, as far as we may know it.
pub fn caller_identity(invite: &IncomingInvite) -> CallerIdentity {
    identity(Arrival::plain(invite).caller)
}

/// A caller's number as a person writes it, for rehearsals.
pub(super) fn identity_of(number: &str) -> CallerIdentity {
    identity(normalise(number.as_bytes()))
}

/// A caller, as a call knows him.
pub(super) fn identity(caller: CallerNumber) -> CallerIdentity {
    match caller {
        CallerNumber::Number(number) => CallerIdentity::Number(number),
        CallerNumber::Hidden => CallerIdentity::Hidden,
        CallerNumber::Unknown => CallerIdentity::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::{Flow, Hidden, Identity, Trust};

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
        let (account, other) = ("sip:compte@h", "sip:anonymous@anonymous.invalid");
        assert_eq!(shown(&invite(Trust::Trunk(0), account, &asserted[..1], false, None)), "+33476000102");
        assert_eq!(shown(&invite(Trust::Trunk(0), account, &asserted[1..], false, None)), "+33476000102");
        assert_eq!(shown(&invite(Trust::Trunk(0), other, &asserted, false, None)), "hidden", "the caller's own word");
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
            Arrival::plain(&invite(trust, "sip:x@h", &[], privacy, Some(value)))
                .located
                .map(|place| place.code().to_owned())
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
