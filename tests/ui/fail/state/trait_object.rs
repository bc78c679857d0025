use std::sync::Mutex;

trait Rule: Send {
    fn holds(&self) -> bool;
}

#[skylark::state]
static RULES: Mutex<Vec<Box<dyn Rule>>> = Mutex::new(Vec::new());

fn main() {}
