//! The table of options: one row each, from which the flags, the environment
//! variables, the file's keys, the help and `--print-config` are made.

/// One option of the node.
#[derive(Debug)]
pub(super) struct OptionSpec {
    /// `max-body`: the flag `--max-body`, the variable `SKYLARK_MAX_BODY` and
    /// the file's key `max-body`.
    pub(super) name: &'static str,
    /// What stands for its value in the help.
    pub(super) value: &'static str,
    /// Its value if nobody gives one; `None`: it stays unset.
    pub(super) default: Option<&'static str>,
    /// What it does.
    pub(super) help: &'static str,
    /// Its heading in the help.
    pub(super) heading: &'static str,
}

impl OptionSpec {
    /// Whether it is given without a value.
    pub(super) fn is_switch(&self) -> bool {
        self.value.is_empty()
    }

    /// Its environment variable.
    pub(super) fn variable(&self) -> String {
        format!(
            "SKYLARK_{}",
            self.name.to_ascii_uppercase().replace('-', "_")
        )
    }
}

macro_rules! options {
    ($($heading:literal { $($name:literal $value:literal = $default:expr, $help:literal;)* })*) => {
        &[$($(OptionSpec {
            name: $name,
            value: $value,
            default: $default,
            help: $help,
            heading: $heading,
        },)*)*]
    };
}

