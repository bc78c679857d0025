//! Services before and after `cargo skylark lift`; the tests compare them.
