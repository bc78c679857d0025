#[skylark::state]
enum Door {
    Open,
    Shut,
}

fn main() {}
