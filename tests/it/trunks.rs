//! Trunks of the running product, against machines of an operator that answer, refuse, stay silent, go away and come back:
//! registration, failover, channels, OPTIONS, TLS, numbers, reload, and what staff sees of it all.
//!
//! Whatever takes minutes (an operator cut off for two of them, lost datagrams, Timer F) is proved on virtual time in the
//! room `trunk`; here the same code meets sockets. The two minutes are lived through once, in `peers::registrar`.

mod names;
mod operator;

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::engine::{Engine, SOON, Setup, free_port, own_address, pause, repository, wait_until};
use crate::wire::raw::{Got, NOTHING, OFFER, Peer};
use operator::{Answer, Machine, proves};

/// A number of nobody (ARCEP keeps it for fiction).
const CALLED: &str = "0199000177";

fn at(ip: IpAddr) -> SocketAddr {
    SocketAddr::new(ip, free_port(ip))
}

/// An engine with the plan of the load tests and these trunks, each a file `trunks/<name>.toml`.
fn engine(name: &str, trunks: &[(&str, String)]) -> Engine {
    engine_with(name, trunks, |setup| setup)
}

fn engine_with(name: &str, trunks: &[(&str, String)], change: impl FnOnce(Setup) -> Setup) -> Engine {
    let folder = folder(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    let files: Vec<String> = trunks
        .iter()
        .map(|(trunk, text)| {
            let file = folder.join(format!("{trunk}.toml"));
            fs::write(&file, text).expect("written");
            format!("\"{}\"", file.display())
        })
        .collect();
    let plan = fs::read_to_string(repository().join("tests/load/plan.toml")).expect("the plan");
    Engine::with(name, |setup| change(setup.plan(&plan).set("trunks", &format!("[{}]", files.join(", ")))))
}

/// Where the trunk files of a test lie.
pub fn folder(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("ecoute-it-trunks-{name}-{}", std::process::id()))
}

/// How a trunk is, as the operations port tells it.
pub fn trunk(engine: &Engine, name: &str) -> Value {
    let trunks = engine.json("/api/v1/trunks");
    let found = trunks.as_array().into_iter().flatten().find(|trunk| trunk["name"] == name).cloned();
    found.unwrap_or_default()
}

/// The test call of staff: its words, and whether somebody picked up.
fn call(engine: &Engine, name: &str) -> (String, bool) {
    let output = engine.command(&["trunk", "call", name, CALLED]);
    let words = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (words, output.status.success())
}

/// A registrar's manner: REGISTER is challenged with 401 and INVITE with 407, and whoever proves the password is served.
fn registrar(calls: Vec<Answer>) -> impl FnMut(&Got) -> Vec<Answer> + Send + 'static {
    move |got| {
        let header = if got.is("REGISTER") { "Authorization" } else { "Proxy-Authorization" };
        let challenge = "Digest realm=\"operateur.example\", nonce=\"n1\", qop=\"auth\", algorithm=MD5";
        if got.is("OPTIONS") || got.is("BYE") {
            vec![Answer::new("200 OK")]
        } else if got.is("REGISTER") && !proves(got, header, "compte", "secret") {
            vec![Answer::new("401 Unauthorized").with(&format!("WWW-Authenticate: {challenge}"))]
        } else if got.is("INVITE") && !proves(got, header, "compte", "secret") {
            vec![Answer::new("407 Proxy Authentication Required").with(&format!("Proxy-Authenticate: {challenge}"))]
        } else if got.is("REGISTER") {
            vec![Answer::new("200 OK").with("Expires: 1800")]
        } else {
            calls.clone()
        }
    }
}

/// A trunk named `compte` that registers as `compte` with the password `secret`.
pub fn account(registrar: SocketAddr, transport: &str) -> String {
    format!(
        "name = \"compte\"\nkind = \"register\"\ntransport = \"{transport}\"\nregister.registrar = \"{registrar}\"\n\
         register.user = \"compte\"\nregister.password = \"secret\"\noutgoing.number = \"+33199000110\"\n\
         outgoing.from = \"account\"\noptions_probe_s = 0\n"
    )
}

