//! Session timers, RFC 4028: what is agreed, who refreshes and how, and what becomes of a session nobody refreshes.

use std::time::Duration;

use super::gateway::{
    SDP, acks, assert_ends, body, calls_out, command, confirmed_in, confirmed_out, cseq, heard, say, trunk_server,
    wait_ms,
};
use super::network::Network;
use super::raw::{field, status};
use crate::ids::IdSource;
use crate::sip::{CauseKind, Command, Endpoint, Event, SavedSession, Side};

const KNOWS: &str = "Supported: timer\r\n";

fn cause(net: &Network) -> (Side, CauseKind) {
    let last = |event: &Event| match event {
        Event::Ended { cause, .. } | Event::Rejected { cause, .. } => Some((cause.by, cause.kind)),
        _ => None,
    };
    net.ends[0].events.iter().find_map(|(_, event)| last(event)).expect("it ended")
}

fn is_up(net: &Network) -> bool {
    net.ends[0].count("ended") == 0
}

/// The first request we send within so long, and how long it took; time stops there.
fn first_request(net: &mut Network, within_ms: u64) -> Option<(String, u64)> {
    let (before, start) = (net.ladder.len(), net.now);
    let until = start + Duration::from_millis(within_ms);
    loop {
        if let Some((at, _, text)) = net.ladder[before..].iter().find(|(.., text)| status(text) == 0) {
            return Some((text.clone(), at - start.as_millis()));
        }
        if !net.step(until) {
            net.now = until;
            return None;
        }
    }
}

fn lines(expires: &str, more: &str) -> String {
    format!("{KNOWS}Session-Expires: {expires}\r\n{more}")
}

/// A session interval below ours: 422 with Min-SE, before anything is made of the call. Who does not know the extension
/// cannot help it and is let in; at our minimum all is well. A compact header counts as well.
#[test]
fn b117_an_interval_too_short_is_422() {
    for (text, wanted) in [
        (lines("89", ""), 422),
        (format!("{KNOWS}x: 60;refresher=uac\r\n"), 422),
        (lines("90", ""), 100),
        ("Session-Expires: 60\r\n".to_owned(), 100),
        (format!("Require: timer\r\n{}", lines("1800", "")), 100),
    ] {
        let mut net = trunk_server(|_| {});
        let mut phone = super::gateway::caller(&net);
        let said = phone.send(&mut net, "INVITE", &format!("{text}{SDP}"), "offer");
        assert_eq!(status(&said[0]), wanted, "{text}");
        assert_eq!(field(&said[0], "Min-SE"), if wanted == 422 { "90" } else { "" });
        assert_eq!(net.ends[0].events.is_empty(), wanted == 422);
    }
    let (mut net, min) = (trunk_server(|config| config.min_se_s = 300), "Min-SE: 90\r\n");
    let mut phone = super::gateway::caller(&net);
    let said = phone.send(&mut net, "INVITE", &format!("{}{SDP}", lines("299", min)), "offer");
    assert_eq!((status(&said[0]), field(&said[0], "Min-SE")), (422, "300"));
}

/// Switched off, the extension is neither offered nor heeded; required, it is refused.
#[test]
fn b053_b119_no_timers_when_they_are_off() {
    let mut net = trunk_server(|config| config.session_expires_s = 0);
    let mut phone = super::gateway::caller(&net);
    let said = phone.send(&mut net, "INVITE", &format!("Require: timer\r\n{SDP}"), "offer");
    assert_eq!((status(&said[0]), field(&said[0], "Unsupported")), (420, "timer"));
    let (_, session, answer) = confirmed_in(&mut net, &lines("90", ""));
    assert!(field(&answer, "Session-Expires").is_empty() && !field(&answer, "Supported").contains("timer"));
    assert!(wait_ms(&mut net, 4_000_000).is_empty());
    let (_, invite) = calls_out(&mut net, Some("offer"), |_| {});
    assert!(field(&invite, "Session-Expires").is_empty());
    command(&mut net, Command::Hangup { session, reason: None });
}

