struct Siren;

impl Siren {
    #[skylark::function]
    fn alarm(&self, loud: bool) -> bool {
        loud
    }
}

fn main() {}
