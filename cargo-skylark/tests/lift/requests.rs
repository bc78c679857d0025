//! Requests to servers outside.

use axum::{Json, Router, extract::State, routing::{get, post}};
use reqwest::Client;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

static SHARED: LazyLock<Client> = LazyLock::new(Client::new);

#[derive(Clone)]
struct App {
    bank: Client,
}

#[derive(Serialize, Deserialize)]
struct Charge {
    account: String,
    cents: u64,
}

#[derive(Serialize, Deserialize)]
struct Receipt {
    id: u64,
}

async fn charge(State(app): State<App>, Json(charge): Json<Charge>) -> Result<Json<Receipt>, String> {
    let url = format!("http://bank.example/accounts/{}", charge.account);
    let response = app
        .bank
        .post(url)
        .header("x-from", "shop")
        // The bank wants cents.
        .json(&charge)
        .send()
        .await
        .map_err(|error| error.to_string())?;
    if !response.status().is_success() {
        return Err(format!("the bank says {}", response.status().as_u16()));
    }
    let receipt: Receipt = response.json().await.map_err(|error| error.to_string())?;
    Ok(Json(receipt))
}

async fn news() -> String {
    let text = reqwest::get("http://news.example").await.unwrap().text().await.unwrap();
    let other = SHARED.get("http://other.example").send().await.unwrap();
    let other = other.text().await.unwrap_or_default();
    text + &other
}

async fn weather() -> String {
    let client = Client::new();
    let answer = client
        .get("http://weather.example")
        .bearer_auth("token")
        .send()
        .await
        .unwrap();
    answer.text().await.unwrap()
}

fn router() -> Router {
    Router::new()
        .route("/charges", post(charge))
        .route("/news", get(news))
        .route("/weather", get(weather))
        .with_state(App { bank: Client::new() })
}
