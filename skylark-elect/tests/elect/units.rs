//! Units: how they are spelled, converted and kept apart.

use skylark_elect::{Bandwidth, Bytes, Delay, UnixMicros};

#[test]
fn transfer_is_eight_bits_a_byte_over_megabits_a_second() {
    fn check(bytes: u64, mbps: f64, expected_ms: f64) {
        let bandwidth = Bandwidth::from_mbps(mbps).expect("a bandwidth");
        assert_eq!(
            bandwidth.transfer(Bytes(bytes)).ms(),
            expected_ms,
            "{bytes} B over {mbps} Mbit/s"
        );
    }
    check(0, 1.0, 0.0);
    check(1_000_000, 8.0, 1_000.0);
    check(125_000, 1.0, 1_000.0);
    check(125, 1_000.0, 0.001);
    check(1, 1_000.0, 0.001); // 0.008 µs: rounded up
    check(47_000, 90.0, 4.178);
    check(50_000_000, 10.0, 40_000.0);
    check(4_000_000_000_000, 1_000.0, 32_000_000.0); // beyond 64 bits in between
}

#[test]
fn numbers_that_are_no_bandwidth_or_delay_are_refused() {
    fn check(number: f64, bandwidth: bool, delay: bool) {
        assert_eq!(
            Bandwidth::from_mbps(number).is_ok(),
            bandwidth,
            "{number} Mbit/s"
        );
        assert_eq!(Delay::from_ms(number).is_ok(), delay, "{number} ms");
    }
    check(90.0, true, true);
    check(0.5, true, true);
    check(1e-6, true, true);
    check(1e-8, false, true);
    check(0.0, false, true);
    check(-1.0, false, false);
    check(-0.000_1, false, false);
    check(f64::NAN, false, false);
    check(f64::INFINITY, false, false);
    check(f64::NEG_INFINITY, false, false);
    check(1e12, false, false);
}

#[test]
fn json_spells_whole_numbers_whole() {
    fn check(json: &str, bits: u64, micros: u64) {
        let bandwidth: Bandwidth = serde_json::from_str(json).expect("a bandwidth");
        let delay: Delay = serde_json::from_str(json).expect("a delay");
        assert_eq!(
            (bandwidth.bits_per_second(), delay.micros()),
            (bits, micros),
            "{json}"
        );
        assert_eq!(serde_json::to_string(&bandwidth).expect("JSON"), json);
        assert_eq!(serde_json::to_string(&delay).expect("JSON"), json);
    }
    check("90", 90_000_000, 90_000);
    check("0.5", 500_000, 500);
    check("12.125", 12_125_000, 12_125);
}

#[test]
fn words() {
    fn check(value: impl std::fmt::Display, expected: &str) {
        assert_eq!(value.to_string(), expected);
    }
    check(Bytes(999), "999 B");
    check(Bytes(47_000), "47 kB");
    check(Bytes(1_540), "1.54 kB");
    check(Bytes(1_500_000), "1.5 MB");
    check(Bytes(2_000_000_000), "2 GB");
    check(Delay::ZERO, "0 ms");
    check(Delay::from_micros(7), "7 µs");
    check(Delay::from_micros(4_178), "4.18 ms");
    check(Delay::from_micros(24_178), "24.2 ms");
    check(Delay::from_micros(12_500_000), "12.5 s");
    check(Bandwidth::SATELLITE, "90 Mbit/s");
}

#[test]
fn minutes_are_of_the_hour() {
    fn check(seconds: u64, minute: u64) {
        assert_eq!(
            UnixMicros(seconds * 1_000_000).minute(),
            minute,
            "{seconds} s"
        );
    }
    check(0, 0);
    check(59, 0);
    check(60, 1);
    check(3_599, 59);
    check(3_600, 0);
}
