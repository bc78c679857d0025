macro_rules! declare {
    ($($tokens:tt)*) => {};
}

#[skylark::state]
declare! {
    static SEEN: u32 = 0;
}

fn main() {}
