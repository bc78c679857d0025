#[skylark::service(scope = chain)]
impl Hotel {
    pub fn quote(nights: u32) -> u32 {
        nights
    }
}

struct Hotel;

fn main() {}
