use std::sync::atomic::AtomicPtr;

#[skylark::state]
static SEEN: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());

fn main() {}