fn peers(machines: &[SocketAddr], more: &str) -> String {
    let list: Vec<String> = machines
        .iter()
        .enumerate()
        .map(|(nth, machine)| format!("{{ host = \"{machine}\", priority = {} }}", nth + 1))
        .collect();
    format!("peers = [{}]\noutgoing.number = \"+33199000110\"\n{more}\n", list.join(", "))
}

/// A registration over UDP, challenged with 401; a call placed over it, challenged with 407; what is shown in it; what staff
/// sees; and at the end of the program the registration is taken back.
#[test]
fn b087_p084_p081_a_registering_trunk_from_start_to_end() {
    let answers = vec![Answer::new("180 Ringing"), Answer::new("200 OK").body(OFFER)];
    let machine = Machine::udp(at(own_address()), registrar(answers));
    let mut engine = engine("registering", &[("compte", account(machine.address, "udp"))]);
    wait_until("registered", SOON, || trunk(&engine, "compte")["registered"] == true);
    let registers = machine.heard("REGISTER");
    assert_eq!(registers.len(), 2, "one asked, one proved");
    assert!(registers[0].header("Authorization").is_none());
    assert_eq!(registers[1].header("Expires"), Some("1800"));
    assert_eq!(trunk(&engine, "compte")["state"], "up");

    let (words, answered) = call(&engine, "compte");
    assert!(answered && words.contains("180 Ringing") && words.contains("200 OK"), "{words}");
    let invites = machine.heard("INVITE");
    assert_eq!(invites.len(), 2, "one asked, one proved");
    let invite = &invites[1];
    assert!(invite.0.starts_with(&format!("INVITE sip:+33199000177@{} ", machine.address)), "{}", invite.0);
    assert!(invite.header("From").is_some_and(|from| from.contains("<sip:compte@")), "{}", invite.0);
    let asserted = invite.header("P-Asserted-Identity").unwrap_or_default();
    assert!(asserted.contains("sip:+33199000110@"), "{asserted}");
    let order = invite.body().lines().find(|line| line.starts_with("m=audio")).unwrap_or_default().to_owned();
    assert!(order.starts_with("m=audio 9 RTP/AVP 8 0") && invite.body().contains("a=inactive"), "{}", invite.body());
    machine.wait("ACK", 1);
    machine.wait("BYE", 1);
    wait_until("the channel is given back", SOON, || engine.metric("ecoute_trunk_channels") == 0.0);
    assert_eq!(engine.metric("ecoute_trunk_registered{trunk=\"compte\""), 1.0);
    assert_eq!(engine.metric("ecoute_trunk_state{trunk=\"compte\",state=\"up\""), 1.0);
    let listed = engine.command(&["trunk", "list"]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("compte") && listed.contains("registered") && !listed.contains("NOT"), "{listed}");

    let before = machine.heard("REGISTER").len();
    engine.signal(Signal::TERM);
    assert!(engine.wait_ended(SOON).success());
    let last = machine.wait("REGISTER", before + 1);
    assert_eq!(last.header("Expires"), Some("0"), "{}", last.0);
    let log = engine.stderr();
    assert!(!log.contains("secret") && !log.contains("199000177") && !log.contains("199000110"), "{log}");
}

/// A registrar that refuses every password is shown it once, and staff are told; the log never says the password.
#[test]
fn p082_a_refused_password_is_shown_once_and_told() {
    let machine = Machine::udp(at(own_address()), |got| {
        let nonce = got.header("CSeq").unwrap_or_default().to_owned();
        let challenge =
            format!("WWW-Authenticate: Digest realm=\"operateur.example\", nonce=\"{nonce}\", qop=\"auth\"");
        vec![Answer::new("401 Unauthorized").with(&challenge)]
    });
    let engine = engine("refused", &[("compte", account(machine.address, "udp"))]);
    wait_until("the alert", SOON, || engine.metric("ecoute_trunk_alert{trunk=\"compte\",alert=\"credentials\"") == 1.0);
    pause(Duration::from_secs(2));
    let registers = machine.heard("REGISTER");
    assert_eq!(registers.len(), 2, "asked once, proved once");
    assert_eq!(trunk(&engine, "compte")["state"], "down");
    let log = engine.stderr();
    assert!(log.contains("refuses our name or password") && !log.contains("secret"), "{log}");
    let (words, answered) = call(&engine, "compte");
    assert!(!answered && words.contains("not registered"), "{words}");
}

