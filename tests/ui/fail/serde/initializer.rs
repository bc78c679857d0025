use std::{collections::HashMap, sync::Mutex};

#[skylark::state]
static SEEN: Mutex<HashMap<String, u32>> = Mutex::new(HashMap::new());

fn main() {}