/// Every option, in the order of the help.
pub(super) const OPTIONS: &[OptionSpec] = options! {
    "The node" {
        "name" "NAME" = Some("local"), "Name of this node, unique in its topology";
        "listen" "ADDRESS" = Some("127.0.0.1:7070"), "Address and port to serve HTTP on; port 0 takes any free one";
        "data" "DIR" = Some("skylark-data"), "Directory of uploaded and compiled modules, tokens and the embedded store";
        "workers" "COUNT" = Some("0"), "Threads that serve requests and run functions; 0: one per core";
        "grace" "TIME" = Some("30s"), "How long calls in flight may take to finish after SIGTERM or SIGINT";
        "log" "FILTER" = Some("info"), "What is logged to standard error: error, warn, info, debug, trace, or a filter such as `info,skylark_node::http=debug`";
        "log-format" "FORMAT" = Some("text"), "How it is logged: text or json";
    }
    "The store" {
        "store" "STORE" = Some("embedded"), "Where state is kept: embedded (in the data directory), embedded:DIR, memory, or redis://[user:password@]host[:port][/db]";
        "sync" "WHEN" = Some("always"), "When the embedded store's commits are acknowledged: always (on the disk) or none (handed to the system)";
        "store-optional" "" = None, "Start although the store does not answer; the node is not ready until it does";
        "store-timeout" "TIME" = Some("5s"), "How long one step of the store may take";
        "store-connect-timeout" "TIME" = Some("2s"), "How long connecting to the store may take";
        "store-verify" "BOOL" = Some("true"), "Read the embedded store's whole file at the start, to find damage before it is met: true or false";
        "store-cache" "SIZE" = Some("64MiB"), "Memory in which the embedded store keeps pages";
        "store-queue" "COUNT" = Some("1024"), "Writes that may wait for the embedded store's writer";
        "max-value" "SIZE" = Some("32MiB"), "Largest value that is written to the store: a variable, a result, a message";
        "max-read" "SIZE" = Some("64MiB"), "Most bytes that one step reads from the store";
        "retention" "TIME" = Some("24h"), "How long runs and their results are remembered";
        "lease" "TIME" = Some("1m"), "How long an execution is its node's alone before another node may take it over";
        "claim" "TIME" = Some("5s"), "How long a node alone delivers what it committed, before others take over";
        "max-wait" "TIME" = Some("30days"), "How long a run may wait for a call, a delay or a promise";
        "sweep" "TIME" = Some("1s"), "How often the outbox is searched for what is due: long delays, and what a dead node left";
        "takeover" "TIME" = Some("3s"), "How long a node must be silent before one that shares its store does its work";
    }
    "Cluster and placement" {
        "topology" "FILE" = None, "JSON file of nodes and links; without it the node is alone";
        "policy" "POLICY" = Some("skylark"), "How successors are placed: skylark, databelt, random or stateless";
        "min-bandwidth" "MBIT/S" = None, "Objective: least bandwidth of a path, in Mbit/s";
        "max-latency" "MS" = None, "Objective: longest time for a move of state, in milliseconds";
        "max-temperature" "CELSIUS" = None, "Objective: hottest that a node may be, in degrees Celsius";
        "token-file" "FILE" = None, "File with the token that uploads and other changes need; by default one is made in the data directory";
        "cluster-token-file" "FILE" = None, "File with the token that the nodes of a topology share; by default one is made in the data directory, which suits a node that is alone";
    }
    "Limits of requests" {
        "max-in-flight" "COUNT" = Some("1024"), "Calls in flight; one more is refused with 503";
        "max-deliveries" "COUNT" = Some("16384"), "Messages that are delivered at once; further ones wait in the store";
        "max-executions" "COUNT" = Some("256"), "Asynchronous runs and successors that execute here at once; further ones wait their turn";
        "max-connections" "COUNT" = Some("8192"), "Open connections; further ones wait to be accepted";
        "max-body" "SIZE" = Some("16MiB"), "Largest input of a call";
        "max-message" "SIZE" = Some("64MiB"), "Largest message from another node: input, chain state and reports";
        "max-module" "SIZE" = Some("64MiB"), "Largest module that may be uploaded";
        "header-timeout" "TIME" = Some("30s"), "How long a connection may take to send a request's headers, idle time before them included";
        "body-timeout" "TIME" = Some("30s"), "How long a request's body may take to arrive";
        "wait" "TIME" = Some("1m"), "How long a caller waits for a run to end; the run goes on";
        "runs-memory" "SIZE" = Some("64MiB"), "Ended runs that are kept in memory";
    }
    "Requests to servers outside" {
        "allow-egress" "SERVERS" = None, "Servers that functions may send requests to, separated by commas: host, host:port, or * for any; none by default";
        "egress-timeout" "TIME" = Some("30s"), "How long one attempt of a request may take";
        "egress-attempts" "COUNT" = Some("5"), "How often a server that cannot be reached is tried";
        "max-egress-response" "SIZE" = Some("16MiB"), "Largest response that is read";
    }
    "Limits of calls" {
        "memory" "SIZE" = Some("256MiB"), "Linear memory of a call whose function does not say";
        "max-memory" "SIZE" = Some("1GiB"), "Most that any function may ask for";
        "timeout" "TIME" = Some("30s"), "Run time of a call whose function does not say";
        "max-timeout" "TIME" = Some("5m"), "Most that any function may ask for";
        "max-output" "SIZE" = Some("64MiB"), "Largest response of a call: its output, writes and successors together";
        "max-state" "SIZE" = Some("16MiB"), "Most state that one call may write";
        "max-scan" "COUNT" = Some("1000"), "Entries of collections that one call may scan";
        "max-conflicts" "COUNT" = Some("100"), "Executions that are discarded for a conflict before the call fails";
        "max-effects" "COUNT" = Some("1000"), "What one invocation may start: calls, delays, promises, recorded values, branches";
        "max-depth" "COUNT" = Some("64"), "Tasks on one path of a run";
        "fuse" "WHEN" = Some("auto"), "Whether successors that are elected to this node run in the instance of what they follow, with one commit: auto or off";
        "max-fused" "COUNT" = Some("8"), "Functions of a chain that run so at most; timeouts and the lease bound them too";
        "log-lines" "COUNT" = Some("1000"), "Lines that one call may log";
        "stack" "SIZE" = Some("512KiB"), "Stack of a call";
        "instances" "COUNT" = Some("1000"), "Instances of modules that may exist at once; a call beyond them waits";
        "instance-wait" "TIME" = Some("5s"), "How long a call waits for an instance";
        "keep-resident" "SIZE" = Some("1MiB"), "Memory that an idle instance's slot keeps";
        "epoch-tick" "TIME" = Some("5ms"), "Period at which running functions let others run";
        "max-cache" "SIZE" = Some("2GiB"), "Compiled modules that are kept in the data directory";
    }
};