/// The operator is cut off (its socket closed, connections refused) and comes back: we register again by ourselves, and a call
/// goes out. Two minutes of it are proved on virtual time; here it is as long as the first waits.
#[test]
fn p072_p080_b087_cut_off_and_back() {
    let address = at(own_address());
    let answers = || vec![Answer::new("486 Busy Here")];
    let machine = Machine::tcp(address, registrar(answers()));
    let engine = engine("cut-off", &[("compte", account(address, "tcp"))]);
    wait_until("registered", SOON, || trunk(&engine, "compte")["registered"] == true);
    drop(machine);
    wait_until("the loss is seen", SOON, || trunk(&engine, "compte")["state"] == "down");
    let (words, answered) = call(&engine, "compte");
    assert!(!answered, "{words}");
    pause(Duration::from_secs(3));
    let machine = Machine::tcp(address, registrar(answers()));
    wait_until("registered again", Duration::from_secs(60), || trunk(&engine, "compte")["state"] == "up");
    assert!(!machine.heard("REGISTER").is_empty());
    let (words, _) = call(&engine, "compte");
    assert!(words.contains("486 Busy Here"), "{words}");
    assert!(engine.stderr().contains("the trunk is down"), "{}", engine.stderr());
}

/// The first machine says nothing, the second 503, the third takes the call: each is tried once, in order, and the silent one
/// costs the seconds the file gives it, not half a minute. The next call goes where it is answered, at once.
#[test]
fn b208_p069_the_next_machine_when_one_fails() {
    let ip = own_address();
    let silent = Machine::udp(at(ip), |_| Vec::new());
    let unwell = Machine::udp(at(ip), |_| vec![Answer::new("503 Service Unavailable").with("Retry-After: 120")]);
    let well = Machine::udp(at(ip), |got| {
        vec![if got.is("BYE") { Answer::new("200 OK") } else { Answer::new("200 OK").body(OFFER) }]
    });
    let machines = [silent.address, unwell.address, well.address];
    let text = peers(&machines, "options_probe_s = 0\noutgoing.failover_s = 1\noutgoing.user_phone = true");
    let engine = engine("failover", &[("operateur", text)]);
    let (words, answered) = call(&engine, "operateur");
    assert!(answered && words.contains("--- pas de réponse") && words.contains("503 Service Unavailable"), "{words}");
    let lines: Vec<&str> = words.lines().collect();
    assert!(lines[0].contains(&silent.address.to_string()) && lines[2].contains(&well.address.to_string()), "{words}");
    let asked = |machine: &Machine| {
        let ids = machine.heard("INVITE");
        let mut ids: Vec<&str> = ids.iter().filter_map(|got| got.header("Call-ID")).collect();
        ids.dedup();
        ids.len()
    };
    assert_eq!(machines.len(), 3);
    assert_eq!([asked(&silent), asked(&unwell), asked(&well)], [1, 1, 1]);
    let (words, answered) = call(&engine, "operateur");
    assert!(answered && words.lines().count() == 2, "straight to the one that answers: {words}");
    assert_eq!([asked(&silent), asked(&unwell)], [1, 1], "left alone for a while");
    assert!(well.heard("INVITE")[0].0.contains(";user=phone SIP/2.0"), "{}", well.heard("INVITE")[0].0);
}

