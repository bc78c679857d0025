#[skylark::function(memory = 0, timeuot = "2s", on = moon)]
fn alarm(text: &str, _: u8) -> bool {
    !text.is_empty()
}

fn main() {}