/// Our INVITE meets a 422: again with the larger interval and Min-SE, same Call-ID, next CSeq. One that says nothing new, or
/// asks for ever more, is a refusal in the end.
#[test]
fn b118_p030_422_is_tried_again_with_more() {
    let too_small = |min: u32| format!("Min-SE: {min}\r\n");
    let mut net = trunk_server(|_| {});
    let (session, first) = calls_out(&mut net, Some("offer"), |_| {});
    assert_eq!((field(&first, "Session-Expires"), field(&first, "Min-SE")), ("1800", ""));
    let said = say(&mut net, &first, "422 Session Interval Too Small", "x", &too_small(3600), "");
    assert!(said[0].starts_with("ACK "));
    let second = said[1].clone();
    assert_eq!(
        (field(&second, "Session-Expires"), field(&second, "Min-SE"), cseq(&second)),
        ("3600", "3600", "2 INVITE")
    );
    assert_eq!(field(&second, "Call-ID"), field(&first, "Call-ID"));
    say(&mut net, &second, "200 OK", "a", &lines("3600;refresher=uas", ""), "answer");
    assert_eq!(net.ends[0].names(), ["answered"]);
    assert_ends(&mut net, session, "422");

    for step in [0, 100] {
        let mut net = trunk_server(|_| {});
        let (_, mut invite) = calls_out(&mut net, Some("offer"), |_| {});
        let mut tries = 1;
        for n in 0..20 {
            let said = say(&mut net, &invite, "422 Session Interval Too Small", "x", &too_small(1900 + n * step), "");
            let Some(again) = said.get(1) else { break };
            (invite, tries) = (again.clone(), tries + 1);
        }
        assert_eq!(tries, if step == 0 { 2 } else { 4 });
        assert_eq!(net.ends[0].names(), ["rejected"]);
        net.run_dry();
        net.assert_settled("422 for ever");
    }
}

/// What our 200 grants to a caller: the interval asked for up to our own, his refresher when he names one, else himself; if
/// he does not know the extension it is us, and he is not required to know it. And who then sends the refresh.
#[test]
fn b119_who_refreshes_what_a_caller_asks_for() {
    for (asked, expires, required, ours) in [
        (lines("1800;refresher=uac", ""), "1800;refresher=uac", "timer", false),
        (lines("1800;refresher=uas", ""), "1800;refresher=uas", "", true),
        (lines("600", ""), "600;refresher=uac", "timer", false),
        (lines("7200", ""), "1800;refresher=uac", "timer", false),
        (lines("7200", "Min-SE: 3600\r\n"), "3600;refresher=uac", "timer", false),
        (KNOWS.to_owned(), "1800;refresher=uac", "timer", false),
        (String::new(), "1800;refresher=uas", "", true),
    ] {
        let mut net = trunk_server(|_| {});
        let (_, session, answer) = confirmed_in(&mut net, &format!("{asked}Allow: INVITE, UPDATE\r\n"));
        assert_eq!((field(&answer, "Session-Expires"), field(&answer, "Require")), (expires, required), "{asked}");
        let interval_s: u64 = expires.split(';').next().and_then(|s| s.parse().ok()).expect("seconds");
        let sent = first_request(&mut net, interval_s * 500 + 100);
        assert_eq!(
            sent.is_some_and(|(text, at)| text.starts_with("UPDATE ") && at == interval_s * 500),
            ours,
            "{asked}"
        );
        command(&mut net, Command::Hangup { session, reason: None });
    }
}

/// What a telephone we call grants: its interval, and its refresher; one that grants nothing is refreshed by us all the
/// same, and nothing ends when that is refused.
#[test]
fn b119_who_refreshes_what_an_agent_grants() {
    for (granted, at_s, ends) in [
        (lines("600;refresher=uac", "Allow: UPDATE\r\n"), Some(300), true),
        (lines("600", "Allow: UPDATE\r\n"), Some(300), true),
        (lines("600;refresher=uas", "Allow: UPDATE\r\n"), None, true),
        ("Allow: INVITE, UPDATE\r\n".to_owned(), Some(900), false),
        (String::new(), Some(900), false),
    ] {
        let mut net = trunk_server(|_| {});
        confirmed_out(&mut net, &granted);
        let sent = first_request(&mut net, 1_000_000);
        assert_eq!(sent.as_ref().map(|(_, at)| at / 1000), at_s.or(Some(568)), "{granted}");
        let text = sent.map(|(text, _)| text).unwrap_or_default();
        let wanted = match (at_s, granted.contains("UPDATE")) {
            (None, _) => "BYE ",
            (_, true) => "UPDATE ",
            (_, false) => "INVITE ",
        };
        assert!(text.starts_with(wanted), "{text}");
        if !ends {
            say(&mut net, &text, "488 Not Acceptable Here", "", "", "");
            net.run_for_ms(800_000);
            assert!(is_up(&net));
        }
    }
}

