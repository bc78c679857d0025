//! Plain WASI commands that operators have put on this node, by name.

use crate::{
    engine::{CallLimits, Command, CommandOutput, Engine},
    node::NodeError,
};
use bytes::Bytes;
use skylark_abi::{call::Failure, schema::nearest};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

/// The commands of a node, kept in its data directory. Cheap to clone.
#[derive(Clone)]
pub struct Commands {
    engine: Engine,
    dir: PathBuf,
    loaded: Arc<RwLock<BTreeMap<String, Command>>>,
}

impl Commands {
    /// Loads what `data/commands` holds. A module that no longer loads is
    /// logged and left out.
    ///
    /// # Errors
    /// The directory cannot be used.
    pub async fn open(data: &Path, engine: Engine) -> Result<Self, NodeError> {
        let dir = data.join("commands");
        std::fs::create_dir_all(&dir).map_err(|e| io("creating", &dir, e))?;
        let commands = Self {
            engine,
            loaded: Arc::default(),
            dir,
        };
        for entry in
            std::fs::read_dir(&commands.dir).map_err(|e| io("listing", &commands.dir, e))?
        {
            let path = entry.map_err(|e| io("listing", &commands.dir, e))?.path();
            let name = path.file_stem().and_then(|s| s.to_str());
            let (Some(name), Some("wasm")) = (name, path.extension().and_then(|e| e.to_str()))
            else {
                continue;
            };
            let wasm = std::fs::read(&path).map_err(|e| io("reading", &path, e))?;
            match commands.engine.load_command(wasm.into()).await {
                Ok(command) => commands.insert(name, command),
                Err(error) => {
                    tracing::error!(command = name, %error, "a kept command does not load; upload it again")
                }
            }
        }
        Ok(commands)
    }

    /// Takes a command, in place of an earlier one of that name. The name is
    /// valid ([`skylark_abi::names::is_valid_name`]).
    ///
    /// # Errors
    /// The module is refused, or the disk refuses it.
    pub async fn put(&self, name: &str, wasm: Bytes) -> Result<(), NodeError> {
        let command = self.engine.load_command(wasm.clone()).await?;
        let path = self.dir.join(format!("{name}.wasm"));
        let target = path.clone();
        tokio::task::spawn_blocking(move || crate::files::write_atomically(&target, &wasm))
            .await
            .unwrap_or_else(|e| Err(std::io::Error::other(e)))
            .map_err(|e| io("writing", &path, e))?;
        self.insert(name, command);
        Ok(())
    }

    /// The command of that name.
    pub fn get(&self, name: &str) -> Option<Command> {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        loaded.get(name).cloned()
    }

    /// The name that is nearest to one that is none.
    pub fn nearest(&self, name: &str) -> Option<String> {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        nearest(name, loaded.keys().map(String::as_str)).map(str::to_owned)
    }

    /// Runs a command.
    ///
    /// # Errors
    /// As [`Engine::run_command`].
    pub async fn run(
        &self,
        command: &Command,
        args: &[String],
        limits: &CallLimits,
    ) -> Result<CommandOutput, Failure> {
        self.engine.run_command(command, args, limits).await
    }

    fn insert(&self, name: &str, command: Command) {
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        loaded.insert(name.to_owned(), command);
    }
}

fn io(what: &str, path: &Path, source: std::io::Error) -> NodeError {
    NodeError::Io {
        what: format!("{what} {}", path.display()),
        source,
    }
}
