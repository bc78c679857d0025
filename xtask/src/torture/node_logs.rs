//! The nodes' log lines, in files.

use anyhow::{Context as _, Result};
use cargo_skylark::cluster::{LogSink, Plan};
use std::{
    collections::BTreeMap,
    fs::File,
    io::Write as _,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

/// One file per node; a node that is started again goes on in its file.
pub(super) struct NodeLogs(Arc<BTreeMap<String, Mutex<File>>>);

impl NodeLogs {
    /// Makes the files.
    ///
    /// # Errors
    /// One cannot be made.
    pub(super) fn create(directory: &Path, plan: &Plan) -> Result<Self> {
        let create = |name: &str| {
            let path = directory.join(format!("{name}.log"));
            let file =
                File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
            Ok((name.to_owned(), Mutex::new(file)))
        };
        let files: Result<_> = plan.nodes.iter().map(|node| create(&node.name)).collect();
        Ok(Self(Arc::new(files?)))
    }

    /// Where a cluster sends its lines.
    pub(super) fn sink(&self) -> LogSink {
        let files = self.0.clone();
        Arc::new(move |node, line| {
            if let Some(file) = files.get(node) {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                // A full disk shows elsewhere; the log is for people.
                let _ = writeln!(file, "{line}");
            }
        })
    }
}
