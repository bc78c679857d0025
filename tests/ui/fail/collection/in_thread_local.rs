use skylark::Counter;

#[skylark::state]
thread_local! {
    static VISITS: Counter = Counter::new();
}

fn main() {}