/// A refresh of ours: an UPDATE without a body where the peer knows UPDATE, otherwise a re-INVITE that repeats the last
/// description word for word; the owner hears nothing of it, and the interval counts from its 200.
#[test]
fn b102_b120_p012_refresh_by_update_or_by_the_same_offer() {
    for updates in [true, false] {
        let mut net = trunk_server(|_| {});
        let allow = if updates { "Allow: INVITE, ACK, BYE, UPDATE\r\n" } else { "Allow: INVITE, ACK, BYE\r\n" };
        let (_, session, answer) = confirmed_in(&mut net, &lines("1800;refresher=uas", allow));
        assert_eq!(body(&answer), "answer");
        for _ in 0..3 {
            let events = net.ends[0].events.len();
            let (refresh, at) = first_request(&mut net, 900_100).expect("a refresh");
            assert!(at.abs_diff(900_000) <= 100, "{at}");
            assert!(refresh.starts_with(if updates { "UPDATE " } else { "INVITE " }), "{refresh}");
            assert_eq!(body(&refresh), if updates { "" } else { "answer" });
            assert_eq!(field(&refresh, "Session-Expires"), "1800;refresher=uac");
            let said = say(
                &mut net,
                &refresh,
                "200 OK",
                "",
                &lines("1800;refresher=uac", ""),
                if updates { "" } else { "offer" },
            );
            assert_eq!(said.len(), usize::from(!updates), "an ACK for a re-INVITE");
            assert_eq!(net.ends[0].events.len(), events, "nobody's business");
        }
        assert!(is_up(&net));
        command(&mut net, Command::Hangup { session, reason: None });
    }
}

/// A re-INVITE that was to be a refresh, and whose answer moves the sound elsewhere: that is the owner's business.
#[test]
fn b120_p036_a_refresh_whose_answer_differs() {
    let mut net = trunk_server(|_| {});
    confirmed_in(&mut net, &lines("1800;refresher=uas", "Allow: INVITE\r\n"));
    let (refresh, _) = first_request(&mut net, 900_100).expect("a refresh");
    say(&mut net, &refresh, "200 OK", "", "", "another port");
    assert_eq!(heard(&net).last(), Some(&("reanswered", "another port".into())));
}

/// UPDATE in its Allow, and 405 or 501 when it comes: the refresh goes on as a re-INVITE, from then on at once.
#[test]
fn b120_a_peer_that_does_not_know_update_after_all() {
    for refusal in ["405 Method Not Allowed", "501 Not Implemented"] {
        let mut net = trunk_server(|_| {});
        confirmed_in(&mut net, &lines("1800;refresher=uas", "Allow: INVITE, UPDATE\r\n"));
        let (update, _) = first_request(&mut net, 900_100).expect("a refresh");
        let invite = say(&mut net, &update, refusal, "", "", "").remove(0);
        assert!(invite.starts_with("INVITE ") && body(&invite) == "answer");
        say(&mut net, &invite, "200 OK", "", &lines("1800;refresher=uac", ""), "offer");
        let (again, _) = first_request(&mut net, 900_100).expect("a refresh");
        assert!(again.starts_with("INVITE ") && is_up(&net));
    }
}

