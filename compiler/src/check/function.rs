//! A handler: its signature, its options, its successor.

use super::{borrow, joined, name, option};
use crate::{
    errors::Errors,
    read::{Annotation, Handler, Method, RawFunction, RawOptions, plain, same, text},
};
use proc_macro2::Ident;
use skylark_abi::schema::Options;
use syn::{
    Expr, FnArg, GenericArgument, GenericParam, Pat, PathArguments, ReturnType, Signature, Type,
    spanned::Spanned,
};

/// A handler that can be called from outside.
#[derive(Debug)]
pub(crate) struct Function {
    /// The item, without Skylark's attributes.
    pub(crate) item: Handler,
    /// Its name in URLs and exports.
    pub(crate) name: String,
    /// Its arguments.
    pub(crate) args: Vec<Arg>,
    /// What it yields.
    pub(crate) yields: Yields,
    /// Its successors.
    pub(crate) next: Vec<syn::Path>,
    /// How the run goes on with them.
    pub(crate) flow: Flow,
    /// What gets the outputs of its branches.
    pub(crate) join: Option<syn::Path>,
    /// What gets its failure.
    pub(crate) on_error: Option<syn::Path>,
    /// Limits and placement.
    pub(crate) options: Options,
    /// What it is a method of.
    pub(crate) method: Option<Method>,
}

/// How a run goes on after a function.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Flow {
    /// With its one successor, or not at all.
    Straight,
    /// With all of them.
    Fan,
    /// With one branch for each element of its output.
    Each,
    /// With the one that its output chooses, and what each would get: the types
    /// of `Next<(…)>`.
    Choice(Vec<Type>),
}

/// An argument: owned, and with a name.
#[derive(Debug)]
pub(crate) struct Arg {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
}

/// What a function yields.
#[derive(Debug)]
pub(crate) enum Yields {
    /// `T`
    Value(Type),
    /// `Result<T, E>`; `E` where it is written.
    Result(Type, Option<Box<Type>>),
}

impl Yields {
    /// `T` of `T` and of `Result<T, E>`.
    pub(crate) fn value(&self) -> &Type {
        match self {
            Self::Value(ty) | Self::Result(ty, _) => ty,
        }
    }
}

pub(super) fn check(raw: RawFunction, errors: &mut Errors) -> Option<Function> {
    let RawFunction {
        annotation,
        span,
        options: raw,
        item,
        method,
    } = raw;
    let sig = &item.sig;
    let own = match &method {
        Some(method) => method.ident.clone(),
        None => sig.ident.to_string(),
    };
    modifiers(sig, errors);
    if method.is_none() {
        not_main(sig, errors);
    }
    generics(sig, errors);
    let args = args(sig, errors);
    let yields = yields(sig, errors);
    let next = successor(annotation, span, &raw, &own, errors);
    let flow = flow(&raw, &next, yields.as_ref(), errors);
    let join = join(&raw, &flow, &own, errors);
    let on_error = raw
        .get("on_error")
        .and_then(|value| path("on_error", value, &own, errors));
    let options = option::check(&raw, errors);
    let name = match (&method, raw.get("name")) {
        (Some(Method { prefix, .. }), None) => {
            let own = plain(&sig.ident);
            joined(prefix, &own, &sig.ident, "name", "function", errors)
        }
        (_, given) => name(&sig.ident, "name", given, "function", errors),
    };
    Some(Function {
        name: name?,
        args,
        yields: yields?,
        next,
        flow,
        join,
        on_error,
        options,
        item,
        method,
    })
}

/// What may not stand before `fn`, and `main`.
pub(super) fn modifiers(sig: &Signature, errors: &mut Errors) {
    if let Some(token) = &sig.constness {
        errors.on(
            token,
            "a `const fn` is for the compiler to call; remove `const` here, and call it from a plain `fn`",
        );
    }
    if let syn::Safety::Unsafe(token) = &sig.safety {
        errors.on(
            token,
            "an `unsafe fn` has conditions that a caller over the network cannot keep; check them \
             in a safe `fn` and annotate that",
        );
    }
    if let Some(abi) = &sig.abi {
        errors.on(
            abi,
            "Skylark exports the function itself, with its own calling convention; remove `extern`",
        );
    }
}

pub(super) fn not_main(sig: &Signature, errors: &mut Errors) {
    if sig.ident == "main" {
        errors.on(
            &sig.ident,
            "`main` is where a program starts, not a function to call; give the handler another name",
        );
    }
}

pub(super) fn generics(sig: &Signature, errors: &mut Errors) {
    for param in &sig.generics.params {
        match param {
            GenericParam::Type(param) => errors.on(
                param,
                format_args!(
                    "type parameter `{0}` is known only to a Rust caller; put a concrete type in its \
                     place (one annotated function per type)",
                    param.ident
                ),
            ),
            GenericParam::Const(param) => errors.on(
                param,
                format_args!(
                    "const parameter `{}` is known only to a Rust caller; make it an argument",
                    param.ident
                ),
            ),
            GenericParam::Lifetime(param) => errors.on(
                param,
                format_args!(
                    "lifetime `{}` outlives no message: arguments and result must own their data \
                     (`String`, `Vec<T>`)",
                    param.lifetime
                ),
            ),
        }
    }
}

