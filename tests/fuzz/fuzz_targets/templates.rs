#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tabbyapi_fuzz_checks::run("templates", data));
