//! Subscriptions of our users' telephones: who is told what, when, and until when.

use super::network::Network;
use super::raw::{Phone, field, flow_of, server, status};
use crate::sip::{Accounts, Command, Flow, Input, LineState, MessageSummary, Notice, Transport};

fn subscribe(net: &mut Network, phone: &mut Phone, event: &str, expires: u32) -> Vec<String> {
    let said = phone.send_proved(net, "SUBSCRIBE", &format!("Event: {event}\r\nExpires: {expires}\r\n"), "");
    if status(&said[0]) == 200 && phone.to_tag.is_empty() {
        phone.learn(&said[0]);
    }
    said
}

fn tell(net: &mut Network, notice: Notice) -> Vec<String> {
    let before = net.ladder.len();
    net.command(0, Command::Notify { user: "Odile".into(), notice });
    net.ladder[before..].iter().map(|(_, _, text)| text.clone()).collect()
}

fn body(text: &str) -> &str {
    text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// 200 with Expires and Contact, then the state at once; each change is told, each refresh too; Expires 0 ends it.
#[test]
fn subscribe_notify_refresh_leave() {
    let mut net = server(|_| {});
    let mut phone = Phone::new(&net, "odile", "s");
    let said = subscribe(&mut net, &mut phone, "message-summary", 600);
    assert_eq!((status(&said[0]), field(&said[0], "Expires"), said.len()), (200, "600", 2));
    assert!(!field(&said[0], "Contact").is_empty());
    let first = said[1].clone();
    assert!(first.starts_with("NOTIFY sip:odile@203.0.113.5:1035 "), "{first}");
    assert_eq!(field(&first, "Subscription-State"), "active;expires=600");
    assert_eq!(field(&first, "Event"), "message-summary");
    assert_eq!(field(&first, "Content-Type"), "application/simple-message-summary");
    assert!(body(&first).starts_with("Messages-Waiting: no\r\nMessage-Account: sip:odile@ecoute.example\r\n"));
    phone.answer(&mut net, &first, "200 OK");

    let said = tell(&mut net, Notice::Messages(MessageSummary { new: 2, old: 1 }));
    assert!(body(&said[0]).contains("Voice-Message: 2/1"), "{}", said[0]);
    phone.answer(&mut net, &said[0], "200 OK");
    assert!(tell(&mut net, Notice::Messages(MessageSummary { new: 2, old: 1 })).is_empty(), "nothing changed");
    assert!(tell(&mut net, Notice::Line(LineState::Early)).is_empty(), "another package");

    net.run_for_ms(100_000);
    let said = subscribe(&mut net, &mut phone, "message-summary", 300);
    assert_eq!((status(&said[0]), field(&said[1], "Subscription-State")), (200, "active;expires=300"));
    assert!(body(&said[1]).starts_with("Messages-Waiting: yes"));
    phone.answer(&mut net, &said[1], "200 OK");
    assert_eq!(net.counts(0).subscriptions, 1);

    let said = subscribe(&mut net, &mut phone, "message-summary", 0);
    assert_eq!((status(&said[0]), field(&said[0], "Expires")), (200, "0"));
    assert_eq!(field(&said[1], "Subscription-State"), "terminated;reason=timeout");
    phone.answer(&mut net, &said[1], "200 OK");
    assert_eq!(net.counts(0).subscriptions, 0);
    net.run_dry();
    net.assert_settled("subscribed");
}

/// Expires 0 without a subscription: the state once, and nothing is kept.
#[test]
fn a_fetch_leaves_nothing() {
    let mut net = server(|_| {});
    let mut phone = Phone::new(&net, "odile", "s");
    let said = subscribe(&mut net, &mut phone, "dialog", 0);
    assert_eq!(field(&said[1], "Subscription-State"), "terminated;reason=timeout");
    assert!(body(&said[1]).contains("<dialog-info"));
    assert_eq!(net.counts(0).subscriptions, 0);
    phone.answer(&mut net, &said[1], "200 OK");
    net.run_dry();
    net.assert_settled("fetched");
}

/// It runs out unless it is refreshed: a last NOTIFY says so, and nothing is left.
#[test]
fn a_subscription_runs_out() {
    let mut net = server(|_| {});
    let mut phone = Phone::new(&net, "odile", "s");
    let said = subscribe(&mut net, &mut phone, "dialog", 60);
    phone.answer(&mut net, &said[1], "200 OK");
    net.run_for_ms(60_001);
    assert_eq!(field(net.latest(0), "Subscription-State"), "terminated;reason=timeout");
    assert_eq!(net.counts(0).subscriptions, 0);
    net.run_dry();
    net.assert_settled("ran out");
}

/// The line: rings, talks, ends; each document whole, its version counting, the ended call named once. What changes while
/// a NOTIFY is unanswered is told by the next.
#[test]
fn the_line_of_a_listener() {
    let mut net = server(|_| {});
    let mut phone = Phone::new(&net, "odile", "s");
    let said = subscribe(&mut net, &mut phone, "dialog;id=x7", 600);
    assert_eq!(field(&said[1], "Event"), "dialog;id=x7");
    assert!(body(&said[1]).contains("version=\"0\"") && !body(&said[1]).contains("<dialog "));
    phone.answer(&mut net, &said[1], "200 OK");
    let early = tell(&mut net, Notice::Line(LineState::Early));
    assert!(body(&early[0]).contains("version=\"1\"") && body(&early[0]).contains("<state>early</state>"));
    assert!(tell(&mut net, Notice::Line(LineState::Confirmed)).is_empty(), "the first is unanswered");
    let confirmed = phone.answer(&mut net, &early[0], "200 OK");
    assert!(body(&confirmed[0]).contains("<dialog id=\"1\" direction=\"recipient\"><state>confirmed</state>"));
    phone.answer(&mut net, &confirmed[0], "200 OK");
    let over = tell(&mut net, Notice::Line(LineState::Idle));
    assert!(body(&over[0]).contains("<dialog id=\"1\" direction=\"recipient\"><state>terminated</state>"));
    phone.answer(&mut net, &over[0], "200 OK");
    let next = tell(&mut net, Notice::Line(LineState::Early));
    assert!(body(&next[0]).contains("<dialog id=\"2\"") && !body(&next[0]).contains("terminated"), "{}", next[0]);
}

/// Unknown package, none at all: 489 with what there is. Too short: 423. A document the phone cannot read: 406. No
/// Contact: 400. Another's line: 403; another host: 404. Without a password: 401. Nothing is kept of any.
#[test]
fn subscriptions_refused() {
    let mut net = server(|_| {});
    let cases = [
        ("Event: presence\r\n", 489, "Allow-Events"),
        ("Expires: 60\r\n", 489, "Allow-Events"),
        ("Event: dialog\r\nExpires: 5\r\n", 423, "Min-Expires"),
        ("Event: dialog\r\nAccept: application/pidf+xml\r\n", 406, "Accept"),
    ];
    for (nth, (lines, wanted, header)) in cases.iter().enumerate() {
        let said = Phone::new(&net, "odile", &format!("s{nth}")).send_proved(&mut net, "SUBSCRIBE", lines, "");
        assert_eq!(status(&said[0]), *wanted, "{lines}");
        assert!(!field(&said[0], header).is_empty(), "{}", said[0]);
    }
    let mut nosy = Phone::new(&net, "odile", "nosy");
    nosy.uri = "sip:rene@ecoute.example".into();
    assert_eq!(status(&subscribe(&mut net, &mut nosy, "dialog", 60)[0]), 403);
    let mut lost = Phone::new(&net, "odile", "lost");
    lost.uri = "sip:odile@elsewhere.example".into();
    assert_eq!(status(&subscribe(&mut net, &mut lost, "dialog", 60)[0]), 404);
    let said = Phone::new(&net, "odile", "anon").send(&mut net, "SUBSCRIBE", "Event: dialog\r\n", "");
    assert_eq!(status(&said[0]), 401);
    assert_eq!((net.counts(0).subscriptions, net.sent(0, "NOTIFY")), (0, 0));
    let mut net = server(|config| config.registrar = false);
    let said = Phone::new(&net, "odile", "none").send(&mut net, "SUBSCRIBE", "Event: dialog\r\n", "");
    assert_eq!(status(&said[0]), 405);
}

/// A refresh needs the password of the user whose subscription it is, the same package, and a CSeq that rises; a NOTIFY,
/// a BYE or a MESSAGE means nothing there.
#[test]
fn inside_a_subscription() {
    let mut net = server(|_| {});
    let mut phone = Phone::new(&net, "odile", "s");
    let said = subscribe(&mut net, &mut phone, "dialog", 600);
    phone.answer(&mut net, &said[1], "200 OK");
    assert_eq!(status(&phone.send(&mut net, "SUBSCRIBE", "Event: dialog\r\n", "")[0]), 401);
    let mut thief = Phone { user: "rene", password: "other", cseq: 100, ..phone.clone() };
    assert_eq!(status(&thief.send_proved(&mut net, "SUBSCRIBE", "Event: dialog\r\n", "")[0]), 403);
    assert_eq!(status(&subscribe(&mut net, &mut phone, "message-summary", 600)[0]), 489);
    for (method, wanted) in [("NOTIFY", 481), ("BYE", 481), ("MESSAGE", 405), ("FOO", 501), ("OPTIONS", 200)] {
        assert_eq!(status(&phone.send(&mut net, method, "", "")[0]), wanted, "{method}");
    }
    net.run_for_ms(40_000); // until then the same branch is a mere repeat
    let mut old = Phone { cseq: 0, ..phone.clone() };
    assert_eq!(status(&subscribe(&mut net, &mut old, "dialog", 600)[0]), 500);
    assert_eq!(net.counts(0).subscriptions, 1);
}

/// A NOTIFY nobody takes ends the subscription: 481, or silence for 32 s. "Later" keeps it.
#[test]
fn an_unwanted_notify_ends_it() {
    for (answer, left) in
        [(Some("481 No"), 0), (None, 0), (Some("500 Busy\r\nRetry-After: 5"), 1), (Some("500 Busy"), 0)]
    {
        let mut net = server(|_| {});
        let mut phone = Phone::new(&net, "odile", "s");
        let said = subscribe(&mut net, &mut phone, "dialog", 600);
        match answer {
            Some(answer) => drop(phone.answer(&mut net, &said[1], answer)),
            None => net.run_for_ms(33_000),
        }
        assert_eq!(net.counts(0).subscriptions, left, "{answer:?}");
        net.run_for_ms(700_000);
        net.run_dry();
        net.assert_settled("unwanted");
    }
}

/// It ends with its connection, and with the account.
#[test]
fn it_dies_with_its_flow_and_its_account() {
    let mut net = server(|_| {});
    let web = Flow { transport: Transport::Wss, connection: 9, ..flow_of(&net, "203.0.113.5:1035") };
    let mut browser = Phone { flow: web, ..Phone::new(&net, "odile", "web") };
    subscribe(&mut net, &mut browser, "dialog", 600);
    assert_eq!(net.counts(0).subscriptions, 1);
    net.input(0, Input::FlowClosed(web));
    assert_eq!(net.counts(0).subscriptions, 0);
    let mut phone = Phone::new(&net, "odile", "udp");
    let said = subscribe(&mut net, &mut phone, "dialog", 600);
    phone.answer(&mut net, &said[1], "200 OK");
    net.command(0, Command::Accounts(std::sync::Arc::new(Accounts::none())));
    assert_eq!(field(net.latest(0), "Subscription-State"), "terminated;reason=rejected");
    net.run_dry();
    net.assert_settled("gone");
}

/// At the limits: a user's own 403, unless one of the same phone gives way; everybody's 503 with Retry-After.
#[test]
fn full_is_an_answer() {
    let mut net = server(|config| {
        config.subscriptions_per_user = 2;
        config.subscriptions_max = 3;
    });
    for nth in 0..2 {
        let mut phone = Phone::new(&net, "odile", &format!("o{nth}"));
        phone.flow = flow_of(&net, &format!("203.0.113.5:{}", 2000 + nth));
        assert_eq!(status(&subscribe(&mut net, &mut phone, "dialog", 600)[0]), 200);
    }
    let mut other = Phone { flow: flow_of(&net, "203.0.113.5:2009"), ..Phone::new(&net, "odile", "o9") };
    assert_eq!(status(&subscribe(&mut net, &mut other, "dialog", 600)[0]), 403);
    let mut again = Phone { flow: flow_of(&net, "203.0.113.5:2000"), ..Phone::new(&net, "odile", "again") };
    assert_eq!(status(&subscribe(&mut net, &mut again, "dialog", 600)[0]), 200);
    assert_eq!(net.counts(0).subscriptions, 2);
    let (mut third, mut fourth) = (Phone::new(&net, "rene", "r1"), Phone::new(&net, "rene", "r2"));
    assert_eq!(status(&subscribe(&mut net, &mut third, "dialog", 600)[0]), 200);
    let said = subscribe(&mut net, &mut fourth, "message-summary", 600);
    assert_eq!(status(&said[0]), 503);
    assert!(!field(&said[0], "Retry-After").is_empty());
}
