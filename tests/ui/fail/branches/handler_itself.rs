#[skylark::function(on_error = first)]
fn first(x: skylark::Failure) -> String {
    x.message
}

fn main() {}
