//! Services: methods as functions, fields as state, clients.

use serde::{Deserialize, Serialize};
use skylark::{native::Runtime, prelude::*};
use std::collections::{BTreeMap, HashMap};

/// A hotel, of which there is one.
#[skylark::state(default = Hotel::new(3))]
struct Hotel {
    rooms: u32,
    bookings: BTreeMap<String, u32>,
    #[skylark::state(rename = "asked")]
    questions: HashMap<u32, u32>,
}

impl Hotel {
    fn new(rooms: u32) -> Self {
        Self {
            rooms,
            bookings: BTreeMap::new(),
            questions: HashMap::new(),
        }
    }
}

#[skylark::service]
impl Hotel {
    /// What a guest pays for a night.
    const RATE: u32 = 80;

    pub fn free(&self) -> u32 {
        self.rooms
    }

    pub fn reserve(&mut self, guest: String, rooms: u32) -> Result<u32, String> {
        if self.is_full(rooms) {
            return Err(format!("{guest} asks for {rooms} rooms of {}", self.rooms));
        }
        self.rooms -= rooms;
        *self.bookings.entry(guest).or_default() += rooms;
        Ok(self.rooms)
    }

    pub fn quote(nights: u32) -> u32 {
        nights * Self::RATE
    }

    #[skylark::function(name = "ask", retries = 2)]
    fn asks(&mut self, what: u32) -> usize {
        self.questions.insert(what, what);
        self.questions.len()
    }

    /// Looks at everything, in an order that is another each time.
    pub fn shown(&self) -> String {
        format!(
            "{:?}",
            (self.rooms, &self.bookings, self.questions.values())
        )
    }

    #[skylark::chain(next = Self::reserve)]
    pub fn invite(&self, guest: String) -> (String, u32) {
        (guest, self.free())
    }

    #[skylark::chain(next = whole, on_error = Hotel::sorry)]
    pub fn refuses(guest: String) -> Result<Vec<u8>, String> {
        Err(guest)
    }

    pub fn sorry(&self, failure: Failure) -> String {
        format!("{} of {}", failure.message, self.rooms)
    }

    pub async fn asks_itself(guest: String) -> Result<u32, Failure> {
        let one = skylark::call!(Hotel::reserve(guest, 1)).start();
        let (free, quote) = skylark::join!(HotelClient.free(), HotelClient::quote(2)).await;
        skylark::with_mut(|hotel: &mut Self| hotel.bookings.clear());
        HotelClient.asks(7).send()?;
        Ok(one.await? * 10_000 + free? * 1_000 + quote?)
    }

    fn is_full(&self, rooms: u32) -> bool {
        self.rooms < rooms
    }
}

#[skylark::function]
fn whole(bytes: Vec<u8>) -> usize {
    bytes.len()
}

/// Two at once, or nothing.
#[skylark::function]
fn reserve_two(guest: String) -> Result<u32, String> {
    skylark::transaction(|| {
        skylark::with_mut(|hotel: &mut Hotel| hotel.reserve(guest.clone(), 1))?;
        skylark::with_mut(|hotel: &mut Hotel| hotel.reserve(guest.clone(), 2))
    })
}