/// Short and emergency numbers are never dialled, whatever form they are written in, and a barred one is not.
#[test]
fn emergency_numbers_are_never_dialled() {
    let machine = Machine::udp(at(own_address()), |_| vec![Answer::new("200 OK")]);
    let engine = engine("barred", &[("operateur", peers(&[machine.address], ""))]);
    for number in ["15", "112", "3977", "+33112", "0033 18"] {
        let output = engine.command(&["trunk", "call", "operateur", number]);
        assert!(!output.status.success(), "{number}");
    }
    let output = engine.command(&["trunk", "call", "operateur", "0899123456"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("bars this number"), "{output:?}");
    let output = engine.command(&["trunk", "call", "personne", CALLED]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("no trunk of that name"), "{output:?}");
    assert!(machine.heard("INVITE").is_empty());
}

/// By contract two calls, one of them kept for ours: the second caller is told to try elsewhere, and when the first call is
/// over, however it ended, the channel is free again.
#[test]
fn b060_channels_of_a_trunk_are_counted_and_given_back() {
    let ip = own_address();
    let machine = at(ip);
    let text = peers(&[machine], "options_probe_s = 0\nchannels_max = 2\nreserved_for_outgoing = 1");
    let engine = engine("channels", &[("operateur", text)]);
    let peer = Peer::at(machine, engine.sip);
    for round in 0..3 {
        let (mut first, got) = peer.dial("3977", OFFER);
        assert_eq!(got.status(), 200, "round {round}: {}", got.0);
        peer.acknowledge(&first, "");
        let (_, refused) = peer.dial("3977", OFFER);
        assert_eq!(
            (refused.status(), refused.header("Retry-After")),
            (503, Some("10")),
            "round {round}: {}",
            refused.0
        );
        assert_eq!(trunk(&engine, "operateur")["channels_max"], 2);
        assert_eq!(peer.bye(&mut first).status(), 200);
        engine.quiet();
        wait_until("the channel is given back", SOON, || engine.metric("ecoute_trunk_channels") == 0.0);
    }
    // An offer that cannot be answered is refused, and holds no channel afterwards either.
    let (_, refused) =
        peer.dial("3977", &OFFER.replace("RTP/AVP 8 101", "RTP/AVP 96").replace("ptime:20", "rtpmap:96 X/8000"));
    assert_eq!(refused.status(), 488, "{}", refused.0);
    wait_until("the channel is given back", SOON, || engine.metric("ecoute_trunk_channels") == 0.0);
    let (mut last, got) = peer.dial("3977", OFFER);
    assert_eq!(got.status(), 200, "{}", got.0);
    peer.acknowledge(&last, "");
    peer.bye(&mut last);
    assert_eq!(engine.metric("ecoute_trunk_full_total{trunk=\"operateur\""), 3.0);
}

/// A machine that answers OPTIONS and then does not is down; when it answers again it is up: all by itself. What it asks us
/// is answered 200, whatever user it asks about.
#[test]
fn b056_p067_options_both_ways() {
    let address = at(own_address());
    let awake = Arc::new(AtomicBool::new(true));
    let manner = |awake: Arc<AtomicBool>| {
        move |_: &Got| if awake.load(Ordering::Relaxed) { vec![Answer::new("404 Not Found")] } else { Vec::new() }
    };
    let machine = Machine::udp(address, manner(awake.clone()));
    let text = peers(&[address], "options_probe_s = 1\nprobes_missed = 2");
    let engine = engine("probing", &[("operateur", text)]);
    let state = |state: &str| trunk(&engine, "operateur")["state"] == state;
    wait_until("it is there, whatever it says of OPTIONS", SOON, || state("up"));
    let probe = machine.wait("OPTIONS", 1);
    assert!(probe.0.starts_with(&format!("OPTIONS sip:{address} SIP/2.0")), "{}", probe.0);
    awake.store(false, Ordering::Relaxed);
    wait_until("its silence is noticed", SOON, || state("down"));
    assert!(engine.metric("ecoute_trunk_probes_missed_total{trunk=\"operateur\"") >= 2.0);
    awake.store(true, Ordering::Relaxed);
    wait_until("it is back", SOON, || state("up"));
    drop(machine);
    let peer = Peer::at(address, engine.sip);
    for user in ["", "ping@", "personne@"] {
        let mut exchange = peer.exchange("ping");
        exchange.target = format!("sip:{user}{}", engine.sip);
        let got = peer.ask(&exchange, "OPTIONS", "", "");
        assert_eq!(got.status(), 200, "{}", got.0);
        assert!(got.header("Allow").is_some() && got.header("Supported").is_some(), "{}", got.0);
    }
}

/// Each operator's numbers are read by its own rules: an account in the Request-URI and the number in To; a number nobody
/// told us of is welcomed by one operator and refused to another; and an address that is nobody's has no say.
#[test]
fn p075_b146_each_operator_by_its_own_rules() {
    let (one, other) = (at(own_address()), at(own_address()));
    let by_to = peers(&[one], "options_probe_s = 0\nnumbers.called_from = [\"to\"]\nnumbers.unknown = \"refuse\"");
    let welcoming = peers(&[other], "options_probe_s = 0");
    let engine = engine("numbers", &[("par-to", by_to), ("accueillant", welcoming)]);
    let (one, other) = (Peer::at(one, engine.sip), Peer::at(other, engine.sip));
    let dial = |peer: &Peer, user: &str, to: &str| {
        let mut exchange = peer.exchange(user);
        let text = peer.request(&exchange, "INVITE", "", OFFER);
        let line = format!("To: <sip:{user}@{}>", engine.sip);
        assert!(text.contains(&line), "{text}");
        peer.send(text.replace(&line, &format!("To: <sip:{to}@{}>", engine.sip)));
        let got = peer.answer(&exchange, "INVITE");
        exchange.learn(&got);
        exchange.user = to.to_owned();
        if got.status() == 200 {
            peer.acknowledge(&exchange, "");
            peer.bye(&mut exchange);
        } else {
            peer.send(peer.request(&exchange, "ACK", "", ""));
        }
        got.status()
    };
    assert_eq!(dial(&one, "compte3977", "3977"), 200, "the number stands in To");
    assert_eq!(dial(&one, "3977", "+33199000999"), 404, "this operator's rule: refused");
    assert_eq!(dial(&other, "+33199000999", "+33199000999"), 200, "this operator's rule: welcomed");
    engine.quiet();
}

/// An operator known by its domain alone: SRV says where its two machines are, and the first is called; a call from there is
/// believed.
#[test]
fn b207_a_trunk_by_its_domain() {
    let ip = own_address();
    let manner = |got: &Got| vec![Answer::new(if got.is("INVITE") { "486 Busy Here" } else { "200 OK" })];
    let (first, second) = (Machine::udp(at(ip), manner), Machine::udp(at(ip), manner));
    let service = "_sip._udp.operateur.test";
    let server = names::NameServer::new(
        at(own_address()),
        vec![
            names::srv(service, 20, second.address.port(), "sbc2.operateur.test"),
            names::srv(service, 10, first.address.port(), "sbc1.operateur.test"),
            names::a("sbc1.operateur.test", ip),
            names::a("sbc2.operateur.test", ip),
        ],
    );
    let text = "peers = [\"operateur.test\"]\noutgoing.number = \"+33199000110\"\noptions_probe_s = 1\n";
    let engine = engine_with("domain", &[("operateur", text.to_owned())], |setup| {
        setup.set("sip.names.servers", &format!("[\"{}\"]", server.address))
    });
    wait_until("both are there", SOON, || {
        let peers = trunk(&engine, "operateur")["peers"].clone();
        let up = peers.as_array().into_iter().flatten().filter(|peer| peer["health"] == "up");
        up.count() == 2
    });
    let (words, _) = call(&engine, "operateur");
    assert!(words.contains("486 Busy Here"), "{words}");
    assert_eq!((first.heard("INVITE").len(), second.heard("INVITE").len()), (1, 0), "{words}");
    assert!(first.heard("INVITE")[0].0.starts_with("INVITE sip:+33199000177@operateur.test "));
    let (_, got) = Peer::new(ip, engine.sip).dial("3977", OFFER);
    assert_eq!(got.status(), 200, "{}", got.0);
    wait_until("it holds a channel of the trunk", SOON, || trunk(&engine, "operateur")["incoming"] == 1);
}

/// A name server that never answers holds nobody up: callers of another operator are answered at once, and staff are told.
#[test]
fn b209_p071_no_name_server_holds_nobody_up() {
    let server = names::NameServer::silent(at(own_address()));
    let other = at(own_address());
    let trunks =
        [("perdu", "peers = [\"operateur.test\"]\n".to_owned()), ("la", peers(&[other], "options_probe_s = 0"))];
    let engine = engine_with("no-names", &trunks, |setup| {
        setup.set("sip.names.servers", &format!("[\"{}\"]", server.address)).set("sip.names.within_ms", "500")
    });
    let peer = Peer::at(other, engine.sip);
    for _ in 0..5 {
        let (mut exchange, got) = peer.dial("3977", OFFER);
        assert_eq!(got.status(), 200, "{}", got.0);
        peer.acknowledge(&exchange, "");
        peer.bye(&mut exchange);
    }
    let alert = || engine.metric("ecoute_trunk_alert{trunk=\"perdu\",alert=\"unresolved\"");
    wait_until("staff are told", SOON, || alert() == 1.0);
    assert_eq!(trunk(&engine, "perdu")["state"], "down");
}

/// What a test of TLS needs: an authority, and a certificate of each side signed by it, as PEM files.
fn certificates(folder: &Path) -> (Arc<rustls::ServerConfig>, [std::path::PathBuf; 3]) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::pki_types::PrivateKeyDer;
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        fs::write(&path, text).expect("written");
        path
    };
    fs::create_dir_all(folder).expect("a folder");
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("params");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = params.self_signed(&key).expect("a root");
    let ca = write("ca.pem", root.pem());
    let issuer = Issuer::new(params, key);
    let signed = |name: &str| {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("params");
        (params.signed_by(&key, &issuer).expect("a certificate"), key)
    };
    let (ours, our_key) = signed("ecoute.example");
    let (theirs, their_key) = signed("sbc.operateur.example");
    let (certificate, private) = (write("ours.pem", ours.pem()), write("ours.key", our_key.serialize_pem()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root.der().clone()).expect("a root");
    let clients = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let settings = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(clients.build().expect("a verifier"))
        .with_single_cert(vec![theirs.der().clone()], PrivateKeyDer::Pkcs8(their_key.serialize_der().into()))
        .expect("a certificate");
    (Arc::new(settings), [ca, certificate, private])
}

