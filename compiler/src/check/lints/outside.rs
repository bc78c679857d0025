//! The world outside of a guest: what there is recorded, and what is not there.

use super::{Lints, look::Recorded};
use crate::{
    analyse::{BodyId, Fact, Kind, Res, Site, What},
    check::code::{Code, Diagnostic, Suggestion},
    read::Annotation,
};
use std::collections::BTreeSet;
use syn::{Expr, spanned::Spanned};

/// Where a path leads that is one of these, or below it.
const PLACES: &[(Code, &[&str])] = &[
    (Code::Clock, CLOCKS),
    (Code::Randomness, CHANCE),
    (
        Code::Environment,
        &[
            "std::env::args",
            "std::env::args_os",
            "std::env::current_dir",
            "std::env::current_exe",
            "std::env::home_dir",
            "std::env::set_current_dir",
            "std::env::set_var",
            "std::env::temp_dir",
            "std::env::var",
            "std::env::var_os",
            "std::env::vars",
            "std::env::vars_os",
            "dotenv::dotenv",
            "dotenvy::dotenv",
            "dotenvy::var",
            "envy::from_env",
            "gethostname::gethostname",
            "hostname::get",
            "num_cpus::get",
            "std::thread::available_parallelism",
        ],
    ),
    (
        Code::Files,
        &[
            "std::fs",
            "fs_err",
            "memmap2::Mmap",
            "memmap2::MmapMut",
            "tempfile",
            "tokio::fs",
            "walkdir::WalkDir",
        ],
    ),
    (
        Code::Sockets,
        &[
            "std::net::TcpListener",
            "std::net::TcpStream",
            "std::net::UdpSocket",
            "std::os::unix::net",
            "async_std::net",
            "isahc",
            "mongodb::Client",
            "mysql::Pool",
            "postgres::Client",
            "redis::Client",
            "reqwest::Client",
            "reqwest::ClientBuilder",
            "reqwest::blocking",
            "reqwest::get",
            "sqlx::connect",
            "tokio::net",
            "tokio_postgres::connect",
            "tonic::transport",
            "ureq::Agent",
            "ureq::agent",
            "ureq::get",
            "ureq::post",
            "ureq::put",
        ],
    ),
    (
        Code::Threads,
        &[
            "std::thread::Builder",
            "std::thread::park",
            "std::thread::scope",
            "std::thread::spawn",
            "async_std::task::spawn",
            "crossbeam::scope",
            "crossbeam::thread",
            "rayon::ThreadPoolBuilder",
            "rayon::join",
            "rayon::scope",
            "rayon::spawn",
            "smol::spawn",
            "tokio::runtime",
            "tokio::spawn",
            "tokio::task::spawn",
            "tokio::task::spawn_blocking",
        ],
    ),
    (
        Code::BlockingSleep,
        &[
            "std::thread::sleep",
            "async_std::task::sleep",
            "futures_timer::Delay",
            "smol::Timer",
            "tokio::time::sleep",
        ],
    ),
    (
        Code::Process,
        &[
            "std::io::stdin",
            "std::process::Command",
            "std::process::abort",
            "std::process::exit",
            "std::process::id",
            "tokio::process",
        ],
    ),
];

const CLOCKS: &[&str] = &[
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "chrono::Local::now",
    "chrono::Utc::now",
    "chrono::Utc::today",
    "chrono::Local::today",
    "coarsetime::Instant::now",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "minstant::Instant::now",
    "quanta::Instant::now",
    "time::OffsetDateTime::now_local",
    "time::OffsetDateTime::now_utc",
    "time::UtcDateTime::now",
];

const CHANCE: &[&str] = &[
    "fastrand",
    "getrandom",
    "nanoid::nanoid",
    "oorandom::Rand32::new",
    "rand::random",
    "rand::random_range",
    "rand::rng",
    "rand::rngs::OsRng",
    "rand::rngs::SysRng",
    "rand::thread_rng",
    "ulid::Ulid::new",
    "uuid::Uuid::new_v1",
    "uuid::Uuid::new_v4",
    "uuid::Uuid::new_v6",
    "uuid::Uuid::new_v7",
    "uuid::Uuid::now_v1",
    "uuid::Uuid::now_v6",
    "uuid::Uuid::now_v7",
];

/// What is found at a path of another crate.
fn code_of(path: &str) -> Option<Code> {
    let found = PLACES.iter().find(|(_, places)| is_below(path, places));
    found.map(|(code, _)| *code)
}