/// The peer refreshes, by UPDATE without a body and by re-INVITE: each is answered with the interval, and each puts the end
/// off by as much. A change of the owner's counts, too.
#[test]
fn b119_b121_p012_p029_the_peer_refreshes() {
    let mut net = trunk_server(|_| {});
    let asked = lines("600;refresher=uac", "");
    let (mut phone, session, _) = confirmed_in(&mut net, &asked);
    for _ in 0..3 {
        net.run_for_ms(500_000);
        let ok = phone.send(&mut net, "UPDATE", &asked, "").remove(0);
        assert_eq!((status(&ok), field(&ok, "Session-Expires"), body(&ok)), (200, "600;refresher=uac", ""));
        assert!(!field(&ok, "Contact").is_empty() && field(&ok, "Require") == "timer");
        net.run_for_ms(500_000);
        phone.send(&mut net, "INVITE", &format!("{asked}{SDP}"), "offer");
        let answer = Command::AnswerReoffer { session, status: 200, sdp: Some(b"answer".to_vec()) };
        let ok = command(&mut net, answer).remove(0);
        assert_eq!((status(&ok), field(&ok, "Session-Expires")), (200, "600;refresher=uac"));
        let cseq = phone.cseq;
        acks(&mut net, &mut phone, cseq, "");
    }
    net.run_for_ms(500_000);
    let change = command(&mut net, Command::Reoffer { session, sdp: Some(b"change".to_vec()) }).remove(0);
    assert_eq!(field(&change, "Session-Expires"), "600;refresher=uas", "he goes on");
    say(&mut net, &change, "200 OK", "", &lines("600;refresher=uas", ""), "fine");
    net.run_for_ms(500_000);
    assert!(is_up(&net));
    net.run_for_ms(70_000);
    assert_eq!(cause(&net), (Side::Network, CauseKind::SessionExpired));
}

/// A refresher who stays silent: BYE before the expiry, by 32 s or a third of the interval, whichever is less; the owner
/// hears why, and nothing is left.
#[test]
fn b121_a_silent_refresher_gets_a_bye() {
    for (expires_s, at_ms) in [(1800, 1_768_000), (90, 60_000), (96, 64_000)] {
        let mut net = trunk_server(|_| {});
        let (_, session, _) = confirmed_in(&mut net, &lines(&format!("{expires_s};refresher=uac"), ""));
        let (bye, at) = first_request(&mut net, at_ms + 100).expect("a BYE");
        assert!(bye.starts_with("BYE ") && at == at_ms, "{at}");
        assert_eq!(cause(&net), (Side::Network, CauseKind::SessionExpired));
        say(&mut net, &bye, "200 OK", "", "", "");
        net.run_dry();
        net.assert_settled("expired");
        assert_eq!(net.ends[0].last_words().get(&session), Some(&1));
    }
}

/// Our refresh is refused for now: tried again, after 491 within the time of glare, after another refusal later, as it asks
/// (Retry-After); it never ends the call by itself, but when nothing is ever granted the session expires.
#[test]
fn b120_p024_a_refused_refresh_is_tried_again() {
    for (refusal, more, least_ms, most_ms) in [
        ("491 Request Pending", "", 0, 2000),
        ("500 Server Internal Error", "Retry-After: 7\r\n", 7000, 7000),
        ("503 Service Unavailable", "", 60_000, 60_000),
        ("488 Not Acceptable Here", "", 60_000, 60_000),
    ] {
        for allow in ["Allow: INVITE, UPDATE\r\n", "Allow: INVITE\r\n"] {
            let mut net = trunk_server(|_| {});
            confirmed_in(&mut net, &lines("1800;refresher=uas", allow));
            let (refresh, _) = first_request(&mut net, 900_000).expect("a refresh");
            say(&mut net, &refresh, refusal, "", more, "");
            let (again, at) = first_request(&mut net, most_ms + 2100).expect("again");
            // A re-INVITE told to wait waits for the time of glare, too.
            assert!(at >= least_ms && at <= most_ms + 2000, "{refusal} {allow}: {at}");
            assert!(is_up(&net));
            assert_eq!(again.split(' ').next(), refresh.split(' ').next());
            say(
                &mut net,
                &again,
                "200 OK",
                "",
                &lines("1800;refresher=uac", ""),
                if allow.contains("UP") { "" } else { "offer" },
            );
            net.run_for_ms(800_000);
            assert!(is_up(&net), "{refusal}");
        }
    }
    let mut net = trunk_server(|_| {});
    confirmed_in(&mut net, &lines("1800;refresher=uas", "Allow: UPDATE\r\n"));
    let mut tries = 0;
    while let Some((refresh, _)) = first_request(&mut net, 900_000).filter(|(text, _)| text.starts_with("UPDATE ")) {
        say(&mut net, &refresh, "488 Not Acceptable Here", "", "", "");
        tries += 1;
        assert!(tries < 30);
    }
    assert_eq!(cause(&net).1, CauseKind::SessionExpired);
}

