//! A service: which of its methods are functions, and what each may touch.

use super::{
    function::{self, Function},
    key::{self, Key},
    name,
    object::generics,
    touch,
};
use crate::{
    errors::Errors,
    read::{
        Annotation, Handler, Method, RawFunction, RawMethod, RawOptions, RawService, Receiver,
        cfgs, plain, same, text,
    },
};
use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Attribute, Expr, FnArg, ItemImpl, Path, ReceiverKind, Signature, Type, Visibility,
    parse::Parser,
};

/// An impl whose methods are functions.
#[derive(Debug)]
pub(crate) struct Service {
    /// The impl, without Skylark's attributes.
    pub(crate) item: TokenStream,
    /// The type.
    pub(crate) ty: Path,
    /// Whether it is the impl of a trait.
    pub(crate) of_trait: bool,
    pub(crate) cfgs: Vec<Attribute>,
    /// The name of its client.
    pub(crate) client: Ident,
    /// What chooses the object; and the type of the argument, if it is one.
    pub(crate) key: Option<(Key, Option<Type>)>,
    /// Its functions.
    pub(crate) functions: Vec<Function>,
}

pub(super) fn check(raw: RawService, errors: &mut Errors) -> Option<Service> {
    let RawService {
        span,
        options,
        item,
        header,
        methods,
    } = raw;
    generics(&header.generics, "a service", errors);
    // What a parameter makes of the type is the parameter's fault.
    let ty = match header.generics.params.is_empty() {
        true => self_type(&header, errors),
        false => None,
    };
    if let Some(token) = &header.unsafety {
        errors.on(token, "a service is safe to call; remove `unsafe`");
    }
    let ty = ty?;
    let ident = &ty.segments.last()?.ident;
    let prefix = name(ident, "name", options.get("name"), "function", errors);
    let key = key(&options, errors);
    let of_trait = header.trait_.as_ref().map(|(path, _)| path);
    let client = client(&options, ident, of_trait, errors);
    let cfgs = cfgs(&header.attrs);
    let prefix = prefix?;
    let mut service = Service {
        item,
        of_trait: of_trait.is_some(),
        cfgs,
        client: client?,
        key: key.map(|key| (key, None)),
        functions: Vec::new(),
        ty,
    };
    let is_function = |method: &RawMethod| {
        of_trait.is_some()
            || method.annotation.is_some()
            || matches!(method.item.vis, Visibility::Public(_))
    };
    let handlers: Vec<&Handler> = methods.iter().map(|method| &method.item).collect();
    let touched = touch::Touch::new(&handlers, of_trait.is_some());
    let fields: Vec<_> = handlers.iter().map(|handler| touched.of(handler)).collect();
    if !methods.iter().any(is_function) {
        errors.at(
            span,
            "this `impl` has no function to call: make a method `pub`, or annotate it with \
             `#[skylark::function]`",
        );
    }
    for (method, fields) in methods.into_iter().zip(fields) {
        if !is_function(&method) {
            continue;
        }
        let sig = &method.item.sig;
        let receiver = receiver(sig, fields, errors);
        let own = &sig.ident;
        let ty = &service.ty;
        let callee = match of_trait {
            Some(path) => quote!(<#ty as #path>::#own),
            None => quote!(#ty::#own),
        };
        let known = Method {
            ident: format!(
                "{}::{}",
                plain(&service.ty.segments.last()?.ident),
                plain(own)
            ),
            prefix: prefix.clone(),
            callee,
            ty: ty.clone(),
            receiver,
            cfgs: service.cfgs.clone(),
        };
        let (has_self, name) = (known.receiver.is_some(), own.clone());
        let Some(raw) = raw_function(method, known, of_trait, errors) else {
            continue;
        };
        let Some(function) = function::check(raw, errors) else {
            continue;
        };
        if has_self {
            key_argument(&mut service.key, &name, &function, errors);
        }
        service.functions.push(function);
    }
    Some(service)
}

/// The path of the type: a plain struct.
fn self_type(header: &ItemImpl, errors: &mut Errors) -> Option<Path> {
    let refused = match &*header.self_ty {
        Type::Path(path) if path.qself.is_none() => {
            let arguments = path.path.segments.iter().find(|s| !s.arguments.is_none());
            match arguments {
                None => return Some(path.path.clone()),
                Some(segment) => segment.arguments.to_token_stream(),
            }
        }
        other => other.to_token_stream(),
    };
    errors.on(
        refused,
        "a service is a struct of this crate, without parameters: functions are known by its name, \
         and its fields are state; make a struct of what this is, and put it in there",
    );
    None
}

/// What `scope = key(…)` says.
fn key(options: &RawOptions, errors: &mut Errors) -> Option<Key> {
    let value = options.get("scope")?;
    if let Expr::Call(call) = value
        && matches!(&*call.func, Expr::Path(path) if path.path.is_ident("key"))
    {
        let arguments: Vec<&Expr> = call.args.iter().collect();
        return key::check(&arguments, &call.args, errors);
    }
    errors.on(
        value,
        "a service needs to know its scope only where the struct is one per key: `scope = \
         key(argument)`, as in the struct's `#[skylark::state]`; else leave it out here",
    );
    None
}

fn client(
    options: &RawOptions,
    ty: &Ident,
    of_trait: Option<&Path>,
    errors: &mut Errors,
) -> Option<Ident> {
    match options.get("client") {
        Some(Expr::Path(path)) if path.path.get_ident().is_some() => path.path.get_ident().cloned(),
        Some(other) => {
            errors.on(
                other,
                format_args!(
                    "option `client` takes the name of the client's type, like `{}Client`",
                    plain(ty)
                ),
            );
            None
        }
        None => {
            let of = of_trait.and_then(|path| path.segments.last());
            let of = of.map(|segment| plain(&segment.ident)).unwrap_or_default();
            let name = format!("{}{of}Client", plain(ty));
            Some(Ident::new(&name, ty.span()))
        }
    }
}

/// The `self` of a method, if it has one; of what kinds there are, a call can
/// give two.
fn receiver(
    sig: &Signature,
    fields: Option<std::collections::BTreeSet<String>>,
    errors: &mut Errors,
) -> Option<Receiver> {
    let Some(FnArg::Receiver(receiver)) = sig.inputs.first() else {
        return None;
    };
    let mutable = match &receiver.kind {
        ReceiverKind::Reference(_, _, mutable) => mutable.is_some(),
        _ => {
            errors.on(
                receiver,
                "what is in the store is lent to a method, not given away: take `&self` to read it, \
                 `&mut self` to write it, or leave `self` out",
            );
            false
        }
    };
    if let Some(token) = &sig.asyncness {
        errors.on(
            token,
            format_args!(
                "`{0}` would hold `self` while it waits, and others may write it meanwhile; leave \
                 `self` out: an `async fn {0}` without it awaits, and reads and writes in between by \
                 calls of other methods, or with `skylark::with_mut`",
                plain(&sig.ident)
            ),
        );
    }
    Some(Receiver { mutable, fields })
}

/// The method as a function without its `self`, with the type's name for `Self`.
fn raw_function(
    method: RawMethod,
    known: Method,
    of_trait: Option<&Path>,
    errors: &mut Errors,
) -> Option<RawFunction> {
    let RawMethod {
        item, annotation, ..
    } = method;
    let name_span = item.sig.ident.span();
    let mut sig = concrete(&item.sig, &known.ty, of_trait, errors)?;
    if known.receiver.is_some() {
        sig.inputs = sig.inputs.into_iter().skip(1).collect();
    }
    let (annotation, span, mut options) =
        annotation.unwrap_or((Annotation::Function, name_span, RawOptions::default()));
    options.map(|value| concrete(value, &known.ty, None, errors));
    Some(RawFunction {
        annotation,
        span,
        options,
        item: Handler { sig, ..item },
        method: Some(known),
    })
}

/// What was parsed, with the type's name in the place of `Self`.
pub(super) fn concrete<T: ToTokens + syn::parse::Parse>(
    node: &T,
    ty: &Path,
    of_trait: Option<&Path>,
    errors: &mut Errors,
) -> Option<T> {
    let tokens = named(node.to_token_stream(), ty, of_trait);
    errors.take(T::parse.parse2(tokens))
}

fn named(tokens: TokenStream, ty: &Path, of_trait: Option<&Path>) -> TokenStream {
    let mut out = TokenStream::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(own) if own == "Self" => {
                let inside =
                    matches!(tokens.peek(), Some(TokenTree::Punct(p)) if p.as_char() == ':');
                let name = match of_trait {
                    Some(path) if inside => quote!(<#ty as #path>),
                    _ => ty.to_token_stream(),
                };
                out.extend(name.into_iter().map(|mut token| {
                    token.set_span(own.span());
                    token
                }));
            }
            TokenTree::Group(group) => {
                let inner = named(group.stream(), ty, of_trait);
                let mut replaced = proc_macro2::Group::new(group.delimiter(), inner);
                replaced.set_span(group.span());
                out.extend([TokenTree::Group(replaced)]);
            }
            other => out.extend([other]),
        }
    }
    out
}

/// Checks that a method takes the key, as the others do.
fn key_argument(
    key: &mut Option<(Key, Option<Type>)>,
    method: &Ident,
    function: &Function,
    errors: &mut Errors,
) {
    let Some((key, known)) = key else { return };
    for name in key.arguments() {
        if !function.args.iter().any(|arg| is_key(&arg.ident, name)) {
            errors.on(
                method,
                format_args!(
                    "`{method}` needs the key of its object: give it the argument `{name}` (or `_{name}`)"
                ),
            );
            return;
        }
    }
    // Of an expression, the client cannot tell the arguments.
    let Some(name) = key.argument() else { return };
    let Some(arg) = function.args.iter().find(|arg| is_key(&arg.ident, name)) else {
        return;
    };
    match known {
        None => *known = Some(arg.ty.clone()),
        Some(known) if !same(&*known, &arg.ty) => errors.on(
            &arg.ty,
            format_args!(
                "the key `{name}` is `{}` here and `{}` in another method; it is one type",
                text(&arg.ty),
                text(&*known)
            ),
        ),
        Some(_) => {}
    }
}

/// Whether an argument is the key; one that is there for nothing else may be named
/// `_key`.
pub(crate) fn is_key(argument: &Ident, key: &str) -> bool {
    let argument = plain(argument);
    argument == key || argument.strip_prefix('_') == Some(key)
}
