//! The store against a real disk: exactly one record per call, numbers that leave no trace, a full disk that loses nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use ecoute::call::record::{Finished, How, Party, Record, Sound, Stage, Termination};
use ecoute::clock::{Civil, Instant, Now};
use ecoute::dispatch::{Decision, DecisionKind, Lang, Wish};
use ecoute::ids::{CallId, ListenerId, PhoneNumber};
use ecoute::store::{DATABASE_FILE, Entry, Reader, Store, StoreError, StoreSettings};

const SOON: Duration = Duration::from_secs(20);
const BEGAN_MS: i64 = 1_795_611_800_000;
const HOUR_MS: i64 = 3_600_000;

/// A record is written once, read back whole, and a second one of the same call is refused and counted.
#[test]
fn exactly_one_record_per_call() {
    let dir = directory("once");
    let store = open(&dir, StoreSettings::default());
    assert!(store.write(record_entry(1, None)));
    let mut second = finished(1, None);
    second.record.talked_ms = 999;
    assert!(store.write(Entry::Record(second)));
    assert!(store.flush(SOON));
    let figures = store.figures();
    assert_eq!((figures.records, figures.duplicates, figures.lost), (1, 1, 0));
    let reader = Reader::open(&dir).expect("reads");
    assert_eq!(reader.record(call(1)).expect("reads"), Some(finished(1, None).record));
    assert_eq!(reader.record(call(2)).expect("reads"), None);
    assert!(store.close(SOON));
}

/// Records come youngest first and can be bounded; decisions come in the order in which they were made; a wish is the last
/// one, whatever the order of arrival.
#[test]
fn what_is_read_is_what_was_written() {
    let dir = directory("read");
    let store = open(&dir, StoreSettings::default());
    for nth in 0..20 {
        store.write(record_entry(nth, None));
        store.write(decision_entry(7, nth));
    }
    let wish = |wish, at| Entry::Wish { listener: ListenerId::new("isere"), wish, at: Civil::from_unix_millis(at) };
    store.write(wish(Wish::Paused, 2000));
    store.write(wish(Wish::Ready, 1000));
    assert!(store.flush(SOON));
    let reader = Reader::open(&dir).expect("reads");
    let youngest: Vec<CallId> = reader.records(3, None).expect("reads").iter().map(|record| record.call).collect();
    assert_eq!(youngest, [call(19), call(18), call(17)]);
    let since = Civil::from_unix_millis(BEGAN_MS + 15_000);
    assert_eq!(reader.records(100, Some(since)).expect("reads").len(), 5);
    let waited: Vec<u64> =
        reader.decisions(call(7)).expect("reads").iter().map(|decision| decision.waited_ms).collect();
    assert_eq!(waited, (0..20).collect::<Vec<u64>>());
    assert_eq!(reader.wishes().expect("reads"), [(ListenerId::new("isere"), Wish::Paused)]);
    let record = reader.record(call(7)).expect("reads").expect("is there");
    let story = ecoute::store::explain(&record, &reader.decisions(call(7)).expect("reads"), Lang::Fr);
    assert!(story.contains("l'appelant a raccroché"), "{story}");
    assert!(store.close(SOON));
}

/// After its time a number is in no byte of any file of the store, though it was there before; the record stays.
#[test]
fn a_number_leaves_no_trace() {
    let dir = directory("numbers");
    let (settings, clock) = with_clock(StoreSettings::default());
    let store = open(&dir, settings);
    let numbers: Vec<String> = (0..1500_u64).map(|nth| format!("+3361{:07}", (nth * 7919) % 9_999_991)).collect();
    for (nth, number) in numbers.iter().enumerate() {
        store.write(record_entry(nth as u64, Some(number)));
        if nth % 100 == 99 {
            assert!(store.flush(SOON));
        }
    }
    assert_eq!(numbers_in_files(&dir).len(), 1500, "before its time each number is there");

    clock.store(BEGAN_MS + 20 * HOUR_MS, Relaxed);
    assert!(store.sweep(SOON));
    assert_eq!(numbers_in_files(&dir).len(), 1500, "after 20 hours they still are");

    clock.store(BEGAN_MS + 26 * HOUR_MS, Relaxed);
    assert!(store.sweep(SOON));
    let left = numbers_in_files(&dir);
    assert!(left.is_empty(), "{} numbers can still be read, such as {:?}", left.len(), left.first());
    assert_eq!(store.figures().numbers_deleted, 1500);
    assert_eq!(Reader::open(&dir).expect("reads").records(2000, None).expect("reads").len(), 1500);
    assert!(store.close(SOON));
}

