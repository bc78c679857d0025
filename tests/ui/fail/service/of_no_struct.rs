trait Kind {
    fn kind() -> String;
}

#[skylark::service]
impl Kind for [u8; 2] {
    fn kind() -> String {
        String::new()
    }
}

fn main() {}
