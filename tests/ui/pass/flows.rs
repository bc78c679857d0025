//! Every way to go on, to wait and to reach outside.

use skylark::{Failure, Next};
use std::{sync::Mutex, time::Duration};

#[skylark::state(scope = key(user))]
static SEEN: Mutex<u32> = Mutex::new(0);

#[skylark::chain(next = [twice, inner::thrice], join = sum)]
fn fan(user: String) -> u64 {
    *SEEN.lock().unwrap() += 1;
    user.len() as u64
}

#[skylark::chain(next = [twice], join = list)]
fn fan_of_one(user: String) -> u64 {
    user.len() as u64
}

#[skylark::chain(next = [twice, inner::thrice], join = pair, on_error = mend)]
async fn fan_to_pair(user: String) -> Result<u64, String> {
    Ok(user.len() as u64)
}

#[skylark::function(retries = 3, backoff = "200ms", on_error = crate::mend)]
fn twice(x: u64) -> u64 {
    x * 2
}

mod inner {
    #[skylark::function]
    pub(super) fn thrice(x: u64) -> u64 {
        x * 3
    }
}

#[skylark::function]
fn sum(left: u64, right: u64) -> u64 {
    left + right
}

#[skylark::function]
fn list(all: Vec<u64>) -> u64 {
    all.iter().sum()
}

#[skylark::function]
fn pair(both: (u64, u64)) -> u64 {
    both.0 + both.1
}

#[skylark::chain(next = each(sum), join = list)]
fn each(n: u64) -> Vec<(u64, u64)> {
    vec![(n, n)]
}

#[skylark::chain(next = each(twice))]
async fn each_of_a_result(n: u64) -> Result<std::ops::Range<u64>, Failure> {
    Ok(0..n)
}

#[skylark::chain(next = [sum, pair, twice, unit])]
fn choose(x: u64) -> Result<Next<((u64, u64), (u64, u64), u64, ())>, String> {
    Ok(match x {
        0 => Next::first((1, 2)),
        1 => Next::second((1, 2)),
        2 => Next::third(1),
        _ => Next::fourth(()),
    })
}

#[skylark::chain(next = twice)]
async fn choose_one(x: u64) -> Next<(u64,)> {
    Next::first(x)
}

#[skylark::function]
fn unit() {}

#[skylark::function]
fn mend(failure: Failure) -> u64 {
    failure.message.len() as u64
}

#[skylark::external(url = "https://bank.example/{account}", method = "PUT")]
pub async fn put(account: String, #[allow(unused)] cents: u32) -> Result<(), Failure>;

#[skylark::nondet]
pub fn drawn(names: &[String]) -> Option<String> {
    names.first().cloned()
}

#[skylark::function]
async fn waits(user: String) -> Result<u64, Failure> {
    use inner::thrice as three_times;
    let twice = skylark::call!(twice(2)).after(Duration::from_millis(3));
    let (twice, three) = skylark::join!(twice, skylark::call!(three_times(3,))).await;
    skylark::call!(crate::unit()).send()?;
    let (): () = skylark::call!(self::unit()).await?;
    put(user.clone(), 3).await?;
    let sum = skylark::call!(each(drawn(&[user]).iter().len() as u64)).yields::<u64>();
    Ok(twice? + three? + sum.await?)
}

fn main() {}
