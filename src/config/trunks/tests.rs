//! A trunk's file as a person meets it.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::sip::Transport;
use crate::trunk::number::{CalledSource, Dialling};
use crate::trunk::{FromUser, Srtp, Unknown};

fn reading(text: &str) -> Result<Settings, Vec<Fault>> {
    let mut secret = |path: &Path| match path.ends_with("compte.password") {
        true => Ok("un-secret-bien-garde\n".to_owned()),
        false => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    read(text, Path::new("/etc/ecoute/trunks/operateur.toml"), &mut secret)
}

/// The faults of `text`, as `line: English`.
fn faults(text: &str) -> Vec<String> {
    let faults = reading(text).expect_err("it is faulty");
    faults.iter().map(|fault| format!("{}: {}", fault.line, fault.en)).collect()
}

/// Every sample that ships with the program is sound, and says what its comments say.
#[test]
fn the_samples_are_sound() {
    let fixed = reading(include_str!("../../../deploy/trunks/deux-proxys-udp.toml")).expect("sound");
    let Way::Peers(peers) = &fixed.way else { panic!("fixed peers") };
    assert_eq!(peers.iter().map(|peer| peer.priority).collect::<Vec<_>>(), [1, 2]);
    assert!(peers.iter().all(|peer| peer.host.transport == Some(Transport::Udp)));
    assert_eq!((fixed.channels_max, fixed.reserved_for_outgoing, fixed.session.timer_s), (Some(30), 6, 1800));
    assert_eq!(fixed.probe_every, Duration::from_secs(30));
    assert_eq!(fixed.accept_from.len(), 3);

    let account = reading(include_str!("../../../deploy/trunks/enregistrement.toml")).expect("sound");
    let registration = account.registration().expect("it registers");
    assert_eq!((registration.user.as_str(), registration.expires_s), ("0033199000110", 1800));
    assert_eq!(registration.credentials.secret, crate::sip::Secret::password("un-secret-bien-garde"));
    assert_eq!(account.incoming.called_from[0], CalledSource::To);
    assert_eq!(account.outgoing.expect("it calls").from, FromUser::Account);

    let secured = reading(include_str!("../../../deploy/trunks/tls.toml")).expect("sound");
    let Way::Peers(peers) = &secured.way else { panic!("fixed peers") };
    assert_eq!((peers[0].weight, peers[1].weight, peers[0].host.port), (60, 40, Some(5061)));
    assert_eq!((secured.session.srtp, secured.tls.verify), (Srtp::Never, true));
    let certificate = secured.tls.certificate.expect("a certificate of ours");
    assert_eq!(certificate.0, Path::new("/etc/ecoute/trunks/tls/ecoute.pem"));

    let ours = reading(include_str!("../../../deploy/trunks/derriere-kamailio.toml")).expect("sound");
    let Way::Peers(peers) = &ours.way else { panic!("fixed peers") };
    assert_eq!((peers[1].priority, peers[1].host.transport), (2, Some(Transport::Tcp)));
    assert_eq!((ours.full_status, &ours.incoming.unknown), (503, &Unknown::Answer(None)));
}

/// The least that makes a trunk, and what it then means: a caller is welcomed whatever number the operator sends, and
/// nothing is placed.
#[test]
fn p075_the_least_file_welcomes_every_number() {
    let trunk = reading("peers = [\"sbc.example\"]").expect("sound");
    assert_eq!(&*trunk.name, "operateur");
    assert_eq!(trunk.incoming.unknown, Unknown::Answer(None));
    assert_eq!(trunk.incoming.called_from, CalledSource::ALL);
    assert_eq!(trunk.incoming.dialling, Dialling::FRANCE);
    assert_eq!((trunk.channels_max, trunk.outgoing.is_none()), (None, true));
}

/// All faults are told at once, each with its line, and what was probably meant.
#[test]
fn every_fault_at_once() {
    let text = "\
name = \"Mon Operateur\"
transprot = \"udp\"
peers = [
    \"sbc.example\",
    { hots = \"a\", host = \"sbc2.example\" },
    { priority = 1 },
    { host = \"sbc3.example\", transport = \"upd\", weight = 70000 },
    7,
]
channels_max = -1
full_answer = 404
[numbers]
called_from = [\"request_url\"]
country = \"+33\"
called_strip = \"abc\"
[media]
codecs = [\"PCMA\", \"pcma\"]
srtp = \"required\"
[session]
timer_s = 60
[outgoing]
number = \"0476000102\"
barred = [\"89\"]
[tls]
certificate = \"c.pem\"
";
    let expected = [
        "1: `name`: a short name is expected, of lower-case letters without accents, digits, - and _",
        "2: `transprot` is not a setting; did you mean `transport`?",
        "5: `peers` knows no `hots`; did you mean `host`?",
        "6: `peers`: a machine has no `host`",
        "7: `transport`: expected: `udp`, `tcp`, `tls`, `auto`; did you mean `udp`?",
        "7: `weight`: a number from 0 to 65535 is expected",
        "8: expected: name or address, with or without port, or nothing; found: a whole number",
        "10: `channels_max`: expected: whole number; found: a negative number",
        "11: `full_answer`: expected: 503 or 486; found: a whole number",
        "13: `numbers.called_from`: expected: `request_uri`, `to`, `p_called_party_id`, `history_info`, `diversion`; did you \
         mean `request_uri`?",
        "14: `numbers.country`: a country code is expected, such as `33`",
        "15: `numbers.called_strip`: digits are expected",
        "17: `media.codecs`: a value is written twice",
        "18: `media.srtp`: this version cannot encrypt sound yet; write `never`, or wait for the one that can",
        "20: `session.timer_s`: at least 90 (RFC 4028), or 0 not to ask for it",
        "22: `outgoing.number`: a number is expected in the form `+33…`",
        "23: `outgoing.barred`: beginnings of numbers are expected, such as `+3389`",
        "25: `tls.certificate` and `tls.key` go together",
    ];
    assert_eq!(faults(text), expected);
    let shown = reading(text).expect_err("faulty")[1].to_string();
    assert!(shown.starts_with("/etc/ecoute/trunks/operateur.toml:2: `transprot` n'est pas un réglage"), "{shown}");
}

/// What cannot be meant together is refused, in words that say what to write.
#[test]
fn contradictions() {
    let peer = "peers = [\"sbc.example\"]\n";
    let account = "kind = \"register\"\nregister.user = \"u\"\nregister.registrar = \"r.example\"\n";
    for (head, text, words) in [
        ("", "", "nobody to call and nobody to trust"),
        ("", "accept_from = [\"192.0.2.1\"]\noutgoing.number = \"+33199000110\"", "nobody to call"),
        (peer, "reserved_for_outgoing = 2", "write `channels_max`"),
        (peer, "channels_max = 2\nreserved_for_outgoing = 2", "no channel would be left"),
        (peer, "accept_from = [\"0.0.0.0/0\"]", "the whole world"),
        (peer, "register.user = \"x\"", "goes with `kind = \"register\"` only"),
        (peer, "outgoing.from = \"account\"", "goes with `kind = \"register\"` only"),
        (peer, "name = \"local\"", "take another"),
        (peer, "numbers.unknown = \"refuse\"\nnumbers.default_number = \"3977\"", "serves nothing"),
        ("", "peers = [\"sbc.example\", \"sbc.example\"]", "written twice"),
        (account, "", "a password is expected"),
        (account, "register.password = \"x\"\nregister.password_file = \"y\"", "not both"),
        (account, "register.password_file = \"y\"", "cannot be read"),
        (account, "register.password = \"x\"\npeers = [\"sbc.example\"]", "goes with `kind = \"peers\"` only"),
        ("kind = \"register\"\n", "register.user = \"u\"\nregister.password = \"x\"", "where to register"),
        (
            "kind = \"register\"\n",
            "register.registrar = \"r\"\nregister.password = \"x\"",
            "the account the operator gave",
        ),
    ] {
        let text = format!("{head}{text}");
        let faults = faults(&text);
        assert!(faults.len() == 1 && faults[0].contains(words), "{text}: {faults:?}");
    }
    assert!(reading("accept_from = [\"192.0.2.1\"]").is_ok(), "a trunk that only receives needs no peer");
}

/// Neither a fault nor a debug print repeats a password or a number.
#[test]
fn secrets_stay_secret() {
    let text = "kind = \"register\"\nregister.registrar = \"r.example\"\nregister.user = \"u\"\n\
                register.password = \"hunter2\"\noutgoing.number = \"+33199000110\"";
    let trunk = reading(text).expect("sound");
    let shown = format!("{trunk:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("199000110"), "{shown}");
    for broken in [text.replace("+33199000110", "0199000110"), text.replace("\"u\"", "\"u v\"")] {
        let shown = format!("{:?}", reading(&broken).expect_err("faulty"));
        assert!(!shown.contains("hunter2") && !shown.contains("199000110"), "{shown}");
    }
}

/// Two trunks neither share a name nor an address.
#[test]
fn trunks_are_told_apart() {
    let one = reading("name = \"a\"\npeers = [\"192.0.2.1\"]").expect("sound");
    let two = reading("name = \"b\"\naccept_from = [\"192.0.2.1\"]").expect("sound");
    let file = Path::new("x.toml");
    assert_eq!(together(&[(file, one.clone()), (file, two.clone())]).len(), 1);
    let three = Settings { name: "a".into(), accept_from: Vec::new(), way: Way::Peers(Vec::new()), ..two.clone() };
    assert_eq!(together(&[(file, one), (file, three)]).len(), 1);
    let missing = load(&["nowhere/x.toml".into()]).expect_err("there is no such file");
    assert!(missing[0].fr.contains("ne peut être lu"));
}

/// The keys of the page for staff are those that are read, each with words in both languages.
#[test]
fn the_reference_is_whole() {
    let page = crate::config::trunks_markdown();
    for key in KEYS {
        assert!(page.contains(&format!("### `{}`", key.name)) && page.contains(key.fr) && page.contains(key.en));
    }
}
