use std::fmt;

#[skylark::function]
fn alarm(loud: bool) -> fmt::Result {
    if loud { Ok(()) } else { Err(fmt::Error) }
}

fn main() {}
