struct Hotel;

#[skylark::service]
#[skylark::function]
impl Hotel {
    pub fn quote(nights: u32) -> u32 {
        nights
    }
}

fn main() {}
