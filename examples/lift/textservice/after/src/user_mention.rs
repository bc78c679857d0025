//! Who has which name.

use crate::{
    check_count, refusal,
    social::{ErrorCode, UserMention, UserMentionServiceSyncHandler},
};
use std::{collections::BTreeMap, sync::Mutex};

/// Answers what the service of names is asked.
pub struct UserMentionHandler;

/// The user of each name.
#[skylark::state]
static USERS: Mutex<BTreeMap<String, i64>> = Mutex::new(BTreeMap::new());

impl UserMentionServiceSyncHandler for UserMentionHandler {
    fn handle_compose_user_mentions(
        &self,
        _req_id: i64,
        usernames: Vec<String>,
        _carrier: BTreeMap<String, String>,
    ) -> thrift::Result<Vec<UserMention>> {
        check_count("names", usernames.len())?;
        let users = USERS.lock().unwrap();
        let known = usernames.into_iter().filter_map(|name| {
            let id = *users.get(&name)?;
            Some(UserMention::new(id, name))
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
        let mut users = USERS.lock().unwrap();
        match users.get(&username) {
            Some(other) if *other != user_id => {
                let why = format!("`{username}` is the name of user {other}");
                Err(refusal(ErrorCode::ALREADY_EXISTS, why))
            }
            _ => {
                users.insert(username, user_id);
                Ok(())
            }
        }
    }
}