pub(super) fn args(sig: &Signature, errors: &mut Errors) -> Vec<Arg> {
    if let Some(variadic) = &sig.variadic {
        errors.on(
            variadic,
            "arguments are known by name, so their number is fixed; take a `Vec<T>`",
        );
    }
    let mut args = Vec::new();
    for input in &sig.inputs {
        match input {
            FnArg::Receiver(receiver) => errors.on(
                receiver,
                "a method needs its object, and a call carries only arguments; annotate the `impl` with \
                 `#[skylark::service]` and its struct with `#[skylark::state]`, or take a free function",
            ),
            FnArg::Typed(typed) => {
                let Some(ident) = ident(&typed.pat, errors) else {
                    continue;
                };
                let place = format!("argument `{}`", plain(ident));
                if !generic(sig, &typed.ty)
                    && !borrow::refuse(&typed.ty, &place, borrow::INCOMING, errors)
                {
                    args.push(Arg {
                        ident: ident.clone(),
                        ty: (*typed.ty).clone(),
                    });
                }
            }
        }
    }
    args
}

/// Whether a type is a reference whose lifetime was reported as a parameter:
/// one cause, one error.
fn generic(sig: &Signature, ty: &Type) -> bool {
    match ty {
        Type::Reference(reference) => reference
            .lifetime
            .as_ref()
            .is_some_and(|used| sig.generics.lifetimes().any(|l| same(&l.lifetime, used))),
        _ => false,
    }
}

/// The name of an argument: callers give it by name.
fn ident<'a>(pat: &'a Pat, errors: &mut Errors) -> Option<&'a Ident> {
    match pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => Some(&pat.ident),
        Pat::Wild(pat) => {
            errors.on(
                pat,
                "an argument needs a name, by which callers give it; write `_name` if it is not used",
            );
            None
        }
        other => {
            errors.on(
                other,
                format_args!(
                    "an argument needs a name, by which callers give it; take the pattern apart in \
                     the body: `let {} = name;`",
                    text(other)
                ),
            );
            None
        }
    }
}

pub(super) fn yields(sig: &Signature, errors: &mut Errors) -> Option<Yields> {
    let ReturnType::Type(_, ty) = &sig.output else {
        return Some(Yields::Value(syn::parse_quote!(())));
    };
    let yields = match fallible(ty) {
        Fallible::No => Yields::Value((**ty).clone()),
        Fallible::Yes(ok, error) => Yields::Result(ok.clone(), error.cloned().map(Box::new)),
        Fallible::Hidden => {
            errors.on(
                ty,
                format_args!(
                    "`{}` does not say what it yields; write `Result<T, E>` out",
                    text(ty)
                ),
            );
            return None;
        }
    };
    if let Type::Never(never) = yields.value() {
        errors.on(
            never,
            "a function that never returns has no result to hand on; return `()`",
        );
        return None;
    }
    let known = generic(sig, yields.value());
    (known || !borrow::refuse_output(yields.value(), errors)).then_some(yields)
}

/// What `Result<T, E>` is made of, if a type is one by its last segment.
enum Fallible<'a> {
    /// It is another type.
    No,
    /// `T`, and `E` where it is written.
    Yes(&'a Type, Option<&'a Type>),
    /// An alias that does not say what it yields: `fmt::Result`.
    Hidden,
}

