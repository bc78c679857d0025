//! An app under the strictest lints, without a prelude, that has the runtime
//! renamed in its Cargo.toml. That it compiles is the test; `hygiene.rs` runs it.

#![no_implicit_prelude]
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications)]
#![deny(clippy::all, clippy::pedantic)]
// Of handlers, not of what they expand to: arguments are owned.
#![allow(clippy::needless_pass_by_value, clippy::unused_async)]

/// How often [`last`] ran.
#[::bird::state(default = 10)]
pub static RUNS: ::std::sync::Mutex<u32> = ::std::sync::Mutex::new(0);

/// What [`RUNS`] was kept as, once.
fn counted(old: ::std::vec::Vec<u8>) -> usize {
    old.len()
}

/// By the length of a text, in tens.
#[::bird::state(scope = key(|text: ::std::string::String| text.len() / 10), was = "lengths", migrate = counted)]
pub static LENGTHS: ::std::sync::Mutex<usize> = ::std::sync::Mutex::new(0);

/// By a text and a number.
#[::bird::state(scope = key((text.to_lowercase(), comma)))]
pub static CUTS: ::std::sync::Mutex<usize> = ::std::sync::Mutex::new(0);

#[::bird::state(scope = chain)]
::std::thread_local! {
    /// How many bytes went through this run.
    pub static BYTES: ::std::cell::Cell<usize> = const { ::std::cell::Cell::new(0) };
}

/// Cuts a text in two.
///
/// # Errors
/// It has no comma.
#[::bird::chain(next = join, timeout = "2s")]
pub async fn split(
    text: ::std::string::String,
) -> ::core::result::Result<(::std::string::String, usize), ::std::string::String> {
    BYTES.set(BYTES.get() + text.len());
    match text.find(',') {
        ::core::option::Option::Some(comma) => ::core::result::Result::Ok((text, comma)),
        ::core::option::Option::None => {
            ::core::result::Result::Err(::std::string::ToString::to_string("no comma"))
        }
    }
}

/// Puts it together the other way round.
#[::bird::chain(next = inner::last)]
#[must_use]
pub fn join(text: ::std::string::String, comma: usize) -> ::std::string::String {
    BYTES.set(BYTES.get() + text.len());
    for counter in [&*LENGTHS, &*CUTS] {
        if let ::core::result::Result::Ok(mut count) = counter.lock() {
            *count += 1;
        }
    }
    let (left, right) = text.split_at(comma);
    ::std::format!("{},{left}", right.trim_start_matches(','))
}

/// The end of the chain.
pub mod inner {
    /// How long a text is.
    #[::bird::function]
    #[must_use]
    pub fn count(text: ::std::string::String) -> usize {
        text.len()
    }

    /// Adds the numbers.
    #[::bird::function(name = "the-last")]
    #[must_use]
    pub fn last(text: ::std::string::String) -> (::std::string::String, usize, u32) {
        let mut runs = match super::RUNS.lock() {
            ::core::result::Result::Ok(runs) => runs,
            ::core::result::Result::Err(poisoned) => poisoned.into_inner(),
        };
        *runs += 1;
        (text, super::BYTES.get(), *runs)
    }
}

/// Calls, waits, and asks outside.
pub mod waits {
    use super::inner::{count, count as renamed};

    /// One per text.
    #[::bird::state(scope = key(text))]
    pub static SEEN: ::std::sync::Mutex<u8> = ::std::sync::Mutex::new(0);

    /// Calls two at once.
    ///
    /// # Errors
    /// A call fails.
    #[::bird::function(retries = 1, backoff = "1s", on_error = mend)]
    pub async fn asks(
        text: ::std::string::String,
    ) -> ::core::result::Result<usize, ::bird::Failure> {
        let one = ::bird::call!(count(::core::clone::Clone::clone(&text)));
        let two = ::bird::call!(super::inner::count(::std::string::String::new()));
        let (one, two) = ::bird::join!(one, two).await;
        ::bird::sleep(::core::time::Duration::from_secs(1)).await;
        let three = ::bird::call!(renamed(text)).await?;
        ::core::result::Result::Ok(one? + two? + three + drawn(1))
    }

    /// Goes both ways.
    #[::bird::chain(next = [count, renamed_in_schema], join = sum)]
    #[must_use]
    pub fn fans(text: ::std::string::String) -> ::std::string::String {
        text
    }