/// With a retention of zero a number is never written at all.
#[test]
fn no_retention_no_number() {
    let dir = directory("never");
    let store = open(&dir, StoreSettings { numbers_keep: Duration::ZERO, ..with_clock(StoreSettings::default()).0 });
    store.write(record_entry(1, Some("+33612345678")));
    assert!(store.flush(SOON));
    assert!(!traces(&dir, "+33612345678") && !traces(&dir, "612345678"));
    assert!(store.close(SOON));
}

/// The sweep comes by itself when a number's time is over, without being asked.
#[test]
fn the_sweep_comes_by_itself() {
    let dir = directory("itself");
    let (settings, clock) = with_clock(StoreSettings::default());
    let store = open(&dir, StoreSettings { sweep_every: Duration::from_millis(100), ..settings });
    store.write(record_entry(1, Some("+33612345678")));
    assert!(store.flush(SOON));
    assert!(traces(&dir, "+33612345678"));
    clock.store(BEGAN_MS + 26 * HOUR_MS, Relaxed);
    wait_until("the number is gone", || !traces(&dir, "+33612345678"));
    assert!(store.close(SOON));
}

/// When SQLite says that the disk is full, entries wait in the spool without their numbers; nobody waits for them; when
/// there is room again all of them are in, in order, with their numbers.
#[test]
fn a_full_disk_loses_nothing() {
    let dir = directory("full");
    let (settings, _clock) = with_clock(StoreSettings::default());
    let store = open(
        &dir,
        StoreSettings {
            retry_min: Duration::from_millis(20),
            retry_max: Duration::from_millis(100),
            pages_max: 40,
            ..settings
        },
    );
    for nth in 0..1000 {
        assert!(store.write(record_entry(nth, Some("+33612345678"))), "the queue takes what a call hands over");
        assert!(store.write(decision_entry(nth % 10, nth)));
        if nth % 500 == 0 {
            store.flush(SOON);
        }
    }
    assert!(!store.flush(SOON), "something waits");
    let full = store.figures();
    assert!(!full.open && full.errors > 0 && full.spool_now > 0 && full.ring_now == 0 && full.lost == 0, "{full:?}");
    assert!(!traces(&dir.join("spool"), "612345678"), "no number is in the spool");

    assert!(store.limit_pages(0, SOON));
    wait_until("the spool is drained", || store.figures().spool_now == 0);
    let figures = store.figures();
    assert!(figures.open, "{figures:?}");
    assert_eq!((figures.records, figures.decisions, figures.duplicates, figures.lost), (1000, 1000, 0, 0));
    assert!(!dir.join("spool").join("spool-1.jsonl").exists(), "an empty spool leaves no file");
    let reader = Reader::open(&dir).expect("reads");
    for nth in 0..10 {
        let waited: Vec<u64> = reader.decisions(call(nth)).expect("reads").iter().map(|one| one.waited_ms).collect();
        assert_eq!(waited, (0..100).map(|n| n * 10 + nth).collect::<Vec<u64>>(), "in order, none twice");
    }
    assert_eq!(numbers_held(&dir), 1000);
    assert!(store.close(SOON));
}

/// What the database did not take before the program ended is taken up by the next run, without the numbers.
#[test]
fn the_spool_outlives_the_program() {
    let dir = directory("outlives");
    let store = open(&dir, StoreSettings { pages_max: 30, ..with_clock(StoreSettings::default()).0 });
    for nth in 0..200 {
        store.write(record_entry(nth, Some("+33612345678")));
    }
    assert!(!store.flush(SOON));
    let taken_before = store.figures().records;
    assert!(store.close(SOON));
    let waiting = std::fs::read_to_string(dir.join("spool").join("spool-1.jsonl")).expect("a spool is left");
    assert!(waiting.lines().count() as u64 >= 200 - taken_before);
    assert!(!waiting.contains("612345678"));

    let store = open(&dir, StoreSettings::default());
    wait_until("the spool is drained", || store.figures().spool_now == 0);
    assert_eq!(store.figures().duplicates, 0);
    assert_eq!(Reader::open(&dir).expect("reads").records(1000, None).expect("reads").len(), 200);
    assert_eq!(numbers_held(&dir) as u64, taken_before);
    assert!(store.close(SOON));
}

