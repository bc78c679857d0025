//! What generated code names. Not part of the public API: it may change in any
//! release, together with the macros.

pub use crate::codec::Mismatch;
pub use crate::wait::{Answer, External, answer, ended_by, nondet, plumbing::*};
pub use crate::{
    __skylark_call as remote, __skylark_frame as frame, __skylark_function as function,
    __skylark_state as state,
};
pub use crate::{
    bounds::{Input, Output, Problem, Stored},
    call::{Body, Call, Elements, Flow, FunctionDef, KeyArguments, KeyDef, Part, Reply},
    follows::{Follows, Gathers, Listed, Spread, Whole, follows, gathers},
    state::{
        Collection, CollectionDef, Field, FieldDef, FieldNames, Initial, Live, LocalState, Locked,
        Migrated, Migration, Object, ObjectDef, Shared, State, StateCell, StateCodec, StateDef,
        codec, collection, collection_of, exclusive, migrated, older, same_key, shared,
    },
};
pub use core::{
    any::type_name_of_val,
    clone::Clone,
    concat,
    convert::From,
    default::Default,
    fmt::Debug,
    iter::IntoIterator,
    marker::Copy,
    module_path,
    option::Option::{self, None, Some},
};
pub use skylark_abi::call::{Failure, Scope};
pub use std::thread_local;

#[cfg(target_family = "wasm")]
pub use crate::target::wasm_node::entry;
#[cfg(not(target_family = "wasm"))]
pub use {
    crate::target::native::registry::{Function, StateRecord},
    inventory,
};

// Attributes take literals only: `frame!` writes the section's name out.
const _: () = assert!(matches!(
    skylark_abi::names::SECTION.as_bytes(),
    b"skylark.schema"
));

/// A frame of the schema section: the length, little endian, and the record.
/// `N` is the record's length and four.
pub const fn frame_bytes<const N: usize>(record: &str) -> [u8; N] {
    let record = record.as_bytes();
    assert!(
        record.len() + 4 == N,
        "a frame is its record and four bytes"
    );
    let len = (record.len() as u32).to_le_bytes();
    let mut frame = [0; N];
    let mut i = 0;
    while i < N {
        frame[i] = if i < 4 { len[i] } else { record[i - 4] };
        i += 1;
    }
    frame
}

/// Defines what makes an annotated handler callable.
#[doc(hidden)]
#[macro_export]
macro_rules! __skylark_function {
    (
        export: $export:literal,
        record: [$before:literal, $after:literal $(,)?],
        def: $def:expr,
        call: $call:expr $(,)?
    ) => {
        static __SKYLARK_DEF: $crate::__private::FunctionDef = $def;
        const __SKYLARK_CALL: $crate::__private::Body = $call;
        $crate::__private::frame!([$before, $after]);

        #[cfg(target_family = "wasm")]
        #[unsafe(export_name = $export)]
        unsafe extern "C" fn __skylark_entry(ptr: *mut u8, len: usize) -> i64 {
            // SAFETY: the host calls a function's export as the ABI says, with
            // a request that it wrote to where `skylark_alloc` told it to.
            unsafe { $crate::__private::entry(ptr, len, &__SKYLARK_DEF, __SKYLARK_CALL) }
        }

        #[cfg(not(target_family = "wasm"))]
        $crate::__private::inventory::submit! {
            $crate::__private::Function {
                def: &__SKYLARK_DEF,
                record: __SKYLARK_RECORD,
                body: __SKYLARK_CALL,
            }
        }
    };
}

/// Defines what makes a state variable known.
#[doc(hidden)]
#[macro_export]
macro_rules! __skylark_state {
    (record: [$before:literal, $after:literal $(,)?] $(,)?) => {
        $crate::__private::frame!([$before, $after]);

        #[cfg(not(target_family = "wasm"))]
        $crate::__private::inventory::submit! {
            $crate::__private::StateRecord { record: __SKYLARK_RECORD }
        }
    };
}

/// Puts a record into the schema section.
#[doc(hidden)]
#[macro_export]
macro_rules! __skylark_frame {
    ([$before:literal, $after:literal]) => {
        const __SKYLARK_RECORD: &str =
            $crate::__private::concat!($before, $crate::__private::module_path!(), $after);

        #[cfg(target_family = "wasm")]
        #[used]
        #[unsafe(link_section = "skylark.schema")]
        static __SKYLARK_FRAME: [u8; __SKYLARK_RECORD.len() + 4] =
            $crate::__private::frame_bytes(__SKYLARK_RECORD);
    };
}

#[cfg(test)]
mod tests {
    use skylark_abi::{Schema, schema};

    #[test]
    fn frames_are_what_the_schema_is_read_from() {
        const RECORD: &str = r#"{"abi":1,"module":"app","kind":"state","name":"S","ident":"S","type":"u8","cell":"Cell"}"#;
        let frame: [u8; RECORD.len() + 4] = super::frame_bytes(RECORD);
        assert_eq!(frame.as_slice(), schema::frame(RECORD));
        let schema = Schema::from_sections([frame.as_slice()]).unwrap();
        assert_eq!(schema.states["S"].module, "app");
    }
}
