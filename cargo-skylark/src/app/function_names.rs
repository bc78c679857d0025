//! The names of an app's own functions: all that a module keeps of what tools read,
//! since a node tells by them where a trap was.

use skylark_abi::names::{FUNCTION_PREFIX, MAX_SHOWN, is_of_crate};
use wasm_encoder::{NameMap, NameSection};
use wasmparser::{Name, NameSectionReader};

/// The `name` section with the functions of the crate `library` alone, as a person
/// writes them; `None` if there are none. What cannot be read has no name.
pub(super) fn own(section: NameSectionReader<'_>, library: &str) -> Option<NameSection> {
    let mut kept = NameMap::new();
    for names in section.map_while(Result::ok) {
        let Name::Function(functions) = names else {
            continue;
        };
        for naming in functions.into_iter().map_while(Result::ok) {
            // Without the hash, which changes with every build and says nothing.
            let name = format!("{:#}", rustc_demangle::demangle(naming.name));
            // A call entry stands for a handler that was inlined into it.
            if is_of_crate(&name, library) || name.starts_with(FUNCTION_PREFIX) {
                kept.append(naming.index, &name[..name.floor_char_boundary(MAX_SHOWN)]);
            }
        }
    }
    let mut section = NameSection::new();
    section.functions(&kept);
    (!kept.is_empty()).then_some(section)
}
