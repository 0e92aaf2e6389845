#![no_main]

#[allow(dead_code, reason = "each fuzzer uses one of the targets")]
#[path = "../targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::endpoint(data));
