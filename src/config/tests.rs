//! The configuration as a person meets it.

use std::path::Path;

use super::keys::KEYS;
use super::*;

fn read(text: &str) -> Result<Config, Vec<Fault>> {
    Config::read(text, Path::new("/etc/ecoute/ecoute.toml"))
}

/// The faults of `text`, as `line: English`.
fn faults(text: &str) -> Vec<String> {
    let faults = read(text).expect_err("it is faulty");
    faults.iter().map(|fault| format!("{}: {}", fault.line, fault.en)).collect()
}

/// Nothing written: everything listens on this machine only, and paths start from the file.
#[test]
fn the_defaults_are_safe() {
    let config = read("").expect("the defaults are sound");
    assert!(config.sip.listen.iter().all(|one| one.address.ip().is_loopback()));
    assert_eq!(config.sip.listen.len(), 2, "UDP and TCP");
    assert!(config.media.address.is_loopback() && config.media.advertised.is_loopback());
    assert!(config.ops.listen.ip().is_loopback());
    assert_eq!(config.store.numbers_keep, Duration::from_secs(86_400));
    assert_eq!(config.state_dir, Path::new("/etc/ecoute/var"));
    assert_eq!(config.listeners, Path::new("/etc/ecoute/var/listeners.toml"));
    assert_eq!(config.dialplans, [Path::new("/etc/ecoute/dialplans/3977.toml")]);
    assert_eq!(Config::default().state_dir, Path::new("var"));
}

/// A file as a deployer would write it is understood.
#[test]
fn a_real_file() {
    let config = read(
        r#"
state_dir = "/var/lib/ecoute"
dialplans = ["dialplans/3977.toml", "dialplans/3133.toml"]
listeners = "listeners.toml"

[sip]
listen = "0.0.0.0:5060"
advertised = "sip.example.org"
domains = ["example.org"]
trusted_peers = ["192.0.2.0/24", "2001:db8::7"]
limits.calls_max = 200

[media]
address = "10.0.0.5"
advertised = "203.0.113.5"
ports = "30000-31999"

[store]
retention_h = 12
size_mb_max = 500

[log]
format = "json"
level = "info,ecoute::sip=debug"
"#,
    )
    .expect("a sound file");
    assert_eq!(config.state_dir, Path::new("/var/lib/ecoute"));
    assert_eq!(config.listeners, Path::new("/etc/ecoute/listeners.toml"));
    assert_eq!(config.sip.advertised, Some(("sip.example.org".into(), None)));
    assert_eq!(config.sip.trusted_peers[1], Network { addr: "2001:db8::7".parse().expect("an address"), prefix: 128 });
    assert_eq!(config.sip.calls_max, 200);
    assert_eq!(config.media.ports, 30000..=31999);
    assert_eq!(config.store.pages_max, 128_000);
    assert_eq!(config.log.format, LogFormat::Json);
}

