//! Where routers are nested: the whole path of a route.

use std::collections::{BTreeMap, BTreeSet};

/// A router: of a function, or of a local in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Node {
    pub(super) function: String,
    pub(super) local: Option<String>,
}

/// Which routers are nested in which, and under which paths.
#[derive(Debug, Default)]
pub(super) struct Nests(BTreeMap<Node, BTreeSet<(Node, String)>>);

impl Nests {
    /// `inner` is nested in `outer`, under `path`.
    pub(super) fn nest(&mut self, outer: &Node, inner: Node, path: String) {
        let outers = self.0.entry(inner).or_default();
        outers.insert((outer.clone(), path));
    }

    /// The whole paths of a route of `node`: as many as there are places where that is nested.
    pub(super) fn paths(&self, node: &Node, route: &str) -> BTreeSet<String> {
        let mut open = Vec::new();
        let mut prefixes = self.prefixes(node, &mut open);
        if prefixes.is_empty() {
            prefixes.insert(String::new());
        }
        prefixes.iter().map(|prefix| join(prefix, route)).collect()
    }

    fn prefixes(&self, node: &Node, open: &mut Vec<Node>) -> BTreeSet<String> {
        open.push(node.clone());
        let whole = node.local.as_ref().map(|_| Node {
            local: None,
            ..node.clone()
        });
        let mut found = BTreeSet::new();
        match (self.0.get(node), whole) {
            (Some(outers), _) => {
                for (outer, path) in outers {
                    // A router that is made again of itself is nowhere else by that.
                    if !open.contains(outer) {
                        let outers = self.prefixes(outer, open);
                        found.extend(outers.iter().map(|outer| join(outer, path)));
                    }
                }
            }
            (None, Some(whole)) if !open.contains(&whole) => found = self.prefixes(&whole, open),
            (None, Some(_)) => {}
            (None, None) => drop(found.insert(String::new())),
        }
        open.pop();
        found
    }
}

/// `/v1` and `/notes` are `/v1/notes`.
pub(super) fn join(prefix: &str, route: &str) -> String {
    match (prefix.trim_end_matches('/'), route) {
        ("", route) => route.to_owned(),
        (prefix, "" | "/") => prefix.to_owned(),
        (prefix, route) if route.starts_with('/') => format!("{prefix}{route}"),
        (prefix, route) => format!("{prefix}/{route}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_found_where_they_are_nested() {
        let node = |function: &str, local: Option<&str>| Node {
            function: function.into(),
            local: local.map(str::to_owned),
        };
        let mut nests = Nests::default();
        nests.nest(&node("app", None), node("api", None), "/v1".into());
        nests.nest(&node("app", None), node("api", None), "/v2/".into());
        nests.nest(&node("api", None), node("api", Some("r")), "/r".into());
        nests.nest(&node("api", Some("r")), node("api", None), "/again".into());
        let check = |function, local, route, paths: &[&str]| {
            let found = nests.paths(&node(function, local), route);
            let found: Vec<&str> = found.iter().map(String::as_str).collect();
            assert_eq!(found, paths, "{function} {local:?}");
        };
        check("app", None, "/", &["/"]);
        check("api", None, "/x", &["/v1/x", "/v2/x"]);
        check("api", Some("other"), "/", &["/v1", "/v2"]);
        check("api", Some("r"), "/x", &["/v1/r/x", "/v2/r/x"]);
        check("lonely", Some("r"), "/x", &["/x"]);
    }
}
