//! Who has which name.

use crate::{
    check_count, refusal,
    social::{ErrorCode, UserMention, UserMentionServiceSyncHandler},
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// The user of each name.
#[skylark::state]
static NAMES: Mutex<BTreeMap<String, i64>> = Mutex::new(BTreeMap::new());

pub(crate) struct Handler;

impl UserMentionServiceSyncHandler for Handler {
    fn handle_compose_user_mentions(
        &self,
        _req_id: i64,
        usernames: Vec<String>,
        _carrier: BTreeMap<String, String>,
    ) -> thrift::Result<Vec<UserMention>> {
        check_count("names", usernames.len())?;
        let users = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        let known = usernames.into_iter().filter_map(|name| {
            let id = users.get(&name)?;
            Some(UserMention::new(*id, name))
        });
        Ok(known.collect())
    }

    fn handle_register_user(
        &self,
        _req_id: i64,
        user_id: i64,
        username: String,
        _carrier: BTreeMap<String, String>,
    ) -> thrift::Result<()> {
        let mut users = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        match users.get(&username) {
            Some(other) if *other != user_id => {
                let text = format!("`{username}` is the name of user {other}");
                Err(refusal(ErrorCode::ALREADY_EXISTS, text))
            }
            _ => {
                users.insert(username, user_id);
                Ok(())
            }
        }
    }
}