/// Asks again for what it has.
#[skylark::function]
fn twice() -> u32 {
    skylark::with_mut(|_: &mut Hotel| skylark::with(|hotel: &Hotel| hotel.rooms))
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Line(String);

/// One per name.
#[skylark::state(scope = key(name))]
#[derive(Default)]
struct Diary(Vec<Line>, u64);

/// What can be written to.
trait Writable {
    fn write(&mut self, name: String, line: Line) -> u64;
    fn size(&self, _name: String) -> usize;
    fn kind() -> String;
}

#[skylark::service(scope = key(name), name = "diary", client = Diaries)]
impl Writable for Diary {
    fn write(&mut self, name: String, line: Line) -> u64 {
        self.0.push(Line(format!("{name}: {}", line.0)));
        self.1 += 1;
        self.1
    }

    fn size(&self, _name: String) -> usize {
        self.0.len()
    }

    fn kind() -> String {
        "diary".into()
    }
}

#[skylark::function]
async fn writes(names: Vec<String>) -> Result<usize, Failure> {
    let written = names
        .iter()
        .map(|name| Diaries::at(name.clone()).write(Line("hello".into())));
    skylark::join_all(written)
        .await
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    let kind = Diaries::kind().await?;
    let ann = skylark::call!(Diary::size("ann".to_owned())).await?;
    Ok(kind.len() * 100 + ann)
}

mod elsewhere {
    use super::Hotel;

    // In another module than the struct's.
    #[skylark::service(client = Desk)]
    impl super::Hotel {
        pub fn close(&mut self) {
            *self = Hotel::new(0);
        }

        pub async fn close_by_call() -> Result<(), skylark::Failure> {
            Desk.close().await?;
            skylark::call!(Hotel::close()).await
        }
    }
}

#[track_caller]
fn check(runtime: &Runtime, function: &str, input: &str, wanted: Result<&str, &str>) {
    let run = runtime.invoke(function, input);
    match (run.result, wanted) {
        (Ok(json), Ok(wanted)) => {
            assert_eq!(String::from_utf8(json).unwrap(), wanted, "{function}")
        }
        (Err(failure), Err(wanted)) => assert!(failure.message.contains(wanted), "{failure}"),
        (found, wanted) => panic!("{function}: {found:?}, not {wanted:?}"),
    }
}

#[test]
fn methods_are_functions() {
    let runtime = Runtime::new();
    for (function, input, wanted) in [
        ("Hotel-free", "", Ok("3")),
        ("Hotel-reserve", r#"{"guest": "ann", "rooms": 1}"#, Ok("2")),
        (
            "Hotel-reserve",
            r#"["bob", 5]"#,
            Err("bob asks for 5 rooms of 2"),
        ),
        ("Hotel-free", "", Ok("2")),
        ("Hotel-quote", "3", Ok("240")),
        ("ask", "1", Ok("1")),
        ("Hotel-invite", r#""carol""#, Ok("0")),
        ("Hotel-refuses", r#""dave""#, Ok(r#""dave of 0""#)),
        ("Hotel-is_full", "1", Err("Hotel-is_full")),
        ("Hotel-new", "1", Err("Hotel-new")),
        ("twice", "", Err("`Hotel` is in use")),
        ("Hotel-reserve", "1", Err("")),
    ] {
        check(&runtime, function, input, wanted);
    }
    let bookings: BTreeMap<String, u32> = runtime.state("Hotel-bookings").unwrap().unwrap();
    let wanted = [("ann".to_owned(), 1), ("carol".to_owned(), 2)];
    assert_eq!(bookings, BTreeMap::from(wanted));
}

/// What is only read is not written, though it looks changed.
#[test]
fn what_reads_does_not_write() {
    let runtime = Runtime::new();
    for what in 0..20 {
        check(
            &runtime,
            "ask",
            &what.to_string(),
            Ok(&(what + 1).to_string()),
        );
    }
    let bytes = |function: &str| -> u64 {
        let run = runtime.invoke(function, "");
        assert!(run.result.is_ok(), "{run:?}");
        run.tasks.iter().map(|task| task.state_bytes).sum()
    };
    assert_eq!(bytes("Hotel-shown"), 0);
    assert_eq!(bytes("Hotel-free"), 0);
    assert_eq!(runtime.state::<u32>("Hotel-rooms").unwrap(), None);
}

#[test]
fn a_transaction_takes_back_what_methods_wrote() {
    let runtime = Runtime::new();
    check(&runtime, "reserve_two", r#""ann""#, Ok("0"));
    check(&runtime, "Hotel-close", "", Ok("null"));
    let runtime = Runtime::new();
    check(&runtime, "Hotel-reserve", r#"["bob", 1]"#, Ok("2"));
    check(
        &runtime,
        "reserve_two",
        r#""ann""#,
        Err("ann asks for 2 rooms of 1"),
    );
    check(&runtime, "Hotel-free", "", Ok("2"));
}

#[test]
fn clients_call_and_wait() {
    let runtime = Runtime::new();
    check(&runtime, "Hotel-asks_itself", r#""ann""#, Ok("22160"));
    runtime.drive();
    assert_eq!(
        runtime.state::<BTreeMap<u32, u32>>("asked").unwrap(),
        Some([(7, 7)].into())
    );
    assert_eq!(
        runtime
            .state::<BTreeMap<String, u32>>("Hotel-bookings")
            .unwrap(),
        Some(BTreeMap::new())
    );
    check(&runtime, "Hotel-close_by_call", "", Ok("null"));
    check(&runtime, "Hotel-free", "", Ok("0"));
}

#[test]
fn an_object_of_a_key_is_its_own() {
    let runtime = Runtime::new();
    check(&runtime, "writes", r#"["ann", "bob", "ann"]"#, Ok("502"));
    check(&runtime, "diary-write", r#"["bob", "more"]"#, Ok("2"));
    check(&runtime, "diary-size", r#""carol""#, Ok("0"));
    let lines = |name: &str| runtime.state_of::<Vec<Line>>("Diary-0", name).unwrap();
    assert_eq!(
        lines("bob").unwrap(),
        [Line("bob: hello".into()), Line("bob: more".into())]
    );
    assert_eq!(lines("carol"), None);
    assert_eq!(runtime.state_of::<u64>("Diary-1", "ann").unwrap(), Some(2));
}

/// Outside a call, the thread has one; and a struct is a struct.
#[test]
fn outside_a_call_it_is_plain_rust() {
    let mut own = Hotel::new(1);
    assert_eq!(own.reserve("ann".into(), 1), Ok(0));
    assert_eq!(reserve_two("ann".into()), Ok(0));
    assert_eq!(skylark::with(Hotel::free), 0);
    std::thread::spawn(|| assert_eq!(skylark::with(Hotel::free), 3))
        .join()
        .unwrap();
}
