//! Debian's packages.

use crate::process;
use anyhow::{Context as _, Result, bail};
use cargo_skylark::output::Output;
use std::process::Command;

/// Whether packages can be installed from here.
///
/// # Errors
/// There is no apt-get, or we are not root.
pub(crate) fn usable() -> Result<()> {
    process::find("apt-get").context("there is no apt-get here")?;
    let user = process::capture(Command::new("id").arg("-u"))?;
    if user.trim() != "0" {
        bail!(
            "installing packages takes root, this is user {}; run it with sudo",
            user.trim()
        );
    }
    Ok(())
}

/// Reads the lists of packages anew.
///
/// # Errors
/// See [`usable`]; the mirrors cannot be reached.
pub(crate) fn update(output: &Output) -> Result<()> {
    usable()?;
    process::run(Command::new("apt-get").args(["--quiet", "update"]), output)
}

/// Installs those of the packages that are not, and removes none.
///
/// # Errors
/// See [`usable`]; there is no such package, or it conflicts with one that is
/// installed.
pub(crate) fn install(packages: &[&str], output: &Output) -> Result<()> {
    let missing: Vec<&str> = packages
        .iter()
        .copied()
        .filter(|p| !is_installed(p))
        .collect();
    if missing.is_empty() {
        output.status("Found", &format!("{} (installed)", packages.join(", ")));
        return Ok(());
    }
    usable()?;
    // Lists as old as an image's name packages that are gone from the mirrors.
    update(output)?;
    process::run(
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "--yes", "--no-install-recommends", "--no-remove"])
            .args(missing),
        output,
    )
}

/// The version that would be installed; `None` if there is none.
pub(crate) fn candidate(package: &str) -> Option<String> {
    let said = process::capture(Command::new("apt-cache").args(["policy", package])).ok()?;
    parse_candidate(&said).map(str::to_owned)
}

/// The files of an installed package.
///
/// # Errors
/// It is not installed.
pub(crate) fn files(package: &str) -> Result<Vec<String>> {
    let said = process::capture(Command::new("dpkg-query").args(["--listfiles", package]))?;
    Ok(said.lines().map(str::to_owned).collect())
}

fn is_installed(package: &str) -> bool {
    let status = ["--show", "--showformat=${db:Status-Status}", package];
    process::capture(Command::new("dpkg-query").args(status)).is_ok_and(|s| s == "installed")
}

fn parse_candidate(policy: &str) -> Option<&str> {
    policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "))
        .filter(|version| *version != "(none)")
}

/// The upstream version in a Debian version: `1:1.96.0+dfsg1-1~deb12u2` is 1.96.
pub(crate) fn upstream(version: &str) -> Option<(u32, u32)> {
    let upstream = version.split_once(':').map_or(version, |(_, rest)| rest);
    let mut numbers = upstream.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        let policy = "rustc-web:\n  Installed: (none)\n  Candidate: 1.96.0+dfsg1-1~deb12u2\n  Version table:\n";
        assert_eq!(parse_candidate(policy), Some("1.96.0+dfsg1-1~deb12u2"));
        assert_eq!(parse_candidate("x:\n  Candidate: (none)\n"), None);
        assert_eq!(parse_candidate(""), None);
        for (version, expected) in [
            ("1.96.0+dfsg1-1~deb12u2", Some((1, 96))),
            ("1:22.1.8-1~deb12u1", Some((22, 1))),
            ("1.63.0+dfsg1-2", Some((1, 63))),
            ("0~git20220510", None),
        ] {
            assert_eq!(upstream(version), expected, "{version}");
        }
    }
}
