//! How long a node takes to serve its apps, and how large modules are.

use crate::{processes, table::median};
use anyhow::{Context, Result};
use std::{path::Path, time::Instant};

const MODULES: u32 = 20;
const ROUNDS: usize = 3;

/// Starts of a node with [`MODULES`] modules, cold and with compiled ones.
pub(crate) fn measure(guests: &Path) -> Result<()> {
    let wasm = std::fs::read(guests.join("hashchain.wasm"))?;
    let data = processes::scratch()?;
    let apps = data.path().join("apps");
    std::fs::create_dir(&apps)?;
    for n in 0..MODULES {
        std::fs::write(apps.join(format!("app{n}.wasm")), distinct(&wasm, n))?;
    }
    let start = || {
        let started = Instant::now();
        let node = processes::node_in(data.path(), "memory", &[])?;
        let ms = started.elapsed().as_secs_f64() * 1e3;
        drop(node);
        Ok::<_, anyhow::Error>(ms)
    };
    // Once: it takes so long that the noise of one is small beside it.
    let cold = start()?;
    let kept = (0..ROUNDS).map(|_| start()).collect::<Result<_>>()?;
    println!("### Start of a node with {MODULES} modules\n");
    println!("| start | until it listens, ms |");
    println!("| --- | --- |");
    println!("| cold: every module is compiled (once) | {cold:.0} |");
    println!(
        "| with compiled modules on disk (median of {ROUNDS}) | {:.0} |",
        median(kept)
    );
    println!("\n### Size of the modules\n");
    println!("| module | bytes |");
    println!("| --- | --- |");
    let mut modules: Vec<_> = std::fs::read_dir(guests)?.collect::<Result<_, _>>()?;
    modules.sort_by_key(std::fs::DirEntry::file_name);
    for module in modules {
        let bytes = module.metadata().context("the size of a guest")?.len();
        println!("| {} | {bytes} |", module.file_name().to_string_lossy());
    }
    Ok(())
}

/// The module with a custom section of its own, so that its hash is its own.
fn distinct(wasm: &[u8], n: u32) -> Vec<u8> {
    let mut module = wasm.to_vec();
    let name = b"bench";
    let payload = n.to_le_bytes();
    // Section 0; both lengths fit the one byte that LEB128 gives them.
    module.extend([0, (1 + name.len() + payload.len()) as u8, name.len() as u8]);
    module.extend(name);
    module.extend(payload);
    module
}
