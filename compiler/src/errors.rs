//! The sink that every stage reports to.

use proc_macro2::TokenStream;
use quote::ToTokens;

/// Collects errors, so that a user sees all of them at once. It must be
/// finished: dropping it with errors inside is a bug in this crate.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    all: Option<syn::Error>,
}

impl Errors {
    /// An empty sink.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Reports `message` on `tokens`.
    pub(crate) fn on(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// Reports `message` on `span`.
    pub(crate) fn at(&mut self, span: proc_macro2::Span, message: impl std::fmt::Display) {
        self.push(syn::Error::new(span, message));
    }

    /// Reports an error made elsewhere.
    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.all {
            Some(all) => all.combine(error),
            None => self.all = Some(error),
        }
    }

    /// Takes the value of a result, reporting its error.
    pub(crate) fn take<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|e| self.push(e)).ok()
    }

    /// Ends a stage.
    ///
    /// # Errors
    /// Everything that was reported.
    pub(crate) fn finish(mut self) -> syn::Result<()> {
        self.all.take().map_or(Ok(()), Err)
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        // Not while unwinding: a second panic would hide the first.
        if !std::thread::panicking() {
            debug_assert!(
                self.all.is_none(),
                "errors were reported and never looked at"
            );
        }
    }
}

/// An item as the user wrote it, followed by what is wrong with it, so that the
/// editor and the rest of the crate still know the item.
pub(crate) fn keep(item: TokenStream, error: &syn::Error) -> TokenStream {
    let mut tokens = item;
    tokens.extend(error.to_compile_error());
    tokens
}