    /// Counts and sees.
    #[::bird::function(name = "seen")]
    #[must_use]
    pub fn renamed_in_schema(text: ::std::string::String) -> usize {
        if let ::core::result::Result::Ok(mut seen) = SEEN.lock() {
            *seen += 1;
        }
        text.len()
    }

    /// Goes to one of both.
    #[::bird::chain(next = [count, sum])]
    pub fn chooses(long: bool) -> ::bird::Next<(::std::string::String, (usize, usize))> {
        if long {
            ::bird::Next::first(::std::string::ToString::to_string("long"))
        } else {
            ::bird::Next::second((1, 2))
        }
    }

    /// Goes to each.
    #[::bird::chain(next = each(count))]
    #[must_use]
    pub fn cuts(text: ::std::string::String) -> ::std::vec::Vec<::std::string::String> {
        ::std::vec![::core::clone::Clone::clone(&text), text]
    }

    /// Adds.
    #[::bird::function]
    #[must_use]
    pub fn sum(left: usize, right: usize) -> usize {
        left + right
    }

    /// Gives up.
    #[::bird::function]
    #[must_use]
    pub fn mend(failure: ::bird::Failure) -> usize {
        failure.message.len()
    }

    /// A value recorded.
    #[::bird::nondet]
    #[must_use]
    pub fn drawn(from: usize) -> usize {
        from
    }

    /// Somebody else.
    ///
    /// # Errors
    /// No answer.
    #[::bird::external(url = "https://example.org/{name}", method = get)]
    pub async fn ask(name: ::std::string::String) -> ::core::result::Result<u8, ::bird::Failure>;
}

/// Services.
pub mod desk {
    use ::core::option::Option::{None, Some};

    /// A hotel.
    #[::bird::state(default = Self { rooms: 2, guests: ::std::vec::Vec::new(), last: None })]
    #[derive(Debug)]
    pub struct Hotel {
        rooms: u32,
        #[bird::state(rename = "GUESTS")]
        guests: ::std::vec::Vec<::std::string::String>,
        last: ::core::option::Option<u32>,
    }

    #[::bird::service]
    impl Hotel {
        /// How many are free.
        #[must_use]
        pub fn free(&self) -> u32 {
            self.rooms
        }

        /// Takes one.
        ///
        /// # Errors
        /// There is none.
        #[::bird::chain(next = Self::seen)]
        pub fn take(
            &mut self,
            guest: ::std::string::String,
            rooms: u32,
        ) -> ::core::result::Result<(), ::std::string::String> {
            self.rooms = self
                .left(rooms)
                .ok_or_else(|| ::std::format!("{guest} is late"))?;
            self.guests.push(guest);
            self.last = Some(rooms);
            ::core::result::Result::Ok(())
        }

        /// After that.
        #[must_use]
        pub fn seen(&self) -> usize {
            self.guests.len()
        }

        /// Asks itself.
        ///
        /// # Errors
        /// A call fails.
        pub async fn books(
            guest: ::std::string::String,
        ) -> ::core::result::Result<usize, ::bird::Failure> {
            let taken = HotelClient.take(guest, 1).yields::<usize>().await?;
            let free = ::bird::call!(Hotel::free()).await?;
            ::core::result::Result::Ok(taken * 10 + free as usize)
        }

        fn left(&self, rooms: u32) -> ::core::option::Option<u32> {
            self.rooms.checked_sub(rooms)
        }
    }

    /// What keeps lines.
    pub trait Book {
        /// Adds one.
        fn add(&mut self, name: ::std::string::String, line: u8) -> usize;
    }

    /// One per name.
    #[::bird::state(scope = key(name))]
    #[derive(Debug, Default)]
    pub struct Page(::std::vec::Vec<u8>);

    #[::bird::service(scope = key(name))]
    impl Book for Page {
        fn add(&mut self, _name: ::std::string::String, line: u8) -> usize {
            self.0.push(line);
            self.0.len()
        }
    }

    /// Writes twice.
    ///
    /// # Errors
    /// A call fails.
    #[::bird::function]
    pub async fn writes() -> ::core::result::Result<usize, ::bird::Failure> {
        let page = PageBookClient::at(::std::string::ToString::to_string("ann"));
        page.add(1).await?;
        page.add(2).await
    }
}
