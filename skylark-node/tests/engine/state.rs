//! State that a guest asks for.

use super::fixtures::*;
use skylark_abi::call::{Failure, FailureKind, Scope, Variable};
use skylark_node::engine::StateSource;
use std::sync::Arc;

#[tokio::test]
async fn state_is_fetched_when_asked_for_and_its_failure_is_the_calls() {
    let engine = engine();
    let module = load(&engine, reader()).await;
    let run = async |function: &str, mut state: States| {
        module
            .call(function, &request(), &limits(), &mut state)
            .await
    };
    assert_eq!(run("f", none()).await, Ok(response(b"absent..")));
    let eight = States::Value(Some(b"12345678".to_vec()));
    assert_eq!(run("f", eight).await, Ok(response(b"12345678")));
    let nine = run("f", States::Value(Some(vec![0; 9]))).await.unwrap_err();
    assert_eq!(nine.kind, FailureKind::Contract);
    assert_mentions("nine bytes", &nine.message, &["9 bytes", "taken as 8"]);
    let failure = Failure::new(FailureKind::Conflict, "it kept changing").at("x");
    assert_eq!(run("f", States::Fails(failure.clone())).await, Err(failure));
    let never = States::Never {
        asked: Arc::default(),
    };
    let late = run("slow", never).await.unwrap_err();
    assert_eq!(late.kind, FailureKind::Timeout, "waiting counts");
    assert_eq!(engine.instances_in_use(), 0);
}

#[tokio::test]
async fn the_source_is_asked_for_the_very_variable() {
    struct Asked(Vec<Variable>);
    #[async_trait::async_trait]
    impl StateSource for Asked {
        async fn fetch(&mut self, variable: &Variable) -> Result<Option<Vec<u8>>, Failure> {
            // Not at once, so that the guest is truly suspended.
            tokio::task::yield_now().await;
            self.0.push(variable.clone());
            Ok(None)
        }
    }
    let engine = engine();
    let module = load(&engine, reader()).await;
    let mut asked = Asked(Vec::new());
    let response = module.call("f", &request(), &limits(), &mut asked).await;
    assert!(response.is_ok(), "{response:?}");
    let x = Variable {
        scope: Scope::Chain,
        name: "x".into(),
        ..Variable::default()
    };
    assert_eq!(asked.0, [x]);
}
