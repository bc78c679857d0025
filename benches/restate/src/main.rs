//! What `examples/counter` and `examples/hashchain` do, as a Restate service:
//! a count per key, and a chain of three hashings in which each link calls the
//! next. Listens on the port that it is given.

use restate_sdk::prelude::*;

/// The chain's links; the same file as the example's.
#[path = "../../../examples/hashchain/src/trail.rs"]
mod trail;
use trail::Trail;

const COUNT: &str = "count";

struct Counter;

#[object]
impl Counter {
    #[handler]
    async fn count(&self, ctx: ObjectContext<'_>) -> Result<u64, TerminalError> {
        let count = ctx.get::<u64>(COUNT).await?.unwrap_or(0) + 1;
        ctx.set(COUNT, count);
        Ok(count)
    }
}

struct Hashchain;

#[service]
impl Hashchain {
    #[handler]
    async fn f1(&self, ctx: Context<'_>, payload: String) -> Result<Json<Trail>, TerminalError> {
        let trail = Trail::start("f1", payload.as_bytes());
        ctx.service_client::<HashchainClient>()
            .f2(Json(trail))
            .call()
            .await
    }

    #[handler]
    async fn f2(&self, ctx: Context<'_>, trail: Json<Trail>) -> Result<Json<Trail>, TerminalError> {
        let trail = trail.into_inner().extend("f2");
        ctx.service_client::<HashchainClient>()
            .f3(Json(trail))
            .call()
            .await
    }

    #[handler]
    async fn f3(
        &self,
        _ctx: Context<'_>,
        trail: Json<Trail>,
    ) -> Result<Json<Trail>, TerminalError> {
        Ok(Json(trail.into_inner().extend("f3")))
    }
}

#[tokio::main]
async fn main() {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok());
    let Some(port) = port else {
        eprintln!("usage: restate-subjects PORT");
        std::process::exit(2);
    };
    let endpoint = Endpoint::builder().bind(Counter).bind(Hashchain).build();
    HttpServer::new(endpoint)
        .listen_and_serve(std::net::SocketAddr::from(([127, 0, 0, 1], port)))
        .await;
}
