//! The descriptions of `tests/data/sdp`: each has a judged outcome.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;

/// What must come of each description in `tests/data/sdp`. Encrypted and browser media are refused for now, whatever the
/// index wishes for later.
const JUDGED: &[(&str, &str)] = &[
    ("01-chrome156-jssip-offer.sdp", "488 302"),
    ("02-chrome156-jssip-hold.sdp", "488 302"),
    ("03-chrome-ice-restart.sdp", "488 302"),
    ("04-chrome-trickle-no-candidate.sdp", "488 302"),
    ("05-safari-mdns-only.sdp", "488 302"),
    ("06-firefox-offer.sdp", "488 302"),
    ("07-old-chrome-rtp-savpf-token.sdp", "488 302"),
    ("08-linphone51-default.sdp", "PCMU/0 [0=PCMU 8=PCMA] te 101>101 20ms sendrecv 192.0.2.20:27078 192.0.2.20:27079"),
    ("09-linphone51-srtp.sdp", "488 302"),
    (
        "10-baresip-besteffort-srtp.sdp",
        "PCMA/8 [8=PCMA 0=PCMU] te 101>101 20ms sendrecv 192.0.2.21:37402 192.0.2.21:37403",
    ),
    ("11-baresip-dtls-ice.sdp", "488 302"),
    ("12-pjsip-optional-srtp.sdp", "PCMA/8 [8=PCMA 0=PCMU] te 120>120 20ms sendrecv 192.0.2.22:30480 192.0.2.22:30481"),
    ("13-pjsip-savp-ice-two-components.sdp", "488 302"),
    ("14-twinkle.sdp", "PCMA/8 [8=PCMA 0=PCMU] te 101>101 20ms sendrecv 192.0.2.23:8000 192.0.2.23:8001"),
    ("15-zoiper-android-sdes.sdp", "488 302"),
    ("16-zoiper-gsm-first.sdp", "PCMU/0 [0=PCMU 8=PCMA] te 101>101 20ms sendrecv 192.0.2.24:56148 192.0.2.24:56149"),
    ("17-cisco-79xx.sdp", "PCMU/0 [0=PCMU 8=PCMA] te 101>101 20ms sendrecv 192.0.2.30:20096 192.0.2.30:20097"),
    ("18-cisco-cucm-mtp.sdp", "PCMU/0 [0=PCMU 8=PCMA] te 101>101 20ms sendrecv 192.0.2.32:24580 192.0.2.32:24581"),
    ("19-cisco-uccx-mrcp.sdp", "PCMU/0 [0=PCMU] te 96>96 20ms sendonly 192.0.2.33:52790 192.0.2.33:52791"),
    ("20-yealink-t4x.sdp", "PCMA/8 [8=PCMA 0=PCMU] te 101>101 20ms sendrecv 192.0.2.40:11780 192.0.2.40:11781"),
    (
        "21-snom-dxxx-sdes-optional.sdp",
        "PCMU/0 [0=PCMU 8=PCMA] te 101>101 20ms sendrecv 192.0.2.41:57876 192.0.2.41:57877",
    ),
    (
        "22-snom-two-m-lines-savp-avp.sdp",
        "PCMA/8 [8=PCMA 0=PCMU] te 101>101 20ms sendrecv 192.0.2.41:49212 192.0.2.41:49213",
    ),
    ("23-grandstream-ht8xx.sdp", "PCMU/0 [0=PCMU 8=PCMA] te 101>101 20ms sendrecv 192.0.2.42:5004 192.0.2.42:5005"),
    ("24-polycom-vvx.sdp", "PCMU/0 [0=PCMU 8=PCMA] te 127>127 20ms sendrecv 192.0.2.43:2258 192.0.2.43:2259"),
    ("25-3cx.sdp", "PCMA/8 [8=PCMA 0=PCMU] te 101>101 20ms sendrecv 203.0.113.51:9014 203.0.113.51:9015"),
    ("26-teams-direct-routing.sdp", "488 302"),
    ("27-audiocodes-sbc.sdp", "PCMA/8 [8=PCMA 0=PCMU] te 101>101 20ms sendrecv 192.0.2.61:7028 192.0.2.61:7029"),
    ("28-sonus-trunk.sdp", "PCMA/8 [8=PCMA 0=PCMU] te 101>101 20ms sendrecv 203.0.113.70:64346 203.0.113.70:64347"),
    ("29-cirpack-fr-trunk.sdp", "PCMA/8 [8=PCMA 0=PCMU] te ->- 20ms sendrecv 203.0.113.36:40392 203.0.113.36:40393"),
    (
        "30-orange-fr-business-trunk.sdp",
        "PCMA/8 [8=PCMA] te 101>101 20ms sendrecv 203.0.113.81:31522 203.0.113.81:31523",
    ),
    ("31-freeswitch.sdp", "PCMU/0 [0=PCMU 8=PCMA] te 101>101 20ms sendrecv 192.0.2.90:30316 192.0.2.90:30317"),
    ("32-ims-huawei-ats.sdp", "PCMU/0 [0=PCMU 8=PCMA] te 101>101 20ms sendrecv 203.0.113.91:44278 203.0.113.91:44279"),
    ("33-volte-handset-amr-only.sdp", "488 305"),
    (
        "34-volte-preconditions-ipv6.sdp",
        "PCMU/0 [0=PCMU] te 120>120 20ms sendrecv \
         [2001:db8:f037:2:a00:27ff:feb9:1521]:15062 [2001:db8:f037:2:a00:27ff:feb9:1521]:15063",
    ),
    ("35-vonr-evs.sdp", "PCMA/8 [8=PCMA] te 100>100 20ms sendrecv [2001:db8:ca::1]:50010 -"),
    ("36-sipps-lowercase.sdp", "PCMU/0 [0=PCMU 8=PCMA] te ->- 20ms sendrecv 192.0.2.100:30000 192.0.2.100:30001"),
    (
        "37-clarent-sendrecv-capitals.sdp",
        "PCMA/8 [8=PCMA 0=PCMU] te ->- 20ms sendrecv 203.0.113.110:40376 203.0.113.110:40377",
    ),
    ("38-t38-reinvite.sdp", "488 304"),
    ("39-arcor-ptime30.sdp", "PCMA/8 [8=PCMA] te 102>102 30ms sendrecv 203.0.113.120:16756 203.0.113.120:16757"),
    ("40-hold-2543.sdp", "PCMA/8 [8=PCMA] te 101>101 20ms recvonly held - -"),
    (
        "41-hold-inactive-session-level.sdp",
        "PCMA/8 [8=PCMA] te 101>101 20ms inactive held 192.0.2.130:40000 192.0.2.130:40001",
    ),
    ("42-no-rtpmap-minimal.sdp", "PCMA/8 [8=PCMA 0=PCMU] te ->- 20ms sendrecv 192.0.2.131:5004 192.0.2.131:5005"),
    ("43-te-only-common.sdp", "488 305"),
    ("44-pt-collision.sdp", "PCMA/97 [97=PCMA 8=PCMA] te 96>96 20ms sendrecv 192.0.2.133:6002 192.0.2.133:6003"),
    ("45-video-first.sdp", "PCMA/8 [8=PCMA 0=PCMU] te 101>101 20ms sendrecv 192.0.2.134:52010 192.0.2.134:52011"),
    ("46-lf-only-no-final-eol.sdp", "PCMA/8 [8=PCMA] te 101>101 20ms sendrecv 192.0.2.135:6004 192.0.2.135:6005"),
    ("47-public-name-in-c-line.sdp", "PCMA/8 [8=PCMA] te ->- 20ms sendrecv - -"),
    (
        "48-private-address-behind-nat.sdp",
        "PCMA/8 [8=PCMA 0=PCMU] te 101>101 20ms sendrecv 192.168.1.37:16384 192.168.1.37:16385",
    ),
    ("49-sixty-candidates-4k.sdp", "488 302"),
];

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sdp")
}

