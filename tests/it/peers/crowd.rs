//! Many telephones at once, as SIPp plays them. Their sound is the load test's: each caller speaks with a mark of her own, the
//! listeners give back what they hear, and who hears her own mark is joined to a listener, both ways.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use super::House;
use super::sipp::{self, Play, Sipp};
use crate::engine::{PASSWORD, SOON, wait_until};
use crate::load::{CALLER_SOUND, LISTENER_SOUND};

/// The accounts `l001` to `l<count>`.
pub fn names(count: usize) -> Vec<String> {
    (1..=count).map(|nth| format!("l{nth:03}")).collect()
}

impl House {
    /// All these accounts registered from one telephone system, which plays `scenario` whenever one of them is rung.
    pub fn crowd_of_listeners(&self, names: &[String], scenario: &str, within: Duration) -> Sipp {
        let mut lines = "SEQUENTIAL\n".to_owned();
        for name in names {
            lines += &format!("{name};[authentication username={name} password={PASSWORD}]\n");
        }
        fs::write(self.engine.dir.join("accounts.csv"), lines).expect("a file");
        let all = names.len().to_string();
        let mut play = Play {
            scenario: "crowd_register",
            ip: self.listeners,
            port: 0,
            server: self.engine.sip,
            sound: LISTENER_SOUND,
            transport: "u1",
            more: &["-inf", "accounts.csv", "-m", &all, "-r", "50", "-max_retrans", "12"],
        };
        let mut register = Sipp::start(&self.engine.dir, &play);
        register.finish_within(within);
        let bound = || self.engine.metric("ecoute_bindings") == names.len() as f64;
        wait_until("all telephones are registered", SOON, bound);
        let local: SocketAddr = register.local();
        play.scenario = scenario;
        play.port = local.port();
        play.more = &["-m", "100000", "-max_retrans", "12"];
        let phones = Sipp::start(&self.engine.dir, &play);
        wait_until("the listeners' telephones are on", SOON, || sipp::is_taken(local));
        phones
    }

    /// This many callers, so many of them a second.
    pub fn crowd_of_callers(&self, scenario: &str, calls: usize, rate: usize, more: &[&str]) -> Sipp {
        let (calls, rate) = (calls.to_string(), rate.to_string());
        let mut all = vec!["-m", &calls, "-r", &rate, "-l", "1000", "-max_retrans", "12"];
        all.extend(more);
        let play = Play {
            scenario,
            ip: self.callers,
            port: 0,
            server: self.engine.sip,
            sound: CALLER_SOUND,
            transport: "u1",
            more: &all,
        };
        Sipp::start(&self.engine.dir, &play)
    }
}

/// How often a word was logged.
pub fn count(sipp: &Sipp, word: &str) -> usize {
    sipp.log().lines().filter(|line| line.trim() == word).count()
}
