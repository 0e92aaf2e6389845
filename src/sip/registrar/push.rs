//! How a sleeping telephone is woken: the parameters of RFC 8599 in its Contact. We send no push ourselves: the owner is told
//! when a phone that sleeps is called, and a program of his speaks to the provider.

use super::super::Hidden;
use super::super::message::Uri;
use super::Refused;
use super::binding::plain;

/// What a push provider needs to find a device. The two identifiers are as good as a key to it, and are never printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// `pn-provider`: the service, by its registered name.
    pub provider: String,
    /// `pn-prid`: the device.
    pub prid: Hidden,
    /// `pn-param`: what else the service wants to know.
    pub param: Option<Hidden>,
}

/// Bytes of each parameter; a longer one is no token of any service.
pub(in crate::sip) const PUSH_BYTES_MAX: usize = 512;

impl Push {
    /// What a Contact says, when we know one of `providers` at all. A name without a device is a mere question.
    pub(super) fn read(providers: &[String], uri: &Uri<'_>) -> Result<Option<Push>, Refused> {
        if providers.is_empty() {
            return Ok(None);
        }
        let value = |name: &str| uri.params.get(name).filter(|value| !value.is_empty());
        let Some(provider) = value("pn-provider") else { return Ok(None) };
        let Some(provider) = providers.iter().find(|known| known.as_bytes().eq_ignore_ascii_case(provider)) else {
            return Err(Refused::PushProvider);
        };
        let (prid, param) = (value("pn-prid"), value("pn-param"));
        if prid.into_iter().chain(param).any(|value| value.len() > PUSH_BYTES_MAX) {
            return Err(Refused::Contact);
        }
        let push = |prid: &[u8]| Push {
            provider: provider.clone(),
            prid: Hidden::new(plain(prid, PUSH_BYTES_MAX)),
            param: param.map(|param| Hidden::new(plain(param, PUSH_BYTES_MAX))),
        };
        Ok(prid.map(push))
    }

    /// The Feature-Caps of a 200 to a REGISTER with this Contact (RFC 8599 §4.1): the provider it names, or all when it asks.
    pub(in crate::sip) fn feature_caps(providers: &[String], uri: &Uri<'_>) -> Option<String> {
        let named = uri.params.has("pn-provider") && !providers.is_empty();
        let asked = uri.params.get("pn-provider").filter(|value| !value.is_empty());
        let list = match asked {
            Some(asked) => providers.iter().find(|known| known.as_bytes().eq_ignore_ascii_case(asked))?.clone(),
            None => providers.join(","),
        };
        named.then(|| format!("*;+sip.pns=\"{list}\""))
    }
}
