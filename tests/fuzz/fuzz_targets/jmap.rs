#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| waxwing_tests::fuzz::jmap(octets));
