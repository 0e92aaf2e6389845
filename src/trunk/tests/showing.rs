//! What an operator, and the person called, are shown of a call we place.

use super::*;

fn only(world: &mut World, dial: &Dial) -> Attempt {
    let mut listed = world.trunks.route(world.now, dial).expect("a way");
    assert_eq!(listed.len(), 1);
    listed.remove(0)
}

fn header<'a>(attempt: &'a Attempt, wanted: &str) -> Option<&'a str> {
    attempt.headers.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

/// Our number, in international form, in From and P-Asserted-Identity.
#[test]
fn our_number_is_shown() {
    let mut world = World::new(vec![fixed("a", &[("192.0.2.1:5070", 1, 1)])]);
    let attempt = only(&mut world, &call());
    assert_eq!(attempt.request_uri.reveal(), "sip:+33476000102@192.0.2.1:5070");
    assert_eq!(attempt.from_uri.reveal(), "sip:+33199000110@ecoute.example");
    assert_eq!(header(&attempt, "P-Asserted-Identity"), Some("<sip:+33199000110@ecoute.example>"));
    assert_eq!((header(&attempt, "Privacy"), header(&attempt, "Route")), (None, None));
    let invite = attempt.invite(None, seconds(30));
    assert_eq!((invite.max_forwards, invite.credentials), (70, None));
    let shown = format!("{attempt:?}");
    assert!(!shown.contains("33476000102") && !shown.contains("33199000110"), "{shown}");
}

/// Withheld: nothing in From, and Privacy asks the operator to show nothing; it still learns which customer calls.
#[test]
fn p078_b148_a_withheld_number_is_in_nothing_that_is_shown() {
    let mut world = World::new(vec![fixed("a", &[("192.0.2.1:5060", 1, 1)])]);
    let attempt = only(&mut world, &Dial { hidden: Some(true), ..call() });
    assert_eq!(attempt.from_uri.reveal(), "sip:anonymous@anonymous.invalid");
    assert_eq!(attempt.from_display.reveal(), "Anonymous");
    assert_eq!(header(&attempt, "Privacy"), Some("id"));
    let names: Vec<&str> = attempt.headers.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["P-Asserted-Identity", "Privacy"], "neither Remote-Party-ID nor Diversion");
}

/// An account that registers: its name in From, the number asserted, the way through the proxy, the password ready.
#[test]
fn b087_an_account_calls_with_its_credentials() {
    let mut settings = account("a", "sip.operateur.example");
    if let Way::Register(registration) = &mut settings.way {
        registration.outbound_proxy = Some(host("192.0.2.1:5060"));
    }
    settings.outgoing = Some(Outgoing { from: FromUser::Account, user_phone: true, ..outgoing() });
    let mut world = World::new(vec![settings]);
    let state = crate::sip::RegistrationState::Registered { expires_s: 1800 };
    world.give(Input::Registration { account: 0, state });
    let attempt = only(&mut world, &call());
    assert_eq!(attempt.request_uri.reveal(), "sip:+33476000102@sip.operateur.example;user=phone");
    assert_eq!(attempt.from_uri.reveal(), "sip:0033199000110@sip.operateur.example");
    assert_eq!(header(&attempt, "P-Asserted-Identity"), Some("<sip:+33199000110@sip.operateur.example>"));
    assert_eq!(header(&attempt, "Route"), Some("<sip:192.0.2.1:5060;lr>"));
    assert_eq!(attempt.credentials, Some(Credentials::new("auth", "zanzibar")));
    assert_eq!(attempt.flow.remote, hop("192.0.2.1:5060").remote);
}

/// The form in which a number is dialled.
#[test]
fn forms_of_a_number() {
    for (form, strip, add, called, expected) in [
        (DialForm::E164, "", "", "+33476000102", "+33476000102"),
        (DialForm::E164, "+", "", "+33476000102", "33476000102"),
        (DialForm::E164, "+33", "9#0", "+33476000102", "9%230476000102"),
        (DialForm::International, "", "", "+33476000102", "0033476000102"),
        (DialForm::National, "", "", "+33476000102", "0476000102"),
        (DialForm::National, "", "", "+262262123456", "0262123456"),
        (DialForm::National, "", "", "+441632960961", "00441632960961"),
    ] {
        let edit = number::Edit { strip: strip.to_owned(), add: add.to_owned() };
        let settings =
            Settings { outgoing: Some(Outgoing { form, edit, ..outgoing() }), ..fixed("a", &[("192.0.2.1", 1, 1)]) };
        let mut world = World::new(vec![settings]);
        let attempt = only(&mut world, &Dial::to(number(called)));
        assert_eq!(attempt.request_uri.reveal(), format!("sip:{expected}@192.0.2.1"), "{form:?} {called}");
    }
}

