#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fabcert::testing::channel(data));
