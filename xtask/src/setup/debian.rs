//! The wasm target from Debian's packages, for where rustup has none to give.
//!
//! Debian has a current rustc with its own library source, wasi-libc and lld,
//! but no standard library for the target: that is built here, once, from that
//! source, and put where its rustc looks. Every step looks first whether it is
//! done; the last one makes it so at once, or not at all.

use super::apt;
use crate::process;
use anyhow::{Context as _, Result, bail, ensure};
use cargo_skylark::{
    app::target::{LINKED_TOOLCHAIN, TARGET},
    output::Output,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Packages that are of one build of Rust.
#[derive(Debug, Clone, Copy)]
struct Family {
    compiler: &'static str,
    others: [&'static str; 3],
}

/// Where a recent Rust may be: what Debian keeps current for its browsers, and
/// the release's own, which is recent in testing and unstable only.
const FAMILIES: [Family; 2] = [
    Family {
        compiler: "rustc-web",
        others: ["cargo-web", "rust-web-src", "rust-web-llvm"],
    },
    Family {
        compiler: "rustc",
        others: ["cargo", "rust-src", "rust-llvm"],
    },
];

/// The C library of the target.
const LIBC: &str = "wasi-libc";
/// Debian's programs.
const BIN: &str = "/usr/bin";

/// The empty crate for which cargo builds the standard library.
const MANIFEST: &str = r#"[package]
name = "skylark-wasm-std"
version = "0.0.0"
edition = "2024"

[lib]
path = "lib.rs"

[profile.release]
panic = "abort"

[workspace]
"#;
/// A module that needs std and the linker.
const TRIAL: &str = r#"#[unsafe(no_mangle)]
pub extern "C" fn trial() -> usize { std::env::args().count() }
"#;

/// Installs the target, in this machine's `/usr`.
///
/// # Errors
/// No recent Rust is packaged, packages cannot be installed, or a step fails;
/// the error says which.
pub(crate) fn install(output: &Output) -> Result<()> {
    apt::usable()?;
    output.status(
        "Installing",
        &format!("{TARGET} from Debian's packages; about two minutes"),
    );
    packages(output)?;
    let work = process::target_dir()?.join("wasm-std");
    let libdir = libdir()?;
    let built = build_std(&work, output)?;
    place(&built, &libdir, output)?;
    try_out(&work, output)?;
    link(output)
}

/// Step 1: the compiler, its source and its tools, of one version.
fn packages(output: &Output) -> Result<()> {
    let wanted =
        apt::upstream(env!("CARGO_PKG_RUST_VERSION")).context("the workspace's rust-version")?;
    let recent = |family: &Family| {
        apt::candidate(family.compiler)
            .and_then(|v| apt::upstream(&v))
            .is_some_and(|v| v >= wanted)
    };
    let family = match FAMILIES.iter().find(|family| recent(family)) {
        Some(family) => family,
        None => {
            apt::update(output)?;
            FAMILIES
                .iter()
                .find(|family| recent(family))
                .with_context(|| {
                    let names = FAMILIES.map(|family| family.compiler).join(" nor ");
                    format!(
                        "neither {names} is packaged here in version {}.{} or later",
                        wanted.0, wanted.1
                    )
                })?
        }
    };
    let [cargo, source, llvm] = family.others;
    apt::install(&[family.compiler, cargo, source, llvm, LIBC], output)?;
    // rust-lld is a link to the lld of the LLVM that rustc was built with.
    apt::install(&[&format!("lld-{}", llvm_major()?)], output)
}

fn rustc() -> Command {
    Command::new(Path::new(BIN).join("rustc"))
}

fn llvm_major() -> Result<u32> {
    let said = process::capture(rustc().args(["--version", "--verbose"]))?;
    parse_llvm_major(&said).context("rustc does not say which LLVM it was built with")
}

fn parse_llvm_major(said: &str) -> Option<u32> {
    let version = said
        .lines()
        .find_map(|line| line.strip_prefix("LLVM version: "))?;
    version.split('.').next()?.parse().ok()
}

/// Where rustc looks for the target's libraries.
fn libdir() -> Result<PathBuf> {
    let said = process::capture(rustc().args(["--print", "target-libdir", "--target", TARGET]))?;
    Ok(said.trim().into())
}

/// Step 2: the standard library, in a folder of its own under the target
/// directory.
fn build_std(work: &Path, output: &Output) -> Result<Vec<PathBuf>> {
    // What an interrupted or older build left would be copied along: rustc
    // cannot choose between two sets.
    if work.exists() {
        fs::remove_dir_all(work).with_context(|| format!("cannot empty {}", work.display()))?;
    }
    fs::create_dir_all(work).with_context(|| format!("cannot make {}", work.display()))?;
    fs::write(work.join("Cargo.toml"), MANIFEST)?;
    fs::write(work.join("lib.rs"), "")?;
    process::run(
        Command::new(Path::new(BIN).join("cargo"))
            .current_dir(work)
            // Unstable options on a stable compiler: this is how std itself is built.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTC", rustc().get_program())
            .env_remove("RUSTUP_TOOLCHAIN")
            .args([
                "build",
                "--release",
                "--target",
                TARGET,
                "--target-dir",
                "build",
            ])
            .arg("-Zbuild-std=std,panic_abort,proc_macro,test"),
        output,
    )?;
    let deps = work.join("build").join(TARGET).join("release/deps");
    let built: Vec<PathBuf> = entries(&deps)?
        .into_iter()
        .filter(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".rlib") && !name.starts_with("libskylark_wasm_std-")
        })
        .collect();
    ensure!(
        !built.is_empty(),
        "cargo built no libraries in {}",
        deps.display()
    );
    Ok(built)
}

