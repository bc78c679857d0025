//! Whether a module may take over the state of the one before.

use super::{Node, NodeError};
use crate::engine::Module;
use skylark_abi::{
    keys::Bundle,
    protocol::number,
    shape::{Change, Finding, Verdict, changes},
    value,
};
use std::collections::BTreeMap;

/// Variables that are looked at in one go.
const PAGE: usize = 256;

impl Node {
    /// Refuses a module that does not read, or would lose, what the store holds.
    ///
    /// Where both this module and the one before show their shapes, these
    /// decide. Else the text of the type that wrote a value does, which the
    /// value is tagged with.
    ///
    /// # Errors
    /// [`NodeError::BreaksState`] with every such variable that has a value.
    pub(super) async fn refuse_broken_state(
        &self,
        app: &str,
        module: &Module,
    ) -> Result<(), NodeError> {
        let before = self.0.apps.get(app);
        let suspects: BTreeMap<String, Change> = before
            .iter()
            .flat_map(|before| changes(before.module.side(), module.side()))
            .filter(|change| change.verdict != Verdict::Compatible)
            .map(|change| (change.variable.clone(), change))
            .collect();
        let seen = module.shapes().is_some()
            && before
                .as_ref()
                .is_some_and(|before| before.module.shapes().is_some());
        let mut broken = BTreeMap::new();
        let mut after = None;
        // What can be suspected is known beforehand if shapes decide.
        while !(seen && broken.len() == suspects.len()) {
            let page = self.0.store.states(app, after.as_ref(), PAGE).await?;
            for stored in &page {
                let name = &stored.field.name;
                if matches!(stored.field.bundle, Bundle::Chain(_)) || broken.contains_key(name) {
                    continue;
                }
                let suspect = suspects.get(name).cloned();
                let change = match (suspect, stored.value.as_deref()) {
                    (None, Some(value)) if !seen => by_tag(name, value, module),
                    (suspect, _) => suspect,
                };
                broken.extend(change.map(|change| (name.clone(), change)));
            }
            // A page may be short of its limit; only an empty one is the end.
            after = page.last().map(|v| v.field.clone());
            if after.is_none() {
                break;
            }
        }
        match broken.is_empty() {
            true => Ok(()),
            false => Err(NodeError::BreaksState(broken.into_values().collect())),
        }
    }
}

/// What is wrong with a value that another type wrote, by the text of the type.
fn by_tag(name: &str, value: &[u8], module: &Module) -> Option<Change> {
    let entry = module.schema().state(name)?;
    let now = &entry.state.ty;
    // Of a collection only a number is a value.
    let (was, is) = (
        number(Some(value)).is_some(),
        entry.state.collection().is_some(),
    );
    if was != is {
        let said = |is_one| if is_one { "a collection" } else { "one value" };
        return Some(Change {
            variable: name.to_owned(),
            verdict: Verdict::NeedsMigration,
            from: Some(said(was).to_owned()),
            to: Some(now.clone()),
            findings: vec![Finding {
                verdict: Verdict::NeedsMigration,
                at: String::new(),
                why: format!(
                    "it was stored as {}, and `{now}` is {}; store it under another name with \
                     `rename = \"…\"`",
                    said(was),
                    said(is)
                ),
            }],
        });
    }
    let value::Tagged {
        fingerprint: wrote,
        generation,
        ..
    } = value::untag(value)?;
    // Whether its migration takes it, the text of a type does not tell.
    if usize::from(generation) < entry.state.migrate.len() {
        return None;
    }
    let ours = entry.state.fingerprint();
    (wrote != ours).then(|| Change {
        variable: name.to_owned(),
        verdict: Verdict::NeedsMigration,
        from: Some(format!("a type of schema {wrote:016x}")),
        to: Some(now.clone()),
        findings: vec![Finding {
            verdict: Verdict::NeedsMigration,
            at: String::new(),
            why: format!(
                "it was written by a type of schema {wrote:016x}, and `{now}` is schema {ours:016x}"
            ),
        }],
    })
}
