//! What the fuzzers are fed, and what they have found, through the same functions, without a fuzzer.

use std::fs;
use std::path::Path;

use crate::engine::repository;

#[path = "../../fuzz/targets/mod.rs"]
mod targets;

/// Every message and description of the test data, as it is and a little spoilt, goes through every target without a word.
#[test]
fn the_corpus_goes_through_every_target() {
    let mut all = Vec::new();
    for folder in ["torture/rfc4475", "torture/rfc5118", "torture/everyday", "messages", "sdp"] {
        read(&repository().join("tests/data").join(folder), &mut all);
    }
    let nist = repository().join("tests/data/torture/nist-jsip/messages.jsonl");
    for line in fs::read_to_string(nist).expect("the collection").lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("a case");
        all.push(case["text"].as_str().unwrap_or_default().as_bytes().to_vec());
    }
    assert!(all.len() > 500, "{} pieces", all.len());
    for (name, target) in targets::ALL {
        for piece in &all {
            target(piece);
            // The targets take their choices from the first bytes.
            for first in 0..8u8 {
                target(&[&[first], piece.as_slice()].concat());
            }
        }
        assert!(!name.is_empty());
    }
}

/// What a fuzzer found once, each under the name of its finding (`tests/fuzz/found`).
#[test]
fn findings_stay_found() {
    let folder = repository().join("tests/fuzz/found");
    let mut names: Vec<_> = fs::read_dir(folder).expect("the folder").map(|e| e.expect("an entry").path()).collect();
    names.sort();
    assert!(!names.is_empty());
    for path in names {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let kind = name.split('-').next().unwrap_or_default();
        let (_, target) = targets::ALL.into_iter().find(|(known, _)| *known == kind).expect("named after its target");
        target(&fs::read(&path).expect("a finding"));
    }
}

fn read(folder: &Path, into: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("the folder of messages") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|e| ["dat", "sip", "sdp"].iter().any(|known| e == *known)) {
            into.push(fs::read(path).expect("a piece"));
        }
    }
}
