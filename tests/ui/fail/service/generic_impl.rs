struct Shelf<T>(T);

#[skylark::service]
impl<T> Shelf<T> {
    pub fn kind() -> String {
        String::new()
    }
}

fn main() {}
