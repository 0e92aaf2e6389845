//! Every limit of the signalling in one table: how much, and what happens to the first that is too much. The page
//! `deploy/limits.md` is made from it, and `sip/tests/limits.rs` tries each at its edge and one beyond.
//!
//! Limits of a message stand in [`super::message`], limits of a description in the room `sdp`; those that staff may change
//! are settings ([`super::EndpointConfig`]) and are named here with their defaults.

use super::message::{MAX_CONTACTS, MAX_HEADERS, MAX_IDENTIFIER, MAX_LINE, MAX_MESSAGE, MAX_ROUTES, MAX_URI, MAX_VIAS};
use super::{EndpointConfig, auth, registrar, session};

/// The characters of a display name that are kept.
pub(super) const DISPLAY_MAX: usize = 256;
/// The values of Diversion, History-Info and P-Asserted-Identity that are read.
pub(super) const VALUES_MAX: usize = 8;
/// The characters of User-Agent that are kept.
pub(super) const USER_AGENT_MAX: usize = 80;
/// The unknown option tags that a 420 repeats.
pub(super) const UNSUPPORTED_MAX: usize = 16;

/// One limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Its name, for the test that tries it.
    pub key: &'static str,
    /// What is limited, French and English.
    pub what: (&'static str, &'static str),
    /// How much is let pass.
    pub value: usize,
    /// What happens beyond, French and English.
    pub beyond: (&'static str, &'static str),
}

const fn limit(
    key: &'static str,
    value: usize,
    what: (&'static str, &'static str),
    beyond: (&'static str, &'static str),
) -> Limit {
    Limit { key, what, value, beyond }
}

/// All of them: first those of one message, then those of the tables that messages fill.
pub fn limits() -> Vec<Limit> {
    let config = EndpointConfig::default();
    vec![
        limit("message", MAX_MESSAGE, ("octets d'un message", "bytes of a message"), ("513", "513")),
        limit("headers", MAX_HEADERS, ("lignes d'en-tête", "header lines"), ("513", "513")),
        limit("line", MAX_LINE, ("octets d'une ligne d'en-tête", "bytes of one header line"), ("513", "513")),
        limit("uri", MAX_URI, ("octets de l'adresse appelée", "bytes of the Request-URI"), ("414", "414")),
        limit("vias", MAX_VIAS, ("relais traversés (Via)", "proxies on the way (Via)"), ("483", "483")),
        limit(
            "routes",
            MAX_ROUTES,
            ("relais à suivre (Route, Record-Route, chacun)", "proxies to follow (Route, Record-Route, each)"),
            ("400", "400"),
        ),
        limit("contacts", MAX_CONTACTS, ("adresses de retour (Contact)", "ways back (Contact)"), ("400", "400")),
        limit(
            "identifier",
            MAX_IDENTIFIER,
            ("octets d'un identifiant (Call-ID, tag, branch)", "bytes of an identifier (Call-ID, tag, branch)"),
            ("400", "400"),
        ),
        limit(
            "display",
            DISPLAY_MAX,
            ("caractères d'un nom affiché", "characters of a display name"),
            ("coupé", "cut"),
        ),
        limit(
            "values",
            VALUES_MAX,
            ("renvois et identités lus par appel", "diversions and identities read of a call"),
            ("ignorés", "ignored"),
        ),
        limit(
            "user_agent",
            USER_AGENT_MAX,
            ("caractères du nom de l'appareil", "characters of the device's name"),
            ("coupé", "cut"),
        ),
        limit(
            "unsupported",
            UNSUPPORTED_MAX,
            ("extensions inconnues répétées dans un 420", "unknown extensions repeated in a 420"),
            ("tues", "left out"),
        ),
        limit(
            "forks",
            session::FORKS_MAX,
            ("réponses gardées d'un appel sortant", "answers kept of an outgoing call"),
            ("ignorées", "ignored"),
        ),
        limit(
            "early_forks",
            session::EARLY_FORKS_MAX,
            ("sonneries suivies d'un appel sortant", "ringing telephones followed of an outgoing call"),
            ("ignorées jusqu'à leur réponse", "passed over until they answer"),
        ),
        limit(
            "redirections",
            session::LEFT_MAX,
            ("adresses d'un renvoi (3xx) gardées", "addresses kept of a diversion (3xx)"),
            ("ignorées", "ignored"),
        ),
        limit(
            "provisional",
            session::WAITING_MAX,
            ("réponses provisoires en attente de PRACK", "provisional responses that wait for a PRACK"),
            ("tues", "left out"),
        ),
        limit(
            "nonce",
            auth::VALUE_BYTES_MAX,
            ("octets du nonce d'un mot de passe", "bytes of a password's nonce"),
            ("401, comme sans mot de passe", "401, as without a password"),
        ),
        limit(
            "nonces",
            auth::USED_NONCES_MAX,
            ("nonces utilisés et retenus", "used nonces remembered"),
            ("le plus vieux ne vaut plus", "the oldest is worth nothing any more"),
        ),
        limit(
            "sessions",
            config.sessions_max,
            (
                "appels à la fois (`sip.limits.calls_max`, deux par appel)",
                "sessions at a time (`sip.limits.calls_max`, two of each call)",
            ),
            ("503, réessayez", "503, try again"),
        ),
        limit(
            "transactions",
            config.transactions_max,
            (
                "échanges à la fois (`sip.limits.transactions_max`)",
                "exchanges at a time (`sip.limits.transactions_max`)",
            ),
            ("503, réessayez", "503, try again"),
        ),
        limit("devices", config.contacts_per_user, ("appareils d'un compte", "devices of one account"), ("403", "403")),
        limit(
            "flows",
            registrar::FLOWS_MAX,
            ("chemins d'un même appareil (reg-id)", "flows of one device (reg-id)"),
            ("le plus ancien est oublié", "the oldest is forgotten"),
        ),
        limit(
            "path",
            registrar::PATH_MAX,
            ("relais devant un appareil (Path)", "proxies in front of a device (Path)"),
            ("400", "400"),
        ),
        limit(
            "push",
            registrar::PUSH_BYTES_MAX,
            ("octets d'un paramètre de réveil (pn-prid, pn-param)", "bytes of a push parameter (pn-prid, pn-param)"),
            ("400", "400"),
        ),
        limit("bindings", config.bindings_max, ("appareils en tout", "devices in all"), ("403", "403")),
    ]
}

/// The page for staff, `deploy/limits.md`.
pub fn limits_markdown() -> String {
    let mut page = "# Les limites de la signalisation / The limits of the signalling\n\n\
        Tout est borné : ce qui dépasse reçoit la réponse dite ici, et rien d'autre n'en souffre. Fait par le programme.\n\
        Everything is bounded: what goes beyond gets the answer said here, and nothing else suffers. Made by the program.\n\n\
        | quoi | what | max | au-delà | beyond |\n|---|---|---|---|---|\n"
        .to_owned();
    for Limit { what, value, beyond, .. } in limits() {
        page += &format!("| {} | {} | {value} | {} | {} |\n", what.0, what.1, beyond.0, beyond.1);
    }
    page
}
