//! Services whose interface is Thrift's: a struct that implements the generated
//! handler trait becomes a function that takes messages, and a generated client in it
//! calls the function of the other service.

use super::{
    krate::{Krate, Place, path_of, type_arguments},
    out::Out,
    report::Kind,
    shared::Shared,
};
use crate::read::plain;
use std::collections::BTreeMap;
use syn::{Expr, ItemImpl, Type, spanned::Spanned as _};

/// How the generator names the trait of a service's handler.
const HANDLER: &str = "SyncHandler";
/// And its client.
const CLIENT: &str = "SyncClient";

/// A service of the crate.
#[derive(Clone)]
pub(super) struct Service<'a> {
    /// As in the interface: `UrlShortenService`.
    pub(super) name: String,
    /// The function that serves it: `url_shorten`.
    pub(super) function: String,
    /// The module of the generated code.
    pub(super) generated: String,
    pub(super) place: Place,
    pub(super) item: &'a ItemImpl,
}

/// The services of a crate, by the struct that handles each.
pub(super) fn find<'a>(krate: &Krate<'a>) -> BTreeMap<String, Service<'a>> {
    let mut found = BTreeMap::new();
    for (place, item) in &krate.impls {
        let Some((of_trait, _)) = &item.trait_ else {
            continue;
        };
        let of_trait = krate.names.resolve(&place.module, of_trait);
        let Some((generated, handler)) = of_trait.rsplit_once("::") else {
            continue;
        };
        let Some(name) = handler.strip_suffix(HANDLER) else {
            continue;
        };
        let Some(owner) = krate.type_path(&place.module, &item.self_ty) else {
            continue;
        };
        if krate.names.has(generated, &format!("{name}SyncProcessor")) {
            let service = Service {
                name: name.to_owned(),
                function: function(name),
                generated: generated.to_owned(),
                place: place.clone(),
                item,
            };
            found.insert(owner, service);
        }
    }
    found
}

/// `UrlShortenService` is served by `url_shorten`.
fn function(service: &str) -> String {
    let bare = service
        .strip_suffix("Service")
        .filter(|bare| !bare.is_empty());
    super::signature::snake(bare.unwrap_or(service))
}

/// The service whose generated client a type holds: of `Mutex<Client<…>>`, and of
/// names for it.
pub(super) fn client_of(krate: &Krate<'_>, module: &str, ty: &Type) -> Option<(String, String)> {
    let path = krate.type_path(module, ty)?;
    if let Some((place, alias)) = krate.aliases.get(&path) {
        return client_of(krate, &place.module, &alias.ty);
    }
    let (generated, last) = path.rsplit_once("::")?;
    if let Some(name) = last.strip_suffix(CLIENT)
        && krate.names.has(generated, &format!("{name}SyncProcessor"))
    {
        return Some((generated.to_owned(), name.to_owned()));
    }
    let mut inner = type_arguments(ty).into_iter();
    inner.find_map(|ty| client_of(krate, module, ty))
}

/// The function that makes a client, and what it needs: `fn url_shorten_client() -> …`.
pub(super) fn client(
    field: &str,
    vis: &str,
    generated: &str,
    service: &str,
) -> (String, String, Vec<String>) {
    let name = if field.ends_with("client") {
        field.to_owned()
    } else {
        format!("{field}_client")
    };
    let function = function(service);
    let text = format!(
        "{vis}fn {name}() -> {service}{CLIENT}<skylark::thrift::Input, skylark::thrift::Output> {{\n    \
         let (input, output) = skylark::thrift::to(|message| skylark::call!(crate::{function}(message)));\n    \
         {service}{CLIENT}::new(input, output)\n}}"
    );
    (name, text, vec![format!("{generated}::{service}{CLIENT}")])
}

/// The expression that lends a client: `self.urls` of `self.urls.lock().unwrap()`.
pub(super) fn lender(expr: &Expr) -> &Expr {
    match expr {
        Expr::MethodCall(call)
            if matches!(
                plain(&call.method).as_str(),
                "lock"
                    | "write"
                    | "borrow_mut"
                    | "unwrap"
                    | "expect"
                    | "unwrap_or_else"
                    | "map_err"
            ) =>
        {
            lender(&call.receiver)
        }
        Expr::Try(tried) => lender(&tried.expr),
        Expr::Paren(paren) => lender(&paren.expr),
        expr => expr,
    }
}

/// Adds the functions that serve the services to the root.
pub(super) fn write(out: &mut Out<'_, '_>) {
    let (krate, plan) = (out.krate, out.plan);
    let Some(root) = krate.files.first() else {
        return;
    };
    let mut text = String::new();
    for (owner, service) in &plan.services {
        let waits = plan.shared.get(owner).is_some_and(Shared::calls);
        let within = |path: &str| {
            let inside = path.strip_prefix(&root.source.module);
            inside.unwrap_or(path).trim_start_matches("::").to_owned()
        };
        let Service {
            name,
            function,
            generated,
            ..
        } = service;
        let keyword = if waits { "async fn" } else { "fn" };
        text.push_str(&format!(
            "\n/// {name}, in messages of Thrift's binary protocol.\n#[skylark::function]\n\
             pub {keyword} {function}(message: skylark::Bytes) -> skylark::Bytes {{\n    \
             skylark::thrift::serve(&{}::{name}SyncProcessor::new({}), &message)\n}}\n",
            within(generated),
            within(owner)
        ));
        out.decide(
            Kind::Function,
            (&service.place, service.item.self_ty.span()),
            format!("service {name}"),
            format!("{function}(message)"),
            if waits {
                "it takes messages of Thrift's binary protocol; its clients' calls wait"
            } else {
                "it takes messages of Thrift's binary protocol"
            },
        );
    }
    if !text.is_empty() {
        let end = root.source.text.len();
        out.edits.insert(0, end, text);
    }
}

/// Whether a type is about connections of Thrift's own.
pub(super) fn is_transport(krate: &Krate<'_>, module: &str, ty: &Type) -> bool {
    let path = krate.type_path(module, ty).unwrap_or_default();
    path.starts_with("thrift::transport::")
        || type_arguments(ty)
            .into_iter()
            .any(|ty| is_transport(krate, module, ty))
}

/// Functions and names that only connect clients.
pub(super) fn connects(krate: &Krate<'_>, module: &str, output: &Type) -> bool {
    let inner = path_of(output).and_then(|path| path.segments.last());
    let ty = match inner {
        Some(last) if last.ident == "Result" => type_arguments(output).first().copied(),
        _ => Some(output),
    };
    ty.is_some_and(|ty| client_of(krate, module, ty).is_some())
}