fn is_below(path: &str, places: &[&str]) -> bool {
    let below = |place: &&str| {
        path.strip_prefix(place)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    places.iter().any(below)
}

/// Whether a value comes from the clock or from chance.
pub(super) fn is_unstable(path: &str) -> bool {
    is_below(path, CLOCKS) || is_below(path, CHANCE)
}

pub(super) fn check(lints: &Lints<'_, '_>, found: &mut Vec<Diagnostic>) {
    for body in lints.reached() {
        if lints.is(lints.index.bodies[body].item, Annotation::Nondet) {
            continue;
        }
        let recorded = Recorded::of(lints.index, body);
        let mut seen = BTreeSet::new();
        for fact in &lints.index.bodies[body].facts {
            let Some((code, path)) = meant(fact) else {
                continue;
            };
            // Recorded or not, a file is not there.
            let replayed = matches!(code, Code::Clock | Code::Randomness);
            if replayed && recorded.around(fact.site) {
                continue;
            }
            if seen.insert(fact.site.span.byte_range().start) {
                found.push(report(lints, body, fact, code, &path));
            }
        }
        elapsed(lints, body, found);
    }
}

/// What a fact takes from outside, and its path.
fn meant(fact: &Fact<'_>) -> Option<(Code, String)> {
    match &fact.what {
        What::Call {
            target: Res::Foreign(path),
            ..
        }
        | What::Path {
            target: Res::Foreign(path),
        }
        | What::Macro {
            target: Res::Foreign(path),
            ..
        } => code_of(path).map(|code| (code, path.clone())),
        What::Method { name, targets, .. }
            if targets.is_empty()
                && matches!(name.as_str(), "par_iter" | "into_par_iter" | "par_iter_mut") =>
        {
            Some((Code::Threads, format!("rayon's {name}")))
        }
        _ => None,
    }
}

fn report(
    lints: &Lints<'_, '_>,
    body: BodyId,
    fact: &Fact<'_>,
    code: Code,
    path: &str,
) -> Diagnostic {
    let handler = lints.handler_of(body);
    let (does, label, help) = match code {
        Code::Clock => (
            "looks at the clock",
            "the same again on a node, but not under `cargo test`",
            "`skylark::nondet(…)` has the same value everywhere",
        ),
        Code::Randomness => (
            "draws by chance",
            "the same again on a node, but not under `cargo test`",
            "`skylark::nondet(…)` has the same value everywhere",
        ),
        Code::Environment => (
            "asks for its surroundings",
            "a guest has no environment",
            "take it as an argument, keep it in state, or build it in with `option_env!`",
        ),
        Code::Files => (
            "uses files",
            "a guest has no files",
            "keep it in state, or build it in with `include_str!` or `include_bytes!`",
        ),
        Code::Sockets => (
            "uses a socket",
            "a guest has no sockets",
            "send requests with `skylark::http` or `#[skylark::external]`",
        ),
        Code::Threads => (
            "uses threads",
            "a guest is one thread",
            "run functions beside each other: `skylark::join!`, `skylark::join_all`, `next = each(f)`",
        ),
        Code::BlockingSleep => (
            "sleeps",
            "keeps the instance while it sleeps",
            "`skylark::sleep(…).await` lets go of it",
        ),
        _ => (
            "acts on its process",
            "a guest is no process of its own",
            "return an `Err` to refuse, panic to fail",
        ),
    };
    let message = format!("`{handler}` {does}: `{path}`");
    let mut d = lints.on_the_way(code, body, fact.site, message);
    d.label = label.into();
    d.help = vec![help.into()];
    if code == Code::BlockingSleep {
        d.suggestion = sleep(lints, body, fact);
    }
    d
}

/// `skylark::sleep(…).await` instead, where one can wait.
fn sleep(lints: &Lints<'_, '_>, body: BodyId, fact: &Fact<'_>) -> Option<Suggestion> {
    let Kind::Fn(function) = &lints.item(body).kind else {
        return None;
    };
    let Some(Expr::Call(call)) = fact.expr else {
        return None;
    };
    let context = fact.context;
    let waits = function.sig.asyncness.is_some() && context.closures == 0 && context.asyncs == 0;
    let argument = call
        .args
        .first()
        .filter(|_| waits && call.args.len() == 1)?;
    let file = fact.site.file;
    let runtime = lints.runtime();
    let What::Call {
        target: Res::Foreign(slept),
        ..
    } = &fact.what
    else {
        return None;
    };
    // What is a future already is waited for where it is.
    let (span, replacement) = if slept == "std::thread::sleep" {
        let argument = lints.source(file, argument.span());
        (call.span(), format!("{runtime}::sleep({argument}).await"))
    } else {
        (call.func.span(), format!("{runtime}::sleep"))
    };
    let site = Site { file, span };
    Some(Suggestion {
        file: lints.index.file(site).to_owned(),
        span: lints.index.locate(site),
        replacement,
        certain: true,
    })
}

/// Time measured with a clock that does not run.
fn elapsed(lints: &Lints<'_, '_>, body: BodyId, found: &mut Vec<Diagnostic>) {
    for fact in &lints.index.bodies[body].facts {
        let What::Method { name, on, .. } = &fact.what else {
            continue;
        };
        // It goes on where the function waits.
        let begins = fact.site.span.byte_range().start;
        let waits = |other: &Fact<'_>| {
            matches!(other.what, What::Await { .. }) && other.site.span.byte_range().start < begins
        };
        if lints.index.bodies[body].facts.iter().any(waits) {
            continue;
        }
        let clock = matches!(
            on.ty.path(),
            Some("std::time::Instant" | "std::time::SystemTime")
        );
        if !clock || name != "elapsed" {
            continue;
        }
        // A time from before the call has passed.
        let taken = |other: &Fact<'_>| {
            let now = matches!(&other.what, What::Call { target: Res::Foreign(path), .. }
                | What::Path { target: Res::Foreign(path) } if path.ends_with("::now"));
            now && other.site.span.byte_range().start < begins
        };
        // A loop that waits comes back later.
        let comes_back = |other: &Fact<'_>| {
            fact.context.loops > 0
                && other.context.loops > 0
                && matches!(other.what, What::Await { .. })
        };
        let facts = &lints.index.bodies[body].facts;
        if !facts.iter().any(taken) || facts.iter().any(comes_back) {
            continue;
        }
        let handler = lints.handler_of(body);
        let message = format!("`{handler}` measures time with a clock that does not run");
        let mut d = lints.on_the_way(Code::Elapsed, body, fact.site, message);
        d.label = "on a node, a microsecond per look at the clock".into();
        d.help = vec![
            "a node measures functions itself: `cargo skylark invoke --timeline`, `/metrics`"
                .into(),
        ];
        found.push(d);
    }
}
