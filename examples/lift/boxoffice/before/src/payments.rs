//! Accounts, and what is charged to them.

use crate::{AppState, config};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};

/// What to charge, or to open an account with.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Charge {
    pub cents: u64,
}

/// What an account has.
#[derive(Debug, Serialize)]
pub struct Balance {
    pub holder: String,
    pub cents: u64,
}

/// Opens an account.
pub async fn open(
    State(state): State<AppState>,
    Path(holder): Path<String>,
    Json(first): Json<Charge>,
) -> Result<StatusCode, (StatusCode, String)> {
    if !config::is_holder(&holder) {
        let why = format!("`{holder}` is no name for a holder");
        return Err((StatusCode::BAD_REQUEST, why));
    }
    state.accounts.lock().await.insert(holder, first.cents);
    Ok(StatusCode::NO_CONTENT)
}

/// What an account has.
pub async fn balance(
    State(state): State<AppState>,
    Path(holder): Path<String>,
) -> Result<Json<Balance>, (StatusCode, String)> {
    let accounts = state.accounts.lock().await;
    let cents = *accounts.get(&holder).ok_or_else(|| unknown(&holder))?;
    Ok(Json(Balance { holder, cents }))
}

/// Charges an account, and yields what is left.
pub async fn charge(
    State(state): State<AppState>,
    Path(holder): Path<String>,
    Json(charge): Json<Charge>,
) -> Result<Json<Balance>, (StatusCode, String)> {
    let mut accounts = state.accounts.lock().await;
    let cents = accounts.get_mut(&holder).ok_or_else(|| unknown(&holder))?;
    if *cents < charge.cents {
        return Err((
            StatusCode::PAYMENT_REQUIRED,
            format!(
                "`{holder}` has {cents} cents, which is less than {}",
                charge.cents
            ),
        ));
    }
    *cents -= charge.cents;
    let cents = *cents;
    Ok(Json(Balance { holder, cents }))
}

/// Gives money back.
pub(crate) async fn refund(state: &AppState, holder: &str, cents: u64) {
    *state
        .accounts
        .lock()
        .await
        .entry(holder.to_owned())
        .or_default() += cents;
}

fn unknown(holder: &str) -> (StatusCode, String) {
    (StatusCode::NOT_FOUND, format!("`{holder}` has no account"))
}