/// Our refresh finds nobody (408, 481, no response at all): BYE, and the call is over.
#[test]
fn b073_b121_a_refresh_that_finds_nobody_ends_the_call() {
    for allow in ["Allow: INVITE, UPDATE\r\n", "Allow: INVITE\r\n"] {
        for answer in ["481 Call/Transaction Does Not Exist", "408 Request Timeout", ""] {
            let mut net = trunk_server(|_| {});
            confirmed_in(&mut net, &lines("1800;refresher=uas", allow));
            let (refresh, _) = first_request(&mut net, 900_000).expect("a refresh");
            let said = match answer {
                "" => wait_ms(&mut net, 33_000),
                status => say(&mut net, &refresh, status, "", "", ""),
            };
            let bye = said.iter().find(|text| text.starts_with("BYE ")).expect("a BYE").clone();
            assert_eq!(cause(&net).1, CauseKind::DialogLost);
            say(&mut net, &bye, "481 Call/Transaction Does Not Exist", "", "", "");
            net.run_dry();
            net.assert_settled("nobody");
        }
    }
}

/// The peer hangs up while our refresh is on its way, and refuses that afterwards: one end, no panic, nothing left.
#[test]
fn p014_a_hangup_crosses_the_refresh() {
    for allow in ["Allow: INVITE, UPDATE\r\n", "Allow: INVITE\r\n"] {
        let mut net = trunk_server(|_| {});
        let (mut phone, ..) = confirmed_in(&mut net, &lines("1800;refresher=uas", allow));
        let (refresh, _) = first_request(&mut net, 900_000).expect("a refresh");
        assert_eq!(status(&phone.send(&mut net, "BYE", "", "")[0]), 200);
        net.run_for_ms(10);
        let said = say(&mut net, &refresh, "481 Call/Transaction Does Not Exist", "", "", "");
        assert_eq!(said.len(), usize::from(refresh.starts_with("INVITE ")), "an ACK at most");
        net.run_dry();
        net.assert_settled("crossing");
        assert_eq!(net.ends[0].count("ended"), 1);
    }
}

/// A caller who gave Min-SE alone: our refresh honours it. A refresh that meets a 422 is tried again with more, and the call
/// is kept in any case.
#[test]
fn b118_p037_422_to_a_refresh() {
    for allow in ["Allow: INVITE, UPDATE\r\n", "Allow: INVITE\r\n"] {
        let mut net = trunk_server(|_| {});
        let (_, _, answer) = confirmed_in(&mut net, &format!("Min-SE: 3600\r\n{allow}"));
        assert_eq!(field(&answer, "Session-Expires"), "3600;refresher=uas");
        let (mut refresh, at) = first_request(&mut net, 1_900_000).expect("a refresh");
        assert_eq!((at, field(&refresh, "Min-SE")), (1_800_000, "3600"));
        for min_s in [7200, 9000] {
            let said =
                say(&mut net, &refresh, "422 Session Interval Too Small", "", &format!("Min-SE: {min_s}\r\n"), "");
            refresh = said.last().expect("again").clone();
            assert_eq!(
                (field(&refresh, "Session-Expires"), field(&refresh, "Min-SE")),
                (format!("{min_s};refresher=uac").as_str(), min_s.to_string().as_str())
            );
        }
        say(&mut net, &refresh, "422 Session Interval Too Small", "", "Min-SE: 10\r\n", "");
        net.run_for_ms(1_790_000);
        assert!(is_up(&net));
    }
}

/// The owner changes the session just when a refresh of ours is on its way: the change waits its turn, and is not refused.
#[test]
fn b071_b120_a_change_behind_a_refresh() {
    let mut net = trunk_server(|_| {});
    let (_, session, _) = confirmed_in(&mut net, &lines("1800;refresher=uas", "Allow: INVITE\r\n"));
    let (refresh, _) = first_request(&mut net, 900_000).expect("a refresh");
    assert!(command(&mut net, Command::Reoffer { session, sdp: Some(b"hold".to_vec()) }).is_empty());
    let said = say(&mut net, &refresh, "200 OK", "", &lines("1800;refresher=uac", ""), "offer");
    assert_eq!(said.iter().map(|text| body(text)).collect::<Vec<_>>(), ["", "hold"]);
    say(&mut net, &said[1], "200 OK", "", "", "held");
    assert_eq!(heard(&net).last(), Some(&("reanswered", "held".into())));
    let (_, at) = first_request(&mut net, 900_100).expect("a refresh");
    assert!(at.abs_diff(900_000) < 100 && is_up(&net));
}