pub(super) fn bodies() -> Vec<(String, Vec<u8>)> {
    let mut bodies: Vec<(String, Vec<u8>)> = fs::read_dir(folder())
        .expect("the folder of descriptions")
        .map(|entry| entry.expect("a folder entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sdp"))
        .map(|path| {
            (path.file_name().expect("a name").to_string_lossy().into_owned(), fs::read(&path).expect("a file"))
        })
        .collect();
    bodies.sort();
    bodies
}

/// Every description of the field has a judged outcome, every judgement a description, and the index names each.
#[test]
fn the_field_is_judged() {
    let bodies = bodies();
    let files: BTreeSet<&str> = bodies.iter().map(|(name, _)| name.as_str()).collect();
    let judged: BTreeSet<&str> = JUDGED.iter().map(|(name, _)| *name).collect();
    assert_eq!(files, judged);
    let index = fs::read_to_string(folder().join("index.csv")).expect("the index");
    let indexed: BTreeSet<&str> = index.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    assert_eq!(files, indexed);

    for ((name, body), (_, expected)) in bodies.iter().zip(JUDGED) {
        let local = if expected.contains("[2001") { local_ip6() } else { LOCAL };
        let result = negotiate(&caps(), &local, &Session::new(1), Move::TakeOffer(body));
        assert_eq!(&outcome(&result), expected, "{name}");
        if let Ok((_, answer)) = result {
            check_answer(body, &text(answer), name);
        }
    }
}

/// A peer on the other family of addresses is told so.
#[test]
fn the_other_family() {
    for (name, body) in bodies().iter().filter(|(name, _)| name.starts_with("34") || name.starts_with("35")) {
        assert_eq!(outcome(&step(&Session::new(1), Move::TakeOffer(body))), "488 301", "{name}");
    }
}
