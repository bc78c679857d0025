unsafe extern "C" {
    #[skylark::state]
    static SEEN: u32;
}

fn main() {}