/// Step 3: where rustc looks; prepared beside it and then put in its place.
fn place(built: &[PathBuf], libdir: &Path, output: &Output) -> Result<()> {
    let parent = libdir
        .parent()
        .context("rustc's folder for the target has no parent")?;
    let next = parent.join("lib.skylark-next");
    if next.exists() {
        fs::remove_dir_all(&next).with_context(|| format!("cannot empty {}", next.display()))?;
    }
    let contained = next.join("self-contained");
    fs::create_dir_all(&contained)
        .with_context(|| format!("cannot make {}", contained.display()))?;
    let libc: Vec<PathBuf> = apt::files(LIBC)?
        .into_iter()
        .filter(|file| file.ends_with(".o") || file.ends_with(".a"))
        .map(PathBuf::from)
        .collect();
    if !libc.iter().any(|file| file.ends_with("crt1-reactor.o")) {
        bail!("{LIBC} has no crt1-reactor.o: it is older than the target needs");
    }
    for (files, to) in [(built, next.as_path()), (&libc, contained.as_path())] {
        for file in files {
            let name = file.file_name().context("a library without a name")?;
            fs::copy(file, to.join(name))
                .with_context(|| format!("cannot copy {}", file.display()))?;
        }
    }
    if libdir.exists() {
        fs::remove_dir_all(libdir).with_context(|| format!("cannot empty {}", libdir.display()))?;
    }
    fs::rename(&next, libdir).with_context(|| format!("cannot make {}", libdir.display()))?;
    let files = built.len() + libc.len();
    output.status(
        "Placed",
        &format!("{files} libraries in {}", libdir.display()),
    );
    Ok(())
}

/// Step 4: that a module can be compiled and linked.
fn try_out(work: &Path, output: &Output) -> Result<()> {
    let source = work.join("trial.rs");
    fs::write(&source, TRIAL)?;
    process::run(
        rustc()
            .current_dir(work)
            .args([
                "--edition",
                "2024",
                "--target",
                TARGET,
                "--crate-type",
                "cdylib",
            ])
            .args(["-C", "panic=abort", "-o", "trial.wasm"])
            .arg(source),
        output,
    )
}

/// Step 5: a name for it, where there is rustup; else it is found by its path.
fn link(output: &Output) -> Result<()> {
    if process::find("rustup").is_none() {
        return Ok(());
    }
    let known = process::capture(Command::new("rustup").args(["toolchain", "list"]))?;
    if known
        .lines()
        .any(|line| line.split_whitespace().next() == Some(LINKED_TOOLCHAIN))
    {
        return Ok(());
    }
    process::run(
        Command::new("rustup").args(["toolchain", "link", LINKED_TOOLCHAIN, "/usr"]),
        output,
    )
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let context = || format!("cannot read {}", directory.display());
    fs::read_dir(directory)
        .with_context(context)?
        .map(|entry| Ok(entry.with_context(context)?.path()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rustc_tells_its_llvm() {
        let said = "rustc 1.96.0 (ac68faa20 2026-05-25)\nhost: x86_64-unknown-linux-gnu\nLLVM version: 22.1.8\n";
        assert_eq!(parse_llvm_major(said), Some(22));
        assert_eq!(parse_llvm_major("rustc 1.96.0\n"), None);
    }
}