/// When the spool cannot be written either, entries wait in memory, within a limit; beyond it they are lost and counted, and
/// what was kept still gets in.
#[test]
fn memory_is_the_last_resort() {
    let dir = directory("memory");
    let (settings, _clock) = with_clock(StoreSettings::default());
    let store = open(
        &dir,
        StoreSettings {
            pages_max: 1,
            spool_bytes_max: 0,
            ring_max: 50,
            retry_min: Duration::from_millis(20),
            ..settings
        },
    );
    for nth in 0..200 {
        store.write(record_entry(nth, None));
    }
    assert!(!store.flush(SOON));
    let full = store.figures();
    assert_eq!((full.spool_now, full.ring_now), (0, 50), "{full:?}");
    assert!(full.spool_errors > 0 && full.lost > 0, "{full:?}");
    assert!(store.limit_pages(0, SOON));
    wait_until("the ring is drained", || store.figures().ring_now == 0);
    let figures = store.figures();
    assert_eq!(figures.records + figures.lost, 200, "{figures:?}");
    assert!(store.close(SOON));
}

/// A queue that is full refuses at once, and says so.
#[test]
fn a_full_queue_is_an_answer() {
    let dir = directory("queue");
    let store = open(&dir, StoreSettings { queue_max: 1, ..StoreSettings::default() });
    let refused = (0..5000).filter(|nth| !store.write(record_entry(*nth, None))).count() as u64;
    assert!(store.flush(SOON));
    assert_eq!(store.figures().lost, refused);
    assert_eq!(store.figures().records, 5000 - refused);
    assert!(store.close(SOON));
}

/// Two programs cannot write to one directory; a directory without a store says so; a file of a later version is left alone.
#[test]
fn a_wrong_directory_is_said_plainly() {
    let dir = directory("inuse");
    assert!(matches!(Reader::open(&dir), Err(StoreError::Missing { .. })));
    let store = open(&dir, StoreSettings::default());
    assert!(matches!(Store::open(&dir, StoreSettings::default()), Err(StoreError::InUse { .. })));
    assert!(store.close(SOON));
    let db = rusqlite::Connection::open(dir.join(DATABASE_FILE)).expect("opens");
    db.pragma_update(None, "user_version", 1000).expect("sets");
    drop(db);
    assert!(matches!(Store::open(&dir, StoreSettings::default()), Err(StoreError::Newer { found: 1000, .. })));
    assert!(matches!(Reader::open(&dir), Err(StoreError::Newer { .. })));
}

/// The files are readable by their owner only.
#[test]
fn the_files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let dir = directory("private");
    let store = open(&dir, StoreSettings::default());
    store.write(record_entry(1, None));
    assert!(store.flush(SOON));
    for file in std::fs::read_dir(&dir).expect("lists").flatten() {
        let mode = file.metadata().expect("has metadata").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?} is open to others", file.file_name());
    }
    assert!(store.close(SOON));
}

/// A day is counted in the words of the French helplines.
#[test]
fn the_report_counts_a_day() {
    let dir = directory("report");
    let store = open(&dir, StoreSettings::default());
    for (nth, bridged, by, lasted_ms) in [
        (1, true, Party::Caller, 900_000),
        (2, false, Party::Caller, 3_000),
        (3, false, Party::Caller, 60_000),
        (4, false, Party::Us, 240_000),
    ] {
        let mut one = finished(nth, None);
        one.record.bridged_ms = bridged.then_some(30_000);
        one.record.ended_ms = lasted_ms;
        one.record.termination.by = by;
        store.write(Entry::Record(one));
    }
    assert!(store.flush(SOON));
    let db = rusqlite::Connection::open(dir.join(DATABASE_FILE)).expect("opens");
    let row: [i64; 5] = db
        .query_row(
            "SELECT entering, picked_up, abandoned, abandoned_under_5_s, dissuaded FROM report_by_day",
            [],
            |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?]),
        )
        .expect("one day");
    assert_eq!(row, [4, 1, 1, 1, 1]);
    assert!(store.close(SOON));
}

