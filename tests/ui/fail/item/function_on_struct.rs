#[skylark::function]
struct Alarm {
    loud: bool,
}

fn main() {}