/// Emergency and other short numbers are never dialled, in whatever way they are written, even when nothing is barred;
/// dear ones are not either.
#[test]
fn emergency_numbers_are_never_dialled() {
    let open = Settings {
        outgoing: Some(Outgoing { barred: Vec::new(), ..outgoing() }),
        ..fixed("a", &[("192.0.2.1", 1, 1)])
    };
    let mut world = World::new(vec![open]);
    for short in
        ["+112", "+3315", "+3317", "+3318", "+33112", "+33114", "+330112", "+333977", "+3300112", "+33115", "+33119"]
    {
        let listed = world.trunks.route(world.now, &Dial::to(number(short)));
        assert_eq!(listed.map(|listed| listed.len()), Err(NoRoute::Short), "{short}");
    }
    assert!(world.trunks.route(world.now, &Dial::to(number("+33899000102"))).is_ok());
    let mut world = World::new(vec![fixed("a", &[("192.0.2.1", 1, 1)])]);
    let listed = world.trunks.route(world.now, &Dial::to(number("+33899000102")));
    assert_eq!(listed.map(|listed| listed.len()), Err(NoRoute::Barred));
}

/// A trunk that only receives places nothing, and one that is named is used alone.
#[test]
fn one_trunk_by_name() {
    let deaf = Settings { outgoing: None, ..fixed("a", &[("192.0.2.1", 1, 1)]) };
    let mut world = World::new(vec![deaf, fixed("b", &[("192.0.2.2", 1, 1)]), fixed("c", &[("192.0.2.3", 1, 1)])]);
    assert_eq!(world.hops().map(|hops| hops.len()), Ok(2));
    let (a, c) = (world.trunks.named("a"), world.trunks.named("c"));
    assert_eq!(&*only(&mut world, &Dial { trunk: c, ..call() }).name, "c");
    let listed = world.trunks.route(world.now, &Dial { trunk: a, ..call() });
    assert_eq!(listed.map(|listed| listed.len()), Err(NoRoute::NoTrunk));
}

/// A 3xx is followed once, to a peer of the same trunk, to a number that may be dialled; else not at all.
#[test]
fn redirects_lead_nowhere_else() {
    let agreed = Outgoing { redirect: Redirect::Follow, ..outgoing() };
    let peers = [("192.0.2.1:5060", 1, 1), ("192.0.2.2:5060", 2, 1)];
    let mut world = World::new(vec![Settings { outgoing: Some(agreed), ..fixed("a", &peers) }]);
    let first = world.trunks.route(world.now, &call()).expect("a way").remove(0);
    let follow = |contact: &str| world.trunks.redirect(world.now, &first, contact);
    let second = follow("sip:+33476000103@192.0.2.2:5060").expect("a peer of this trunk");
    assert_eq!(second.hop, hop("192.0.2.2:5060"));
    assert_eq!(second.request_uri.reveal(), "sip:+33476000103@192.0.2.2:5060");
    assert!(world.trunks.redirect(world.now, &second, "sip:+33476000103@192.0.2.1:5060").is_none(), "once");
    for contact in [
        "sip:+33476000103@203.0.113.9:5060",
        "sip:+33476000103@192.0.2.2:5090",
        "sip:+33899000102@192.0.2.2:5060",
        "sip:112@192.0.2.2:5060",
        "tel:+33476000103",
        "sip:192.0.2.2:5060",
        "",
    ] {
        assert!(follow(contact).is_none(), "{contact}");
    }
    let mut strict = World::new(vec![fixed("a", &peers)]);
    let first = strict.trunks.route(strict.now, &call()).expect("a way").remove(0);
    assert!(strict.trunks.redirect(strict.now, &first, "sip:+33476000103@192.0.2.2:5060").is_none());
}
