//! A run's record as the stores outside this process keep it: a byte that says
//! whether its first task is over, then the record.

const UNDER_WAY: u8 = b'-';
const OVER: u8 = b'+';

pub(super) fn pack(first_is_over: bool, record: &[u8]) -> Vec<u8> {
    let mark = if first_is_over { OVER } else { UNDER_WAY };
    let mut kept = Vec::with_capacity(1 + record.len());
    kept.push(mark);
    kept.extend_from_slice(record);
    kept
}

/// Whether its first task is over, and the record.
pub(super) fn unpack(mut kept: Vec<u8>) -> (bool, Vec<u8>) {
    let is_over = kept.first() == Some(&OVER);
    kept.drain(..kept.len().min(1));
    (is_over, kept)
}