// ---- helpers -----------------------------------------------------------------------------------------------------

fn open(dir: &Path, settings: StoreSettings) -> Store {
    Store::open(dir, settings).expect("the store opens")
}

fn with_clock(settings: StoreSettings) -> (StoreSettings, Arc<AtomicI64>) {
    let clock = Arc::new(AtomicI64::new(BEGAN_MS));
    let read = Arc::clone(&clock);
    let wall = Arc::new(move || Civil::from_unix_millis(read.load(Relaxed)));
    (StoreSettings { wall, ..settings }, clock)
}

fn directory(name: &str) -> PathBuf {
    static NTH: AtomicU64 = AtomicU64::new(0);
    let nth = NTH.fetch_add(1, Relaxed);
    let path = std::env::temp_dir().join(format!("ecoute-it-store-{name}-{}-{nth}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("a temporary directory can be made");
    path
}

fn call(nth: u64) -> CallId {
    CallId::from_raw(0x6000_0000_0000_0000 | nth)
}

fn finished(nth: u64, number: Option<&str>) -> Box<Finished> {
    let began = BEGAN_MS + nth as i64 * 1000;
    let record = Record {
        call: call(nth),
        service: "3977".into(),
        began: Civil::from_unix_millis(began),
        ended: Civil::from_unix_millis(began + 60_000),
        answered_ms: Some(200),
        ended_ms: 60_000,
        queued_ms: Some(20_000),
        bridged_ms: Some(30_000),
        talked_ms: 30_000,
        department: Some("38".into()),
        located_by: None,
        language: "fr".into(),
        listener: Some(ListenerId::new("isere")),
        attempts: Vec::new(),
        steps: vec!["welcome".into()],
        caller_sound: Sound::default(),
        listener_sound: None,
        termination: Termination { by: Party::Caller, how: How::HungUp, during: Stage::Bridged },
    };
    let caller = number.map(|number| PhoneNumber::from_e164(number).expect("a sound number"));
    Box::new(Finished { record, caller })
}

fn record_entry(nth: u64, number: Option<&str>) -> Entry {
    Entry::Record(finished(nth, number))
}

fn decision_entry(nth: u64, waited_ms: u64) -> Entry {
    Entry::Decision(Box::new(Decision {
        at: Now { at: Instant::from_millis(waited_ms), civil: Civil::from_unix_millis(BEGAN_MS + waited_ms as i64) },
        call: call(nth),
        department: None,
        language: "fr".into(),
        tier: 0,
        reach: None,
        waited_ms,
        kind: DecisionKind::NobodyEligible,
        candidates: Vec::new(),
        others: Vec::new(),
    }))
}

/// Is this text in any byte of any file here or below?
fn traces(path: &Path, text: &str) -> bool {
    let Ok(entries) = std::fs::read_dir(path) else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return traces(&path, text);
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

/// Every `+3361…` in any byte of any file of the store.
fn numbers_in_files(dir: &Path) -> BTreeSet<Vec<u8>> {
    let files = std::fs::read_dir(dir).expect("lists").flatten().filter(|entry| entry.path().is_file());
    let bytes: Vec<u8> = files.flat_map(|file| std::fs::read(file.path()).expect("reads")).collect();
    memchr::memmem::find_iter(&bytes, "+3361").map(|at| bytes[at..bytes.len().min(at + 12)].to_vec()).collect()
}

fn numbers_held(dir: &Path) -> i64 {
    let db = rusqlite::Connection::open(dir.join(DATABASE_FILE)).expect("opens");
    db.query_row("SELECT count(*) FROM caller_numbers", [], |row| row.get(0)).expect("counts")
}

#[expect(clippy::disallowed_methods, reason = "a test of a thread waits for it on the real clock")]
fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let until = std::time::Instant::now() + SOON;
    while !done() {
        assert!(std::time::Instant::now() < until, "not within {SOON:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