fn fallible(ty: &Type) -> Fallible<'_> {
    let ty = match ty {
        Type::Group(group) => &*group.elem,
        Type::Paren(paren) => &*paren.elem,
        _ => ty,
    };
    let Type::Path(path) = ty else {
        return Fallible::No;
    };
    let Some(last) = path.path.segments.last().filter(|s| s.ident == "Result") else {
        return Fallible::No;
    };
    let PathArguments::AngleBracketed(args) = &last.arguments else {
        return Fallible::Hidden;
    };
    let mut types = args.args.iter().filter_map(|arg| match arg {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    match types.next() {
        Some(ok) => Fallible::Yes(ok, types.next()),
        None => Fallible::Hidden,
    }
}

fn successor(
    annotation: Annotation,
    span: proc_macro2::Span,
    raw: &RawOptions,
    own: &str,
    errors: &mut Errors,
) -> Vec<syn::Path> {
    let Some(value) = raw.get("next") else {
        // What could not be read may have been it.
        if annotation == Annotation::Chain && !raw.is_broken() {
            errors.at(
                span,
                "`#[skylark::chain]` needs to know the successor: `next = function`; the last link \
                 of a chain is `#[skylark::function]`",
            );
        }
        return Vec::new();
    };
    match value {
        Expr::Array(list) => {
            if list.elems.is_empty() {
                errors.on(
                    list,
                    "the list of successors is empty; the last link of a chain is `#[skylark::function]`",
                );
            }
            let paths = list.elems.iter();
            paths
                .filter_map(|value| path("next", value, own, errors))
                .collect()
        }
        Expr::Call(call) if is_each(call) => {
            if let [value] = call.args.iter().collect::<Vec<_>>().as_slice() {
                path("next", value, own, errors).into_iter().collect()
            } else {
                errors.on(
                    call,
                    "`each` takes one function, which gets one element: `next = each(resize)`",
                );
                Vec::new()
            }
        }
        value => path("next", value, own, errors).into_iter().collect(),
    }
}

fn is_each(call: &syn::ExprCall) -> bool {
    matches!(&*call.func, Expr::Path(path) if path.path.is_ident("each"))
}

/// The path of a function that option `name` must be.
fn path(name: &str, value: &Expr, own: &str, errors: &mut Errors) -> Option<syn::Path> {
    let path = match value {
        Expr::Path(path) if path.qself.is_none() => &path.path,
        other => {
            let instead = match other {
                Expr::Lit(syn::ExprLit {
                    lit: syn::Lit::Str(function),
                    ..
                }) => format!("; write `{name} = {}`", function.value()),
                Expr::Call(call) => format!(
                    "; name it without calling it: `{name} = {}`",
                    text(&call.func)
                ),
                Expr::Array(_) if name != "next" => "; it is one function".to_owned(),
                _ => String::new(),
            };
            let several = match name {
                "next" => ", or several: `[a, b]`, or `each(f)`",
                _ => "",
            };
            errors.on(
                other,
                format_args!(
                    "`{name}` takes the path of a function, like `detect` or `crate::alarm::raise`{several}{instead}"
                ),
            );
            return None;
        }
    };
    if let Some(segment) = path.segments.iter().find(|s| !s.arguments.is_none()) {
        errors.at(
            segment.arguments.span(),
            "a successor is no generic function; name one without type arguments",
        );
    } else if text(path) == own {
        errors.on(
            path,
            format_args!(
                "`{own}` names itself as its successor, so the chain would never end; loop in its \
                 body, or name another function"
            ),
        );
    } else {
        return Some(path.clone());
    }
    None
}

/// Most successors that a `Next` can choose from.
const MAX_CHOICES: usize = 4;

fn flow(
    raw: &RawOptions,
    next: &[syn::Path],
    yields: Option<&Yields>,
    errors: &mut Errors,
) -> Flow {
    let Some(value) = raw.get("next") else {
        return Flow::Straight;
    };
    if matches!(value, Expr::Call(call) if is_each(call)) {
        return Flow::Each;
    }
    let list = matches!(value, Expr::Array(_));
    match yields.and_then(|y| inputs_of_next(y.value())) {
        Some(Ok(inputs)) => {
            let successors = match value {
                Expr::Array(list) => list.elems.len(),
                _ => next.len(),
            };
            if inputs.len() != successors {
                errors.on(
                    value,
                    format_args!(
                        "`Next` has {} inputs for {successors} successors; it needs one for each",
                        inputs.len()
                    ),
                );
            } else if successors > MAX_CHOICES {
                errors.on(
                    value,
                    format_args!(
                        "`Next` chooses from {MAX_CHOICES} successors at most; let one of them choose again"
                    ),
                );
            }
            Flow::Choice(inputs)
        }
        Some(Err(written)) => {
            errors.on(
                &written,
                "write the inputs of the successors out as a tuple: `Next<(A, B)>`",
            );
            Flow::Straight
        }
        // A list of one is one successor.
        None if list && (next.len() > 1 || raw.get("join").is_some()) => Flow::Fan,
        None => Flow::Straight,
    }
}

/// What each successor gets, of `Next<(A, B)>`; `Err` if that is not written out.
fn inputs_of_next(ty: &Type) -> Option<Result<Vec<Type>, Type>> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|s| s.ident == "Next")?;
    let PathArguments::AngleBracketed(args) = &last.arguments else {
        return None;
    };
    match args.args.first()? {
        GenericArgument::Type(Type::Tuple(inputs)) => {
            Some(Ok(inputs.elems.iter().cloned().collect()))
        }
        GenericArgument::Type(other) => Some(Err(other.clone())),
        _ => None,
    }
}

fn join(raw: &RawOptions, flow: &Flow, own: &str, errors: &mut Errors) -> Option<syn::Path> {
    let (option, value) = raw.entry("join")?;
    match flow {
        Flow::Fan | Flow::Each => {}
        Flow::Choice(_) => {
            errors.on(
                option,
                "only one of the successors comes, so there is nothing to join; leave `join` out, \
                 and name its function as the successor of each",
            );
            return None;
        }
        Flow::Straight => {
            // What `next` is may be the error.
            if raw.get("next").is_some() {
                errors.on(
                    option,
                    "`join` puts branches together: those of `next = [a, b]` or `next = each(f)`; after \
                     one successor, name its own successor there",
                );
            } else if !raw.is_broken() {
                errors.on(
                    option,
                    "`join` needs branches: `next = [a, b]` or `next = each(f)`",
                );
            }
            return None;
        }
    }
    path("join", value, own, errors)
}
