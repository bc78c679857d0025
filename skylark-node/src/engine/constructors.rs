//! Whether a module has anything to construct when it is instantiated.
//!
//! Each call has a fresh instance, and in most modules the linker's list of
//! constructors is empty: then the function that would run them need not be
//! called, once per call of a function.

use wasmparser::{BinaryReaderError, ExternalKind, FunctionBody, Operator, Parser, Payload};

/// How deep calls are followed: the export calls the linker's function, that
/// calls nothing.
const DEPTH: u32 = 2;
/// Longest function that is looked through, in bytes: an empty one is shorter,
/// and looking takes no time whatever is uploaded.
const LONGEST: usize = 64;

/// Whether the function exported as `name` is there and is not plainly empty.
pub(super) fn does_something(wasm: &[u8], name: &str) -> Result<bool, BinaryReaderError> {
    let mut code = Code::default();
    let mut entry = None;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    code.imported += u32::from(is_function(import?.ty));
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.name == name && export.kind == ExternalKind::Func {
                        entry = Some(export.index);
                    }
                }
            }
            Payload::CodeSectionEntry(body) => code.bodies.push(body),
            _ => {}
        }
    }
    match entry {
        Some(entry) => Ok(!code.is_empty(entry, DEPTH)?),
        None => Ok(false),
    }
}

fn is_function(ty: wasmparser::TypeRef) -> bool {
    matches!(
        ty,
        wasmparser::TypeRef::Func(_) | wasmparser::TypeRef::FuncExact(_)
    )
}

#[derive(Default)]
struct Code<'a> {
    /// Functions before the first with a body.
    imported: u32,
    bodies: Vec<FunctionBody<'a>>,
}

impl Code<'_> {
    /// Whether it has no body but calls of functions of which the same holds.
    fn is_empty(&self, function: u32, depth: u32) -> Result<bool, BinaryReaderError> {
        let body = function
            .checked_sub(self.imported)
            .and_then(|index| self.bodies.get(index as usize));
        let Some(body) = body.filter(|b| b.as_bytes().len() <= LONGEST) else {
            return Ok(false);
        };
        for operator in body.get_operators_reader()? {
            let nothing = match operator? {
                Operator::Nop | Operator::Return | Operator::End => true,
                Operator::Call { function_index } if depth > 1 => {
                    self.is_empty(function_index, depth - 1)?
                }
                _ => false,
            };
            if !nothing {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_has_something_to_construct() {
        let check = |functions: &str, want: bool| {
            let text = format!(
                r#"(module (import "m" "f" (func $imported)) (global $g (mut i32) (i32.const 0)) {functions})"#
            );
            let wasm = wat::parse_str(text).unwrap();
            let found = super::does_something(&wasm, "_initialize").unwrap();
            assert_eq!(found, want, "{functions}");
        };
        let ctors = r#"(func (export "_initialize") (call $ctors))"#;
        check("", false);
        check(r#"(func (export "_initialize"))"#, false);
        check(&format!("{ctors} (func $ctors)"), false);
        check(&format!("{ctors} (func $ctors nop return)"), false);
        check(r#"(func (export "_initialize") (call $imported))"#, true);
        check(&format!("{ctors} (func $ctors (call $imported))"), true);
        check(
            &format!("{ctors} (func $ctors (global.set $g (i32.const 1)))"),
            true,
        );
        check(&format!("{ctors} (func $ctors (call $ctors))"), true);
        check(&format!("{ctors} (func $ctors unreachable)"), true);
        check(
            &format!("{ctors} (func $ctors {})", "nop ".repeat(100)),
            true,
        );
    }
}
