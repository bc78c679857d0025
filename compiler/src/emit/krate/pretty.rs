//! Formatting of what is generated.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, Item, Stmt, visit_mut::VisitMut};

/// An expansion as readable source, comments and all that is no token left out.
///
/// # Errors
/// It is no Rust.
pub fn format_expansion(tokens: TokenStream) -> syn::Result<String> {
    syn::parse2(tokens).map(pretty)
}

/// Formats a file, and in it the calls into the runtime: their arguments have
/// the form of a struct's fields, so that is what the formatter is shown.
pub(super) fn pretty(mut file: syn::File) -> String {
    struct AsStruct;
    impl VisitMut for AsStruct {
        fn visit_stmt_mut(&mut self, stmt: &mut Stmt) {
            if let Stmt::Item(Item::Macro(syn::ItemMacro { mac, .. }))
            | Stmt::Macro(syn::StmtMacro { mac, .. }) = stmt
                && is_private(&mac.path)
            {
                let (path, fields) = (&mac.path, &mac.tokens);
                if let Ok(call) = syn::parse2(quote!(#path { #fields })) {
                    *stmt = Stmt::Expr(Expr::Struct(call), None);
                }
            }
            syn::visit_mut::visit_stmt_mut(self, stmt);
        }
    }
    fn is_private(path: &syn::Path) -> bool {
        let mut last = path.segments.iter().rev();
        last.next()
            .is_some_and(|s| CALLS.iter().any(|call| s.ident == call))
            && last.next().is_some_and(|s| s.ident == "__private")
    }
    const CALLS: [&str; 2] = ["function", "state"];
    AsStruct.visit_file_mut(&mut file);
    let mut out = prettyplease::unparse(&file);
    for call in CALLS {
        out = out.replace(
            &format!("__private::{call} {{"),
            &format!("__private::{call}! {{"),
        );
    }
    out
}
