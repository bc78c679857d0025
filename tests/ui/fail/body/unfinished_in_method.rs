#[skylark::state]
#[derive(Default)]
struct Words {
    seen: u32,
}

#[skylark::service]
impl Words {
    pub fn count(&mut self, words: Vec<String>) -> u32 {
        self.seen += 1;
        words.
    }

    pub fn seen(&self) -> u32 {
        self.seen
    }
}

fn main() {
    // The item is kept: its other functions are there, and no error of their own.
    Words { seen: 1 }.seen();
}