/// Over TLS, with a certificate on either side: OPTIONS and a call go out. Without ours the operator does not hear us; when
/// its certificate has another name we do not speak to it.
#[test]
fn b030_a_trunk_over_tls_with_a_certificate_on_either_side() {
    let folder = folder("tls-files");
    let (settings, [ca, ours, key]) = certificates(&folder);
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let machine = Machine::tls(at(own_address()), settings, move |got| {
        if got.is("INVITE") {
            counted.fetch_add(1, Ordering::Relaxed);
            return vec![Answer::new("100 Trying"), Answer::new("486 Busy Here")];
        }
        vec![Answer::new("200 OK")]
    });
    let tls = |name: &str, mine: bool| {
        let mine = format!("tls.certificate = \"{}\"\ntls.key = \"{}\"\n", ours.display(), key.display())
            .repeat(usize::from(mine));
        let more = format!("tls.authority = \"{}\"\ntls.server_name = \"{name}\"\n{mine}", ca.display());
        format!("transport = \"tls\"\n{}", peers(&[machine.address], &format!("options_probe_s = 1\n{more}")))
    };
    let listening = own_address();
    let run = |name: &str, text: String| {
        let (udp, secure) = (at(listening), at(listening));
        engine_with(name, &[("chiffre", text)], |setup| {
            setup
                .set("sip.listen", &format!("[\"udp:{udp}\", \"tls:{secure}\"]"))
                .set("sip.tls.certificate", &format!("\"{}\"", ours.display()))
                .set("sip.tls.key", &format!("\"{}\"", key.display()))
        })
    };
    let sound = run("tls", tls("sbc.operateur.example", true));
    wait_until("OPTIONS are answered", SOON, || trunk(&sound, "chiffre")["state"] == "up");
    let (words, _) = call(&sound, "chiffre");
    assert!(words.contains("TLS") && words.contains("486 Busy Here"), "{words}");
    let invite = machine.wait("INVITE", 1);
    assert!(invite.header("Via").is_some_and(|via| via.starts_with("SIP/2.0/TLS ")), "{}", invite.0);
    assert!(invite.header("Contact").is_some_and(|contact| contact.contains("transport=tls")), "{}", invite.0);
    drop(sound);
    for (name, text) in [("tls-name", tls("autre.example", true)), ("tls-mine", tls("sbc.operateur.example", false))] {
        let engine = run(name, text);
        let (words, answered) = call(&engine, "chiffre");
        assert!(!answered && words.contains("unreachable"), "{name}: {words}");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 1, "only the one that proved both sides");
}

