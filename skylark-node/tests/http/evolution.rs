//! A module that takes over the state of the one before.

use crate::{
    common::{
        modules::{self, Body},
        served::{TOKEN, bearer, serve},
    },
    problem,
};
use bytes::Bytes;
use skylark_abi::{
    keys::Bundle,
    protocol::{Bounds, BundleField, Commit},
    shape::{Body as Fields, Field, Fields as Named, Shape, Shapes, StateShape, TypeShape},
    value::{fingerprint, header},
};
use skylark_node::store::Store;

/// A module with state `S`, one per key, of type `ty`: a struct with these
/// fields, `?` marking those with a default; and whether it shows that.
fn module(ty: &str, fields: &[&str], shown: bool) -> Bytes {
    let fields = fields.iter().map(|field| {
        let name = field.trim_end_matches('?');
        Field {
            written: Some(name.into()),
            read: vec![name.into()],
            optional: *field != name,
            shape: Shape::Text,
        }
    });
    let named = Named {
        fields: fields.collect(),
        ..Named::default()
    };
    let path = format!("app::{ty}");
    let state = StateShape {
        shape: Shape::Named(path.clone()),
        migrates: Vec::new(),
    };
    let shapes = Shapes {
        states: [("S".into(), state)].into(),
        types: [(path, TypeShape::Struct(Fields::Fields(named)))].into(),
    };
    let record = format!(
        r#""kind":"state","name":"S","ident":"S","scope":"key","type":"{ty}","cell":"Mutex","key":"id""#
    );
    let functions = [("answer", Body::Returns("42"))];
    modules::app_with(&functions, &[&record], shown.then_some(&shapes))
}

/// What it is called, what wrote a value of `S`, what is uploaded then, and the verdict
/// on it.
type Case = (
    &'static str,
    Bytes,
    Bytes,
    Option<(&'static str, &'static str)>,
);

#[tokio::test]
async fn a_module_is_refused_if_it_would_not_read_or_would_lose_what_is_stored() {
    let none = modules::app_with(&[("answer", Body::Returns("42"))], &[], None);
    let before = || module("Order", &["id", "note"], true);
    let cases: [Case; 9] = [
        ("the same", before(), before(), None),
        (
            "another name",
            before(),
            module("Bestellung", &["id", "note"], true),
            None,
        ),
        (
            "a field with a default",
            before(),
            module("Order", &["id", "note", "more?"], true),
            None,
        ),
        (
            "a field without",
            before(),
            module("Order", &["id", "note", "more"], true),
            Some(("needs_migration", "field `more` is new")),
        ),
        (
            "a field less",
            before(),
            module("Order", &["id"], true),
            Some(("would_lose_data", "field `note` is gone")),
        ),
        (
            "no such variable",
            before(),
            none,
            Some(("would_lose_data", "no variable has this name")),
        ),
        // Where one of them does not show its shapes, the type's text decides.
        (
            "the same text",
            before(),
            module("Order", &["id"], false),
            None,
        ),
        (
            "another text",
            before(),
            module("Bestellung", &["id", "note"], false),
            Some(("needs_migration", "`Order` became `Bestellung`")),
        ),
        (
            "shown only now",
            module("Order", &["id"], false),
            module("Bestellung", &["id"], true),
            Some(("needs_migration", "`Order` became `Bestellung`")),
        ),
    ];
    let operator = bearer(TOKEN);
    let auth = [("authorization", operator.as_str())];
    for (index, (what, before, after, refused)) in cases.into_iter().enumerate() {
        let served = serve(|_| {}).await;
        let put =
            async |path: &str, wasm: &Bytes| served.send("PUT", path, &auth, wasm.clone()).await;
        let app = format!("app{index}");
        let path = format!("/f/{app}");
        let answer = put(&path, &before).await;
        assert_eq!(answer.status, 201, "{what}: {answer:?}");
        // Nothing is stored yet, so nothing can be lost.
        let answer = put(&path, &after).await;
        assert_eq!(answer.status, 200, "{what}, of nothing: {answer:?}");
        put(&path, &before).await;
        let field = BundleField {
            bundle: Bundle::Key("7".into()),
            name: "S".into(),
        };
        let value = header(fingerprint("Order")).to_vec();
        let commit = Commit {
            writes: vec![(field, Some(value))],
            ..Commit::new(&app, &Bounds::default())
        };
        served.gate.commit(&commit).await.unwrap();
        let answer = put(&path, &after).await;
        let Some((verdict, why)) = refused else {
            assert_eq!(answer.status, 200, "{what}: {answer:?}");
            continue;
        };
        let document = problem(what, &answer, 409, "breaks-state");
        let change = &document["changes"][0];
        assert_eq!(change["variable"], "S", "{what}: {document}");
        assert_eq!(change["verdict"], verdict, "{what}: {document}");
        let text = document["detail"].as_str().unwrap();
        assert!(text.contains(why), "{what}: {text}");
        let answer = put(&format!("{path}?force=true"), &after).await;
        assert_eq!(answer.status, 200, "{what}, forced: {answer:?}");
    }
}

#[tokio::test]
async fn an_app_is_shown_with_its_shapes() {
    let served = serve(|_| {}).await;
    let operator = bearer(TOKEN);
    let auth = [("authorization", operator.as_str())];
    let wasm = module("Order", &["id"], true);
    served.send("PUT", "/f/shop", &auth, wasm).await;
    let shown = served.get("/f/shop").await.json();
    assert_eq!(shown["states"]["S"]["type"], "Order");
    let shape = &shown["shapes"]["states"]["S"]["shape"];
    assert_eq!(shape["named"], "app::Order", "{shown}");
    // A module whose shapes cannot be read is not taken for one without.
    let mut broken = module("Order", &["id"], false).to_vec();
    broken.extend_from_slice(&[0, 16, 14]);
    broken.extend_from_slice(b"skylark.shapes{");
    let answer = served.send("PUT", "/f/shop", &auth, broken).await;
    let document = problem("broken", &answer, 422, "schema");
    assert!(
        document["detail"]
            .as_str()
            .unwrap()
            .contains("skylark.shapes"),
        "{document}"
    );
}