/// Written down and taken up by another program: who refreshed goes on (soon, since nobody knows how long it was away), by
/// the same means and with the same description; and who only waited ends a session that is not refreshed.
#[test]
fn b093_b120_b121_timers_outlive_the_program() {
    for (asked, ours) in [("1800;refresher=uas", true), ("1800;refresher=uac", false)] {
        let mut net = trunk_server(|_| {});
        confirmed_in(&mut net, &lines(asked, "Allow: INVITE\r\n"));
        net.run_for_ms(60_000);
        let saved: Vec<SavedSession> = net.ends[0].endpoint.saved_sessions().collect();
        let text = serde_json::to_string(&saved).expect("plain values");
        assert!(!format!("{saved:?}").contains("answer"), "no description in a log");
        net.ends[0].endpoint = Endpoint::new(net.ends[0].endpoint.config().clone(), IdSource::from_number(3));
        for session in serde_json::from_str::<Vec<SavedSession>>(&text).expect("read back") {
            net.ends[0].endpoint.restore_session(net.now, session);
        }
        net.input(0, crate::sip::Input::Timeout);
        let (sent, at) = first_request(&mut net, 1_800_000).expect("a request");
        if ours {
            assert!(sent.starts_with("INVITE ") && body(&sent) == "answer" && at <= 60_000, "{at}: {sent}");
            assert_eq!(field(&sent, "Session-Expires"), "1800;refresher=uac");
        } else {
            assert!(sent.starts_with("BYE ") && at == 1_768_000, "{at}: {sent}");
        }
    }
    // A checkpoint of before there were timers.
    let mut net = trunk_server(|_| {});
    confirmed_in(&mut net, "");
    let saved = net.ends[0].endpoint.saved_sessions().next().expect("one");
    let mut value = serde_json::to_value(&saved).expect("a value");
    for field in ["timer", "local_sdp", "remote_sdp"] {
        assert!(value.as_object_mut().expect("a table").remove(field).is_some(), "{field}");
    }
    assert!(serde_json::from_value::<SavedSession>(value).is_ok());
}

/// A change of ours while the caller has not refreshed, a re-INVITE of his that is refused: a refused change refreshes
/// nothing, the session ends when it would have ended.
#[test]
fn b072_b121_p031_a_refused_change_refreshes_nothing() {
    let mut net = trunk_server(|_| {});
    let (mut phone, session, _) = confirmed_in(&mut net, &lines("600;refresher=uac", ""));
    net.run_for_ms(400_000);
    phone.send(&mut net, "INVITE", &format!("{}{SDP}", lines("600;refresher=uac", "")), "G.729 alone");
    let refusal = command(&mut net, Command::AnswerReoffer { session, status: 488, sdp: None }).remove(0);
    assert_eq!((status(&refusal), field(&refusal, "Session-Expires")), (488, ""));
    let cseq = phone.cseq;
    acks(&mut net, &mut phone, cseq, "");
    assert!(is_up(&net), "the call goes on");
    let (bye, at) = first_request(&mut net, 200_000).expect("a BYE");
    assert!(bye.starts_with("BYE ") && at == 168_000, "{at}");
}

/// Two of our endpoints for three hours: refreshed again and again from the same side, and neither owner hears a thing.
#[test]
fn b119_b120_two_of_ours_for_three_hours() {
    let mut net = Network::new(5, 2, super::network::Faults::STORM);
    let (ours, _) = {
        net.faults = super::network::Faults::NONE;
        net.established()
    };
    net.faults = super::network::Faults::STORM;
    net.run_for_ms(3 * 3_600_000);
    assert_eq!((net.ends[0].count("ended"), net.ends[1].count("ended")), (0, 0));
    let refreshes = net.ladder.iter().filter(|(_, from, text)| *from == 0 && text.starts_with("UPDATE")).count();
    assert!((12..40).contains(&refreshes) && net.sent(1, "UPDATE") == 0, "{refreshes}");
    assert_eq!((net.ends[0].count("reoffer"), net.ends[1].count("reoffer")), (0, 0));
    net.hangup(0, ours);
    net.run_dry();
    net.assert_settled("three hours");
}