/// A faulty file changes nothing and says why, with its line; a sound one holds at once; the call under way goes on through
/// both.
#[test]
fn a_reload_changes_trunks_and_loses_no_call() {
    let ip = own_address();
    let (first, second) = (at(ip), at(ip));
    let text = |machine, max: u32| peers(&[machine], &format!("options_probe_s = 0\nchannels_max = {max}"));
    let engine = engine("reload", &[("operateur", text(first, 7))]);
    let file = folder("reload").join("operateur.toml");
    let peer = Peer::at(first, engine.sip);
    let (mut exchange, got) = peer.dial("3977", OFFER);
    assert_eq!(got.status(), 200, "{}", got.0);
    peer.acknowledge(&exchange, "");
    let max = || trunk(&engine, "operateur")["channels_max"].clone();
    wait_until("it holds a channel", SOON, || trunk(&engine, "operateur")["incoming"] == 1);
    assert_eq!(max(), 7);

    fs::write(&file, text(first, 9).replace("channels_max", "chanels_max")).expect("written");
    engine.signal(Signal::HUP);
    wait_until("the fault is told", SOON, || engine.stderr().contains("did you mean `channels_max`?"));
    assert_eq!(max(), 7, "the old set holds");

    fs::write(&file, text(second, 9)).expect("written");
    engine.signal(Signal::HUP);
    wait_until("the new set holds", SOON, || max() == 9);
    assert_eq!(trunk(&engine, "operateur")["incoming"], 1, "the channel is still held");
    assert!(peer.receive(NOTHING).is_none_or(|got| !got.is("BYE")), "the call was cut");
    assert_eq!(peer.bye(&mut exchange).status(), 200, "a peer that is no longer ours can still end its call");
    engine.quiet();
    wait_until("the channel is given back", SOON, || trunk(&engine, "operateur")["incoming"] == 0);
    let (_, got) = Peer::at(second, engine.sip).dial("3977", OFFER);
    assert_eq!(got.status(), 200, "{}", got.0);
}

/// What this version cannot do yet is refused at the start, in a sentence, not read in silence.
#[test]
fn what_is_not_here_yet_is_refused_at_the_start() {
    for (line, words) in [
        ("media.srtp = \"offered\"", "cannot encrypt sound yet"),
        ("media.srtp = \"required\"", "cannot encrypt sound yet"),
        ("media.early_media = true", "always answers before it speaks"),
        ("session.timer_s = 900", "one interval for all"),
        ("session.reliable_provisional = \"never\"", "everybody or nobody"),
    ] {
        let folder = folder("not-yet");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("x.toml"), format!("peers = [\"192.0.2.1\"]\n{line}\n")).expect("written");
        fs::write(folder.join("ecoute.toml"), "trunks = [\"x.toml\"]\n").expect("written");
        let output = crate::engine::command(&folder, &["check"]).output().expect("the product runs");
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!output.status.success() && said.contains(words), "{line}: {said}");
        let _ = fs::remove_dir_all(&folder);
    }
}