/// All faults are told at once, each with its line, and what was probably meant.
#[test]
fn every_fault_at_once() {
    let text = "\
state_dirs = \"var\"
[sip]
lisen = \"127.0.0.1:5060\"
realm = 7
trusted_peers = [\"192.0.2.0/33\"]
limits.calls_max = 0
[media]
ports = \"20001\"
silence_s = -1
[operations]
listen = \"127.0.0.1:1\"
[store]
retention_h = 25
[log]
format = \"xml\"
level = \"infos\"
";
    let expected = [
        "1: `state_dirs` is not a setting; did you mean `state_dir`?",
        "3: `sip.lisen` is not a setting; did you mean `sip.listen`?",
        "4: `sip.realm`: expected: text; found: a whole number",
        "5: `sip.trusted_peers`: an address or a range is expected, such as `192.0.2.7` or `192.0.2.0/24`",
        "6: `sip.limits.calls_max`: 0 is not between 1 and 100000",
        "8: `media.ports`: a range of ports from 1024 to 65535 is expected, such as `20000-29999`",
        "9: `media.silence_s`: expected: whole number; found: a negative number",
        "10: `operations` is not a setting",
        "13: `store.retention_h`: 25 is not between 0 and 24",
        "15: `log.format`: `human` or `json` is expected",
        "16: `log.level`: error, warn, info, debug or trace is expected, or finer: `info,ecoute::sip=debug`",
    ];
    assert_eq!(faults(text), expected);
    let shown = read(text).expect_err("faulty")[0].to_string();
    assert!(shown.starts_with("/etc/ecoute/ecoute.toml:1: `state_dirs` n'est pas un réglage"), "{shown}");
}

/// What is not TOML is told with the line, all such places at once.
#[test]
fn broken_syntax() {
    let faults = faults("state_dir = \"var\"\n[sip\nlisten = = 3\n");
    assert!(faults.len() >= 2 && faults[0].starts_with("2: this is not TOML"), "{faults:?}");
}

/// Settings that cannot be meant together are refused, in words that say what to write.
#[test]
fn contradictions() {
    for (text, words) in [
        ("sip.listen = \"0.0.0.0:5060\"\nmedia.address = \"10.0.0.1\"", "write `sip.advertised`"),
        ("media.address = \"0.0.0.0\"", "write `media.advertised`"),
        ("media.advertised = \"0.0.0.0\"", "nobody's address"),
        ("sip.listen = \"10.0.0.1:5060\"", "the sound stays on this one"),
        ("sip.trusted_peers = [\"0.0.0.0/0\"]", "the whole world"),
        ("media.ports = \"5000-9999\"", "is in this range"),
        ("media.ports = \"20000-20399\"\nsip.limits.calls_max = 101", "enough for 100 calls"),
        ("dialplans = []", "nobody can be welcomed"),
        ("sip.realm = 'a\"b'", "without quote"),
        ("sip.domains = [\"a b\"]", "not a host name"),
        ("dispatch.timezone = \"Europe/Lutece\"", "no such time zone"),
    ] {
        let faults = faults(text);
        assert!(faults.len() == 1 && faults[0].contains(words), "{text}: {faults:?}");
    }
    assert!(read("media.ports = \"20000-20399\"\nsip.limits.calls_max = 100").is_ok());
}

/// A faulty key takes no part in the judgement of the whole: one cause, one fault.
#[test]
fn one_cause_one_fault() {
    assert_eq!(faults("sip.listen = \"10.0.0.1:5060\"\nmedia.address = \"here\"").len(), 1);
    assert_eq!(faults("media.ports = \"x\"\nsip.limits.calls_max = 99999").len(), 1);
}

/// Session timers: off, at the least, and an interval that no peer could be granted.
#[test]
fn b117_session_timers() {
    let sip = |text: &str| read(text).expect("sound").sip;
    let timer = sip("").session_timer;
    assert_eq!((timer.interval.as_secs(), timer.min.as_secs(), sip("").offer_100rel), (1800, 90, true));
    assert!(sip("sip.session_timer.interval_s = 0").session_timer.interval.is_zero());
    assert!(!sip("sip.offer_100rel = false").offer_100rel);
    assert!(!sip("").transfer && sip("sip.transfer = true").transfer, "off unless it is switched on");
    assert_eq!(sip("sip.session_timer.interval_s = 90").session_timer.interval.as_secs(), 90);
    assert_eq!(faults("sip.session_timer.interval_s = 89").len(), 1);
    assert_eq!(faults("[sip.session_timer]\ninterval_s = 200\nmin_s = 300").len(), 1);
    assert_eq!(faults("sip.session_timer.min_s = 89").len(), 1);
}

/// The shield's settings at their edges, and a range holds its addresses and no others.
#[test]
fn the_shield() {
    let shield =
        read("[sip.shield]\nrequests_per_second = 0\nban = false\nban_longest_s = 60\n").expect("sound").sip.shield;
    assert_eq!((shield.requests_per_second, shield.ban, shield.ban_longest.as_secs()), (0, false, 60));
    assert!(Config::default().sip.shield.ban);
    assert_eq!(faults("sip.shield.ban = 1").len(), 1);
    assert_eq!(faults("sip.shield.ban_longest_s = 59").len(), 1);
    let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
    let range = Network { addr: ip("192.0.2.16"), prefix: 28 };
    assert!(range.contains(ip("192.0.2.31")) && range.contains(ip("::ffff:192.0.2.17")));
    assert!(!range.contains(ip("192.0.2.32")) && !range.contains(ip("2001:db8::1")));
    assert!(Network { addr: ip("2001:db8::1"), prefix: 128 }.contains(ip("2001:db8::1")));
    assert!(Network { addr: ip("::"), prefix: 0 }.contains(ip("2001:db8::1")));
}

/// Addresses for others may be names or addresses, with or without a port.
#[test]
fn advertised_hosts() {
    let advertised = |text: &str| read(&format!("sip.advertised = \"{text}\"")).map(|config| config.sip.advertised);
    assert_eq!(advertised(""), Ok(None));
    assert_eq!(advertised("sip.example.org:5070"), Ok(Some(("sip.example.org".into(), Some(5070)))));
    assert_eq!(advertised("203.0.113.5"), Ok(Some(("203.0.113.5".into(), None))));
    assert_eq!(advertised("[2001:db8::1]:5060"), Ok(Some(("[2001:db8::1]".into(), Some(5060)))));
    assert_eq!(advertised("2001:db8::1"), Ok(Some(("[2001:db8::1]".into(), None))));
    for wrong in ["a b", "host:0", "host:99999", "-.-..", "<host>"] {
        assert!(advertised(wrong).is_err(), "{wrong}");
    }
}

/// The sample is what the program writes, and means the defaults, commented out or not.
#[test]
fn the_sample_is_the_defaults() {
    let sample = sample();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/ecoute.sample.toml");
    if std::env::var_os("ECOUTE_BLESS").is_some() {
        std::fs::write(&path, &sample).expect("the sample can be written");
    }
    let committed = std::fs::read_to_string(&path).expect("the sample is there");
    assert!(committed == sample, "config/ecoute.sample.toml is out of date: run this test with ECOUTE_BLESS=1");
    assert_eq!(read(&sample), read(""));
    let active: String = sample
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if setting.starts_with(|c: char| c.is_ascii_lowercase()) => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    assert_eq!(active.matches(" = ").count(), KEYS.len());
    assert_eq!(read(&active), read(""));
}

/// Every key is in the reference, with words in both languages that end like sentences.
#[test]
fn the_reference_is_complete() {
    let page = reference_markdown();
    for key in KEYS {
        assert!(page.contains(&format!("### `{}`", key.name)), "{}", key.name);
        assert!(key.fr.ends_with('.') && key.en.ends_with('.'), "{}", key.name);
        assert_eq!(KEYS.iter().filter(|other| other.name == key.name).count(), 1, "{} stands once", key.name);
    }
}

/// Whatever is written, reading ends without a panic.
#[test]
fn noise_is_refused() {
    use proptest::prelude::*;
    proptest!(|(text in "[a-z\\[\\]\\.=\"'#\n 0-9{},-]{0,200}")| {
        let _ = read(&text);
        let _ = read(&format!("sip.{text}"));
    });
}

/// One address is UDP and TCP; a list names transports, and may say what others write to reach each.
#[test]
fn the_sockets_of_signalling() {
    let config = read("sip.listen = \"[::1]:5070\"").expect("sound");
    let two: Vec<String> = config.sip.listen.iter().map(|one| format!("{} {}", one.transport, one.address)).collect();
    assert_eq!(two, ["udp [::1]:5070", "tcp [::1]:5070"]);
    let config = read(
        "[sip]\nlisten = [\"udp:127.0.0.1:5060\", \"tls:127.0.0.1:5061 as sip.example.org:443\", \"wss:[::1]:8443\"]\n\
         tls.certificate = \"cert.pem\"\ntls.key = \"/keys/key.pem\"\nweb.origins = [\"https://desk.example.org\"]",
    )
    .expect("sound");
    let names: Vec<&str> = SipTransport::NAMES
        .iter()
        .filter(|(_, t)| config.sip.listen.iter().any(|one| one.transport == *t))
        .map(|n| n.0)
        .collect();
    assert_eq!(names, ["udp", "tls", "wss"]);
    assert_eq!(config.sip.listen[1].advertised, Some(("sip.example.org".into(), Some(443))));
    assert_eq!(config.sip.tls.certificate.as_deref(), Some(Path::new("/etc/ecoute/cert.pem")));
    assert_eq!(config.sip.tls.key.as_deref(), Some(Path::new("/keys/key.pem")));
}

/// A socket that cannot be meant is told: no certificate, a port taken twice, a transport nobody has.
#[test]
fn sockets_that_cannot_be_meant() {
    let cases = [
        ("sip.listen = \"tls:127.0.0.1:5061\"", "tls needs `sip.tls.certificate`"),
        ("sip.listen = [\"tcp:127.0.0.1:5061\", \"wss:127.0.0.1:5061\"]", "taken twice"),
        ("sip.listen = [\"127.0.0.1:5060\", \"udp:127.0.0.1:5060\"]", "taken twice"),
        ("sip.listen = [\"sctp:127.0.0.1:5060\"]", "an address and a port are expected"),
        ("sip.listen = []", "1 to 32 entries"),
        ("sip.listen = [5060]", "expected: address and port"),
        ("sip.listen = \"udp:127.0.0.1:5060 as two words\"", "a name or an address is expected"),
        ("sip.tls.key = \"k.pem\"", "go together"),
        ("sip.web.origins = [\"ecoute.example.org\"]", "is no origin"),
        ("sip.push.providers = [\"apns\", \"a push\"]", "is not the name of a service"),
    ];
    for (text, told) in cases {
        let found = faults(text);
        assert!(found.len() == 1 && found[0].contains(told), "{text}: {found:?}");
    }
}
