//! One datagram in five is lost, in a network that the test has to itself.

use std::time::Duration;

use super::alone::{alone, lose, lost};
use super::crowd::{count, names};
use super::{House, accounts};
use crate::engine::wait_until;
use crate::load::sound::Sound;

/// As long as the timers of RFC 3261 may take to say everything again, and a slow machine.
const PATIENT: Duration = Duration::from_secs(100);

/// Twenty callers, signalling and sound alike on a line that loses every fifth datagram in each direction: all listeners can
/// register, all callers are answered, joined and hear their own words come back from one listener, half of the calls end by
/// the caller and half by the listener, each is recorded so, and nothing is left half open.
#[test]
fn b050_calls_on_a_line_that_loses_a_fifth() {
    alone("peers::lossy::b050_calls_on_a_line_that_loses_a_fifth", Duration::from_secs(240), || {
        let names = names(20);
        let accounts = accounts(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let house = House::with("lossy", |setup| setup.listeners(&accounts));
        lose(0.2, &house.engine.sip.port().to_string());
        lose(0.2, "20000:29999");
        let _phones = house.crowd_of_listeners(&names, "lossy_listener", PATIENT);
        let sound = Sound::start(house.callers, house.listeners);
        let mut staying = house.crowd_of_callers("lossy_caller", 10, 2, &[]);
        let mut leaving = house.crowd_of_callers("lossy_leaver", 10, 2, &[]);
        staying.finish_within(PATIENT);
        leaving.finish_within(PATIENT);
        wait_until("all calls are recorded", PATIENT, || house.engine.records().len() == 20);
        for gauge in ["calls_active", "legs_active", "reservations", "media_streams", "sip_dialogs", "sip_transactions"]
        {
            let gone = || house.engine.metric(&format!("ecoute_{gauge}")) == 0.0;
            wait_until(&format!("{gauge} is back at 0"), PATIENT, gone);
        }
        let heard = sound.stop();
        println!("{} datagrams lost; {heard:?}", lost());
        let records = house.engine.records();
        let odd = |record: &&serde_json::Value| record["attempts"].as_array().is_none_or(|all| all.len() != 1);
        for record in records.iter().filter(odd) {
            println!("not as on a good line: {record:#}");
        }
        assert!(lost() > 500, "only {} datagrams were lost", lost());
        assert_eq!((count(&staying, "OVER"), count(&leaving, "OVER")), (10, 10));
        assert_eq!(heard.two_way, 20, "each caller hears her own words come back: {heard:?}");
        assert_eq!(heard.foreign, 0, "somebody heard a stranger");
        let ended = |by: &str| records.iter().filter(|record| record["termination"]["by"] == by).count();
        assert_eq!((ended("caller"), ended("listener")), (10, 10), "{records:#?}");
        let once = |record: &&serde_json::Value| record["attempts"].as_array().is_some_and(|all| all.len() == 1);
        assert_eq!(records.iter().filter(once).count(), 20, "one listener, once, for each caller");
    });
}
