struct Hotel;

#[skylark::state]
impl Hotel {}

fn main() {}
