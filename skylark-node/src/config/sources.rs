//! Where options come from: flags, environment, file, the table's defaults.

use super::{
    Config, ConfigErrors,
    options::{OPTIONS, OptionSpec},
    values::{Origin, Values},
};
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::{ffi::OsString, fmt::Write};

const ABOUT: &str =
    "Runs Skylark modules on this machine: keeps their state, takes effect exactly once.";

const EXAMPLES: &str = "\
Every option may also be given as SKYLARK_<OPTION> in the environment (`--max-body` as
SKYLARK_MAX_BODY) or in the TOML file that --config names (`max-body = \"16MiB\"`).
A flag wins over the environment, that over the file, that over the default.
Sizes: 1024, 64kB, 16MiB. Times: 500ms, 30s, 24h.

Examples:
  skylark-node
      One node, its state in ./skylark-data, on http://127.0.0.1:7070
  skylark-node --store redis://127.0.0.1 --listen 0.0.0.0:7070
      State in Redis, shared by all nodes that are started so
  skylark-node --name sat-1 --topology nodes.json --cluster-token-file cluster.token
      One node of several; its name is one of those in the file
  curl -X PUT -H \"authorization: Bearer $(cat skylark-data/token)\" \\
       --data-binary @app.wasm http://127.0.0.1:7070/f/app
  curl -d '{\"n\": 1}' -H 'content-type: application/json' http://127.0.0.1:7070/f/app/function";

/// What the command line asks for.
#[derive(Debug)]
pub enum Loaded {
    /// To run a node.
    Run(Box<Config>),
    /// To print this and end (`--help`, `--version`, `--print-config`).
    Print(String),
}

/// Reads flags, environment (through `variable`) and file.
///
/// # Errors
/// Everything that is wrong with them, with the options' names.
pub fn load(
    args: impl IntoIterator<Item = OsString>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Loaded, ConfigErrors> {
    let one = |text: String| ConfigErrors(vec![text]);
    let matches = match command().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(e) if !e.use_stderr() => return Ok(Loaded::Print(e.render().to_string())),
        Err(e) => {
            return Err(one(e
                .render()
                .to_string()
                .trim_start_matches("error: ")
                .trim_end()
                .to_owned()));
        }
    };
    let mut values = Values::default();
    for spec in OPTIONS {
        if let Some(default) = spec.default {
            values.set(spec, default.to_owned(), Origin::Default);
        }
    }
    let file = matches.get_one::<String>("config").cloned();
    if let Some(path) = file.or_else(|| variable("SKYLARK_CONFIG")) {
        read_file(&path, &mut values).map_err(one)?;
    }
    for spec in OPTIONS {
        let name = spec.variable();
        if let Some(text) = variable(&name) {
            values.set(spec, text, Origin::Variable(name));
        }
        if let Some(text) = from_command_line(spec, &matches) {
            values.set(spec, text, Origin::Flag);
        }
    }
    let printed = matches.get_flag("print-config").then(|| print(&values));
    let config = Config::from_values(values)?;
    Ok(match printed {
        Some(text) => Loaded::Print(text),
        None => Loaded::Run(Box::new(config)),
    })
}

fn command() -> Command {
    let args = OPTIONS.iter().map(|spec| {
        let mut help = spec.help.to_owned();
        if let Some(default) = spec.default {
            // Writing to a string cannot fail.
            let _ = write!(help, " [default: {default}]");
        }
        let arg = Arg::new(spec.name)
            .long(spec.name)
            .help(help)
            .help_heading(spec.heading);
        if spec.is_switch() {
            arg.action(ArgAction::SetTrue)
        } else {
            // So that a negative number reaches its own check.
            arg.value_name(spec.value).allow_negative_numbers(true)
        }
    });
    Command::new("skylark-node")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .after_help(EXAMPLES)
        .args(args)
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .help("TOML file with options"),
        )
        .arg(
            Arg::new("print-config")
                .long("print-config")
                .action(ArgAction::SetTrue)
                .help(
                    "Print all options as they are in effect, with where each comes from, and end",
                ),
        )
}

fn from_command_line(spec: &OptionSpec, matches: &ArgMatches) -> Option<String> {
    if spec.is_switch() {
        matches.get_flag(spec.name).then(|| "true".to_owned())
    } else {
        matches.get_one::<String>(spec.name).cloned()
    }
}

fn read_file(path: &str, values: &mut Values) -> Result<(), String> {
    let file = config::File::new(path, config::FileFormat::Toml);
    let table = config::Config::builder()
        .add_source(file)
        .build()
        .and_then(|c| c.cache.into_table())
        .map_err(|e| format!("--config: {e}"))?;
    for (key, value) in table {
        match OPTIONS.iter().find(|o| o.name == key) {
            Some(spec) => match value.into_string() {
                Ok(text) => values.set(spec, text, Origin::File(path.to_owned())),
                Err(_) => values.error(format!("{path}: `{key}` is neither text nor number")),
            },
            None => values.unknown(&key, path),
        }
    }
    Ok(())
}

/// The configuration in effect, as a file that could be given to `--config`.
fn print(values: &Values) -> String {
    let mut out = String::new();
    for spec in OPTIONS {
        // Writing to a string cannot fail.
        let _ = match values.given(spec.name) {
            Some((text, origin)) => {
                let text = without_password(text);
                writeln!(
                    out,
                    "{} = {} # {origin}",
                    spec.name,
                    serde_json::Value::from(text)
                )
            }
            None => writeln!(out, "# {} is not set", spec.name),
        };
    }
    out
}

/// `redis://user:***@host` for a URL with a password.
fn without_password(text: &str) -> String {
    let parts = text.split_once("://").and_then(|(scheme, rest)| {
        rest.rsplit_once('@')
            .map(|(user, host)| (scheme, user, host))
    });
    match parts {
        Some((scheme, user, host)) => {
            let user = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}:***@{host}")
        }
        None => text.to_owned(),
    }
}
