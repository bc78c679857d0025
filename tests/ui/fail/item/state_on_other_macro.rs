#[skylark::state]
lazy_static! {
    static ref SEEN: u32 = 0;
}

macro_rules! lazy_static {
    ($($tokens:tt)*) => {};
}
use lazy_static;

fn main() {}
