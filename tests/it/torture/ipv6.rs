//! RFC 5118: IPv6 in every place, sound and broken. The messages travel over IPv4; what they say is what is judged.

use super::stage::{SDP, stage};

fn request(method: &str, uri: &str, via: &str, more: &str, body: &str) -> String {
    format!(
        "{method} {uri} SIP/2.0\nVia: SIP/2.0/UDP {via};rport;branch=z9hG4bKv6{{N}}\nMax-Forwards: 70\nTo: <sip:3977@{{H}}>\n\
         From: <sip:+33199000107@[2001:db8::77]>;tag=v{{N}}\nCall-ID: v6-{{N}}\nCSeq: 1 {method}\n{more}Content-Length: {{L}}\n\n{body}"
    )
}

/// §4.1: references in Request-URI, Via, From and Contact.
#[test]
fn b014_t4_1_references_everywhere() {
    let more = "Contact: \"Odile\" <sip:odile@[2001:db8:9:1::50]:5070>\n";
    let got = stage().answered(request("OPTIONS", "sip:[2001:db8::10]", "[2001:db8:9:1::50]:5070", more, ""), &[200]);
    assert!(
        got.header("Via").is_some_and(|via| via.contains("[2001:db8:9:1::50]:5070") && via.contains("received=127."))
    );
}

/// §4.2: an address without its brackets is no host.
#[test]
fn b014_t4_2_address_without_brackets() {
    stage().refused(request("OPTIONS", "sip:2001:db8::10", "{M}", "", ""), "request-uri");
    stage().refused(request("OPTIONS", "sip:3977@2001:db8::10", "{M}", "", ""), "request-uri");
    stage().refused(request("OPTIONS", "sip:3977@[2001:db8::10", "{M}", "", ""), "request-uri");
}

/// §4.3 and §4.4: what stands inside the brackets is address, what stands behind them is port.
#[test]
fn b014_t4_3_and_4_address_and_port() {
    stage().answered(request("OPTIONS", "sip:3977@[2001:db8::10:5070]", "{M}", "", ""), &[200]);
    stage().answered(request("OPTIONS", "sip:3977@[2001:db8::10]:5070", "{M}", "", ""), &[200]);
    stage().refused(request("OPTIONS", "sip:3977@[2001:db8::10]:507000", "{M}", "", ""), "request-uri");
    stage().refused(request("OPTIONS", "sip:3977@[2001:db8::10]5070", "{M}", "", ""), "request-uri");
}

/// §4.5: `received` with and without brackets; ours takes its place, as only we know where the message came from.
#[test]
fn b014_t4_5_received_with_and_without_brackets() {
    for received in ["[2001:db8::9:255]", "2001:db8::9:255"] {
        let via = format!("[2001:db8::9:1];received={received}");
        let got = stage().answered(request("OPTIONS", "sip:3977@{E}", &via, "", ""), &[200]);
        assert_eq!(got.header("Via").map(|via| via.matches("received=").count()), Some(1), "{got:?}");
    }
}

/// §4.6: a description in IPv6 is read; over IPv4 there is no way to it, and that is said as what it is.
#[test]
fn b014_t4_6_description_in_ipv6() {
    let sdp = SDP.replace("IN IP4 {I}", "IN IP6 2001:db8::20");
    let more = "Contact: <sip:c@{M}>\nContent-Type: application/sdp\n";
    stage().answered(request("INVITE", "sip:3977@{E}", "{M}", more, &sdp), &[488]);
}

/// §4.7: Vias of both families come back as they were, in order.
#[test]
fn b014_t4_7_vias_of_both_families() {
    let text = request("BYE", "sip:3977@{E}", "{M}", "", "").replacen(
        "Max-Forwards",
        "Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bK1;received=[2001:db8::9:255]\n\
         Via: SIP/2.0/UDP 192.0.2.250;branch=z9hG4bK2\nVia: SIP/2.0/TCP [2001:db8::9:3];branch=z9hG4bK3\nMax-Forwards",
        1,
    );
    let got = stage().answered(text, &[481]);
    let at = |word: &str| got.0.find(word).expect("a Via");
    assert!(at("[2001:db8::9:1]:6050") < at("192.0.2.250") && at("192.0.2.250") < at("[2001:db8::9:3]"), "{got:?}");
}

/// §4.8: one stream of each family: the one we can reach is taken, the other refused with port 0.
#[test]
fn b014_t4_8_streams_of_both_families() {
    let sdp = format!("{SDP}m=video 45002 RTP/AVP 31\nc=IN IP6 2001:db8::20\n");
    let more = "Contact: <sip:c@{M}>\nContent-Type: application/sdp\n";
    let got = stage().served(request("INVITE", "sip:3977@{E}", "{M}", more, &sdp));
    assert!(got.body().contains("m=video 0 RTP/AVP 31"), "{got:?}");
}

/// §4.9: IPv4 in the clothes of IPv6, in Contact and description: served, or refused as unreachable; never misread.
#[test]
fn b014_t4_9_mapped_addresses() {
    let sdp = SDP.replace("IN IP4 {I}", "IN IP6 ::ffff:{I}");
    let more = "Contact: <sip:c@[::ffff:192.0.2.2]>\nContent-Type: application/sdp\n";
    let text = request("INVITE", "sip:3977@{E}", "{M}", more, &sdp);
    let stage = stage();
    let letter = stage.letter(text.replace("Contact: <sip:c@[::ffff:192.0.2.2]>", "Contact: <sip:c@[::ffff:{I}]>"));
    letter.peer.send(&letter.bytes);
    let got = letter.peer.receive_where(crate::wire::raw::ANSWER, |got| got.status() >= 200).expect("an answer");
    assert_ne!(got.status(), 400, "{got:?}");
    assert!([200, 488].contains(&got.status()), "{got:?}");
    stage.goes_on();
}

/// §4.10: a third colon before an embedded IPv4 address, which an old grammar asked for, and the two that are right.
#[test]
fn b014_t4_10_three_colons() {
    for host in ["[2001:db8:::192.0.2.1]", "[2001:db8::192.0.2.1]"] {
        stage().answered(request("OPTIONS", &format!("sip:3977@{host}"), "{M}", "", ""), &[200]);
    }
}
