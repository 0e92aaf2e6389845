//! The engine is stopped and started while a thousand telephones and their callers live on.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ecoute::store::Reader;

use super::crowd::{count, names};
use super::phones::Phones;
use super::{House, accounts};
use crate::engine::{SOON, own_address, wait_until};
use crate::load::LISTENER_SOUND;
use crate::load::sound::Sound;

const PHONES: usize = 1000;
/// Two a second, from before the engine is back until well after the last telephone is.
const CALLS: usize = 72;
/// Ten times what it takes.
const PATIENT: Duration = Duration::from_secs(120);

/// A thousand telephones at ten addresses that nobody trusts have registered. The engine is stopped and started again; as the
/// telephones notice it, each in its own moment of half a minute, they register anew, and all are known again. Whoever dials
/// meanwhile, the first while nobody is there at all and the next while no telephone is, is answered, waits, and is joined to a
/// listener: she hears her own words come back. Nobody is refused.
#[test]
fn a_thousand_telephones_come_back_and_no_call_is_lost() {
    let names = names(PHONES);
    let listeners = accounts(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let callers = own_address();
    let mut house = House::with("restart", |setup| {
        setup.listeners(&listeners).set("sip.trusted_peers", &format!("[\"{callers}/32\"]"))
    });
    house.callers = callers;
    let sound = Sound::start(house.callers, house.listeners);
    let centres: Vec<IpAddr> = (0..10).map(|_| own_address()).collect();
    let at = SocketAddr::new(house.listeners, LISTENER_SOUND);
    let phones = Phones::start(house.engine.sip, &centres, &names, at, Duration::from_secs(5));
    wait_until("all telephones are registered", PATIENT, || phones.registered() == PHONES);
    let all_known = |house: &House| house.engine.metric("ecoute_registrations") == PHONES as f64;
    wait_until("all telephones are known", SOON, || all_known(&house));

    house.engine.stop();
    let mut dialling = house.crowd_of_callers("crowd_caller", CALLS, 2, &[]);
    wait_until("a call is tried in vain", PATIENT, || dialling.messages().contains("INVITE sip:3977"));
    let clock = ecoute::node::SystemClock::start();
    house.engine.start_again();
    phones.register_again(Duration::from_secs(3), Duration::from_secs(29));
    wait_until("all telephones are registered again", PATIENT, || phones.registered() == PHONES);
    let took = clock.at();
    wait_until("all telephones are known again", SOON, || all_known(&house));
    dialling.finish_within(PATIENT);
    wait_until("all calls are recorded", PATIENT, || house.engine.metric("ecoute_store_records_total") >= CALLS as f64);
    house.engine.quiet();
    let heard = sound.stop();

    println!("{PHONES} telephones are back {took:?} after the start; {CALLS} calls meanwhile; sound {heard:?}");
    assert_eq!((count(&dialling, "ANSWERED"), count(&dialling, "OVER")), (CALLS, CALLS));
    assert_eq!(heard.two_way, CALLS, "each caller hears her own words come back: {heard:?}");
    assert_eq!(heard.foreign, 0, "somebody heard a stranger");
    let records = Reader::open(&house.engine.dir.join("var")).and_then(|reader| reader.records(1000, None));
    let records = records.expect("the store");
    let served = records.iter().filter(|record| record.bridged_ms.is_some()).count();
    assert_eq!((records.len(), served), (CALLS, CALLS), "one record for each call, and each was joined");
    assert_eq!(phones.unexpected(), Vec::<String>::new());
    assert_eq!(phones.rung(), CALLS, "a listener is rung once for each caller");
}
