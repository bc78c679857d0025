//! Who has which name.

use crate::{
    check_count, refusal,
    social::{ErrorCode, UserMention, UserMentionServiceSyncHandler},
};
use std::{collections::BTreeMap, sync::Mutex};

/// Answers what the service of names is asked.
#[derive(Default)]
pub struct UserMentionHandler {
    /// The user of each name.
    users: Mutex<BTreeMap<String, i64>>,
}

impl UserMentionHandler {
    /// Without any user.
    pub fn new() -> Self {
        Self::default()
    }
}

impl UserMentionServiceSyncHandler for UserMentionHandler {
    fn handle_compose_user_mentions(
        &self,
        _req_id: i64,
        usernames: Vec<String>,
        _carrier: BTreeMap<String, String>,
    ) -> thrift::Result<Vec<UserMention>> {
        check_count("names", usernames.len())?;
        let users = self.users.lock().unwrap();
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
        let mut users = self.users.lock().unwrap();
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
