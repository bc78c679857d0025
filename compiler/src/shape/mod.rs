//! The structure of what the crate stores, for `abi::shape`: each state's type,
//! seen through the crate's own types as serde's derives read and write them.
//!
//! What is not seen (foreign types, serde's traits written by hand, types made by
//! macros or in function bodies) is opaque, and known by its path alone.

mod fields;
mod serde;
mod std;
mod types;

use crate::analyse::Index;
use ::std::collections::BTreeMap;
use skylark_abi::shape::{Shape, Shapes, StateShape};
use types::Reader;

/// The shapes of the crate's state.
pub(crate) fn shapes(index: &Index<'_>) -> Shapes {
    let mut reader = Reader::new(index);
    let mut states = BTreeMap::new();
    for state in &index.model.states {
        let Ok(ty) = syn::parse_str(&state.schema.ty) else {
            continue;
        };
        let Some(module) = index.module_at(&state.place.module) else {
            continue;
        };
        let shape = reader.shape(module, &ty);
        let migrates = state.schema.migrate.iter().map(|path| {
            let path = syn::parse_str(path).ok()?;
            let taken = reader.input(module, &path)?;
            // Of a collection, each value is migrated by itself.
            Some(match (state.schema.cell.as_str(), &shape) {
                ("Map", Shape::Map(key, _)) => Shape::Map(key.clone(), Box::new(taken)),
                ("List", Shape::List(_)) => Shape::List(Box::new(taken)),
                _ => taken,
            })
        });
        let migrates = migrates.collect();
        let state_shape = StateShape { shape, migrates };
        states.insert(state.schema.name.clone(), state_shape);
    }
    Shapes {
        states,
        types: reader.types,
    }
}
