#[skylark::accept]
fn nothing() {}

fn main() {
    nothing();
}
