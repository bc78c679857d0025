use super::{Config, LogFormat, load, sources::Loaded};
use std::{io::Write, time::Duration};

fn config(args: &[&str]) -> Result<Config, String> {
    config_in(args, &[])
}

fn config_in(args: &[&str], environment: &[(&str, &str)]) -> Result<Config, String> {
    let args = ["skylark-node"].iter().chain(args).map(Into::into);
    let variable = |name: &str| {
        let found = environment.iter().find(|(n, _)| *n == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    match load(args, variable).map_err(|e| e.to_string())? {
        Loaded::Run(config) => Ok(*config),
        Loaded::Print(text) => Err(text),
    }
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn the_table_agrees_with_the_defaults_in_code() {
    let config = config(&[]).unwrap();
    assert_eq!(config.limits, crate::engine::CallLimits::default());
    assert_eq!(config.bounds, skylark_abi::protocol::Bounds::default());
    assert_eq!(config.store_options, crate::store::StoreOptions::default());
    assert_eq!(config.http, crate::http::HttpConfig::default());
    assert_eq!(config.store, "embedded:skylark-data/store");
    let ours = format!("{:?}", config.engine);
    let theirs = crate::engine::EngineConfig {
        cache_dir: Some("skylark-data/compiled".into()),
        ..Default::default()
    };
    assert_eq!(ours, format!("{theirs:?}"));
}

#[test]
fn a_flag_wins_over_the_environment_that_over_the_file_that_over_the_default() {
    let file = file(
        "name = \"file\"\nmax-in-flight = 7\nlog-format = \"json\"\nmax-latency = 12.5\nstore-optional = true\n",
    );
    let environment = [
        ("SKYLARK_CONFIG", file.path().to_str().unwrap()),
        ("SKYLARK_NAME", "environment"),
        ("SKYLARK_MAX_IN_FLIGHT", "8"),
    ];
    let config = config_in(&["--name", "flag"], &environment).unwrap();
    assert_eq!(config.name, "flag");
    assert_eq!(config.http.max_in_flight, 8);
    assert_eq!(config.log_format, LogFormat::Json);
    assert_eq!(config.objectives.max_latency.map(|d| d.ms()), Some(12.5));
    assert!(config.store_optional);
    assert_eq!(config.grace, Duration::from_secs(30));
}

#[test]
fn every_error_is_reported_at_once_with_its_option() {
    let file = file("max-boddy = 1\nsync = [1]\nretention = \"soon\"");
    let path = file.path().to_str().unwrap();
    let args = [
        ("--name", "a b"),
        ("--listen", "7070"),
        ("--policy", "best"),
        ("--max-body", "0"),
        ("--timeout", "2h"),
        ("--memory", "2GiB"),
        ("--min-bandwidth", "-1"),
        ("--workers", "many"),
        ("--log", "skylark=loud"),
        ("--config", path),
    ];
    let args: Vec<&str> = args.iter().flat_map(|(k, v)| [*k, *v]).collect();
    let errors = config_in(&args, &[("SKYLARK_LEASE", "long")]).unwrap_err();
    for part in [
        "`max-boddy` is no option; did you mean `max-body`?",
        "`sync` is neither text nor number",
        "--retention (from ",
        "--name: `a b` is no name",
        "--listen: `7070` is no address",
        "--policy: unknown policy `best`; expected one of: skylark, databelt, random, stateless",
        "--max-body: a size of 0",
        "--timeout is more than --max-timeout",
        "--lease (from SKYLARK_LEASE): `long` is no time",
        "--memory is more than --max-memory",
        "--min-bandwidth: ",
        "--workers: `many` is no whole number",
        "--log: ",
    ] {
        assert!(errors.contains(part), "`{part}` is missing from:\n{errors}");
    }
}

#[test]
fn the_printed_configuration_is_a_configuration_without_passwords() {
    let printed = config(&[
        "--print-config",
        "--store",
        "redis://me:secret@host/2",
        "--name",
        "n",
    ])
    .unwrap_err();
    assert!(printed.contains("name = \"n\" # flag"), "{printed}");
    assert!(printed.contains("redis://me:***@host/2"), "{printed}");
    assert!(!printed.contains("secret"), "{printed}");
    let file = file(&printed);
    let again = config(&["--config", file.path().to_str().unwrap()]).unwrap();
    assert_eq!(again.name, "n");
}

#[test]
fn help_teaches() {
    let help = config(&["--help"]).unwrap_err();
    for part in [
        "--max-in-flight <COUNT>",
        "[default: 16MiB]",
        "Examples:",
        "SKYLARK_MAX_BODY",
        "Cluster and placement",
    ] {
        assert!(help.contains(part), "`{part}` is missing from:\n{help}");
    }
}
