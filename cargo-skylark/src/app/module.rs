//! Reads a wasm module's schema, and leaves out what a node does not need.

use super::function_names;
use anyhow::{Context as _, Result, bail};
use skylark_abi::{Schema, names, shape::Shapes};
use std::ops::Range;
use wasmparser::{Encoding, KnownCustom, Parser, Payload};

/// A module without its debug information.
#[derive(Debug, Clone)]
pub struct Stripped {
    /// The module.
    pub wasm: Vec<u8>,
    /// Names of the custom sections that were left out; of `name` the functions of the
    /// app's own crate are kept.
    pub removed: Vec<String>,
}

/// Reads the schema from a module.
///
/// # Errors
/// It is no wasm module, has no schema, or a faulty one: every fault, a line each.
pub fn schema(wasm: &[u8]) -> Result<Schema> {
    // What wasmparser says of another file is its bytes.
    if !wasm.starts_with(b"\0asm") {
        bail!("this is no wasm module: `cargo skylark build` writes one, and says where");
    }
    let mut sections = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.context("this is no wasm module")? {
            Payload::Version {
                encoding: Encoding::Component,
                ..
            } => {
                bail!(
                    "this is a wasm component; Skylark runs core modules: build for wasm32-wasip1"
                )
            }
            Payload::CustomSection(section) if section.name() == names::SECTION => {
                sections.push(section.data());
            }
            _ => {}
        }
    }
    Schema::from_sections(sections).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        anyhow::anyhow!(lines.join("\n"))
    })
}

/// Reads the shapes of a module's state, if `cargo skylark build` made it.
///
/// # Errors
/// It is no wasm module, or has a broken section.
pub fn shapes(wasm: &[u8]) -> Result<Option<Shapes>> {
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::CustomSection(section) = payload.context("this is no wasm module")?
            && section.name() == names::SHAPES
        {
            let shapes = Shapes::read(section.data()).map_err(anyhow::Error::msg);
            return shapes
                .with_context(|| format!("the `{}` section is malformed", names::SHAPES))
                .map(Some);
        }
    }
    Ok(None)
}

/// Puts a custom section at a module's end.
pub fn append(wasm: &mut Vec<u8>, name: &str, data: &[u8]) {
    let section = wasm_encoder::CustomSection {
        name: name.into(),
        data: data.into(),
    };
    wasm_encoder::Section::append_to(&section, wasm);
}

/// Copies a module section by section, all but the custom sections that only
/// debuggers and linkers read. The schema and custom sections that are not known
/// here stay, as do the names of the functions of the crate `library`, at the end.
///
/// # Errors
/// It is no wasm module.
pub fn strip(wasm: &[u8], library: &str) -> Result<Stripped> {
    let mut out = wasm_encoder::Module::new();
    let mut removed = Vec::new();
    let mut named = None;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.context("this is no wasm module")?;
        if let Payload::CustomSection(section) = &payload
            && is_for_tools(section.name())
        {
            if let KnownCustom::Name(names) = section.as_known() {
                named = function_names::own(names, library);
            }
            removed.push(section.name().to_owned());
        } else if let Some((id, range)) = payload.as_section() {
            let data = slice(wasm, range).context("a section ends past the module")?;
            out.section(&wasm_encoder::RawSection { id, data });
        }
    }
    if let Some(named) = named {
        out.section(&named);
    }
    Ok(Stripped {
        wasm: out.finish(),
        removed,
    })
}

/// The bytes of a range that the parser gave.
fn slice(wasm: &[u8], range: Range<u64>) -> Option<&[u8]> {
    wasm.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}

fn is_for_tools(section: &str) -> bool {
    matches!(
        section,
        "name" | "producers" | "target_features" | "linking" | "sourceMappingURL"
    ) || section.starts_with(".debug_")
        || section.starts_with("reloc.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use skylark_abi::schema::frame;
    use wasm_encoder::{CustomSection, Section as _};

    const FUNCTION: &str = r#"{"abi":1,"module":"app","kind":"function","name":"f","ident":"f","args":[],"output":"u32"}"#;

    fn module(sections: &[(&str, &[u8])]) -> Vec<u8> {
        let mut wasm = wat::parse_str(
            r#"(module $named (memory (export "memory") 1)
            (func $_ZN4core3fmt5write17h0123456789abcdefE)
            (func $_ZN3app5outer5inner17h0123456789abcdefE)
            (func $app::same::h0123456789abcdef)
            (func $f (export "skylark_fn_f") (result i32) i32.const 7))"#,
        )
        .unwrap();
        for (name, data) in sections {
            CustomSection {
                name: (*name).into(),
                data: (*data).into(),
            }
            .append_to(&mut wasm);
        }
        wasm
    }

    #[test]
    fn stripping_keeps_the_schema_and_the_code() {
        let frame = frame(FUNCTION);
        let wasm = module(&[
            (".debug_info", &[1; 500]),
            (names::SECTION, &frame),
            ("producers", b"x"),
            ("someone.else", b"kept"),
        ]);
        let Stripped {
            wasm: small,
            removed,
        } = strip(&wasm, "app").unwrap();
        assert_eq!(removed, ["name", ".debug_info", "producers"]);
        assert_eq!(schema(&small).unwrap(), schema(&wasm).unwrap());
        wasmparser::validate(&small).unwrap();
        assert!(small.len() + 500 < wasm.len());
        let code = |wasm: &[u8]| {
            let mut kept = Vec::new();
            for payload in Parser::new(0).parse_all(wasm) {
                match payload.unwrap() {
                    Payload::CustomSection(s) if is_for_tools(s.name()) => {}
                    other => kept.extend(
                        other
                            .as_section()
                            .map(|(id, r)| (id, slice(wasm, r).unwrap().to_vec())),
                    ),
                }
            }
            kept
        };
        assert_eq!(code(&small), code(&wasm));
        assert_eq!(
            strip(&small, "app").unwrap().wasm,
            small,
            "nothing is left to strip"
        );
    }

    #[test]
    fn faults_are_told() {
        let check = |wasm: &[u8], wanted: &str| {
            let error = format!("{:#}", schema(wasm).unwrap_err());
            assert!(error.contains(wanted), "{error:?} has no {wanted:?}");
        };
        check(
            b"[package]",
            "no wasm module: `cargo skylark build` writes one",
        );
        check(b"\0asm and no more", "no wasm module");
        check(
            &module(&[]),
            "annotate a handler with `#[skylark::function]`",
        );
        check(&module(&[(names::SECTION, b"ab")]), "malformed");
        let twice = [frame(FUNCTION), frame(FUNCTION)].concat();
        check(
            &module(&[(names::SECTION, &twice)]),
            "two functions are named `f`",
        );
        let newer = frame(&FUNCTION.replace("\"abi\":1", "\"abi\":9"));
        check(&module(&[(names::SECTION, &newer)]), "schema version 9");
        check(&wat::parse_str("(component)").unwrap(), "component");
    }
}
