//! The annotated items that are linked into this program.

use crate::call::{Body, FunctionDef};
use skylark_abi::schema::{Record, Schema, SchemaError};
use std::collections::BTreeMap;

/// An annotated handler.
#[derive(Debug)]
pub struct Function {
    /// What is known of it.
    pub def: &'static FunctionDef,
    /// Its schema record, JSON.
    pub record: &'static str,
    /// What runs it.
    pub body: Body,
}

/// An annotated state variable.
#[derive(Debug)]
pub struct StateRecord {
    /// Its schema record, JSON.
    pub record: &'static str,
}

inventory::collect!(Function);
inventory::collect!(StateRecord);

/// What an app is made of.
#[derive(Debug)]
pub(super) struct App {
    pub(super) schema: Schema,
    pub(super) functions: BTreeMap<&'static str, &'static Function>,
}

impl App {
    /// Everything that is linked in.
    pub(super) fn linked() -> Result<Self, Vec<SchemaError>> {
        let functions = inventory::iter::<Function>;
        let states = inventory::iter::<StateRecord>;
        let records: Vec<Record> = functions
            .into_iter()
            .map(|f| f.record)
            .chain(states.into_iter().map(|s| s.record))
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()
            .map_err(|e| vec![SchemaError::Malformed(e.to_string())])?;
        Ok(Self {
            schema: Schema::from_records(records)?,
            functions: inventory::iter::<Function>
                .into_iter()
                .map(|f| (f.def.name, f))
                .collect(),
        })
    }
}
