//! A run's tasks as a table with bars.

use crate::output::{bytes, micros, table};
use skylark_abi::run::TaskReport;

/// Characters of a bar that spans the whole run.
const WIDTH: usize = 32;
/// Waiting for an instance and reading state, running, committing.
const PARTS: [char; 3] = ['░', '█', '▓'];

/// The timeline of a run; empty if it has no tasks.
pub fn render(tasks: &[TaskReport]) -> String {
    let mut tasks: Vec<&TaskReport> = tasks.iter().collect();
    tasks.sort_by_key(|task| task.arrived_unix_us);
    let (Some(start), Some(end)) = (
        tasks.iter().map(|task| task.arrived_unix_us).min(),
        tasks.iter().map(|task| ended(task)).max(),
    ) else {
        return String::new();
    };
    let table = table(
        [
            "TASK", "NODE", "MOVED", "BEGIN", "RUN", "COMMIT", "STORE", "WHEN",
        ],
        tasks.iter().map(|task| {
            [
                task.function.clone(),
                task.node.clone(),
                task.placed
                    .as_ref()
                    .map_or_else(|| "-".into(), |placed| bytes(placed.bytes)),
                micros(task.begin_us),
                micros(task.run_us),
                micros(task.commit_us),
                store(task),
                bar(task, start, end - start),
            ]
        }),
    );
    let mut text = table;
    let reasons: Vec<String> = tasks
        .iter()
        .filter_map(|task| {
            let placed = task.placed.as_ref()?;
            Some(format!(
                "  {} on {} ({}): {}",
                task.function, placed.node, placed.policy, placed.reason
            ))
        })
        .collect();
    if !reasons.is_empty() {
        text.push_str("\n\nWhy there:\n");
        text.push_str(&reasons.join("\n"));
    }
    let moved: u64 = tasks
        .iter()
        .filter_map(|task| task.placed.as_ref())
        .map(|p| p.bytes)
        .sum();
    let trips: u32 = tasks.iter().map(|task| task.round_trips).sum();
    let [begin, run, commit] = PARTS;
    text.push_str(&format!(
        "\n\n{} in all, {} moved, {trips} store round trips   {begin} begin {run} run {commit} commit",
        micros(end - start),
        bytes(moved),
    ));
    text
}

/// By its node's clock; clocks of nodes may differ.
fn ended(task: &TaskReport) -> u64 {
    task.arrived_unix_us
        .saturating_add(task.begin_us)
        .saturating_add(task.run_us)
        .saturating_add(task.commit_us)
}

/// Round trips, bytes of state written, executions lost to conflicts, and whether it
/// went on in the instance of the task before it.
fn store(task: &TaskReport) -> String {
    let mut text = format!("{} trips", task.round_trips);
    if task.round_trips == 1 {
        text.pop();
    }
    if task.state_bytes > 0 {
        text.push_str(&format!(", {} written", bytes(task.state_bytes)));
    }
    if task.conflicts > 0 {
        text.push_str(&format!(", {} re-run", task.conflicts));
    }
    if task.fused {
        text.push_str(", fused");
    }
    text
}

/// Where on the run's axis the task was, each part at least visible if it took
/// any time at all, and nothing past the axis.
fn bar(task: &TaskReport, start: u64, span: u64) -> String {
    let span = u128::from(span.max(1));
    let width = WIDTH as u128;
    let column = |us: u64| {
        let at = (u128::from(us) * width + span / 2) / span;
        usize::try_from(at.min(width)).unwrap_or(WIDTH)
    };
    let from = task.arrived_unix_us.saturating_sub(start);
    let mut end = from;
    let mut drawn = column(from).min(WIDTH - 1);
    let mut text = " ".repeat(drawn);
    for (part, us) in PARTS
        .into_iter()
        .zip([task.begin_us, task.run_us, task.commit_us])
    {
        end = end.saturating_add(us);
        let until = column(end);
        // The run itself is what a bar is about.
        let least = usize::from(part == PARTS[1] && drawn < WIDTH);
        let cells = until.saturating_sub(drawn).max(least);
        text.extend(std::iter::repeat_n(part, cells));
        drawn += cells;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use skylark_abi::run::Placement;

    fn task(
        function: &str,
        node: &str,
        arrived: u64,
        parts: [u64; 3],
        reason: Option<&str>,
    ) -> TaskReport {
        TaskReport {
            task_id: "0".into(),
            function: function.into(),
            node: node.into(),
            arrived_unix_us: 1_700_000_000_000_000 + arrived,
            begin_us: parts[0],
            run_us: parts[1],
            commit_us: parts[2],
            input_bytes: 10,
            output_bytes: 10,
            state_bytes: if function == "detect" { 812 } else { 0 },
            round_trips: u32::from(function == "detect") * 2,
            conflicts: 0,
            fused: false,
            placed: reason.map(|reason| Placement {
                policy: "skylark".into(),
                node: node.into(),
                reason: reason.into(),
                expected_us: 14_000,
                bytes: 47_100,
            }),
        }
    }

    #[test]
    fn a_chain_over_three_nodes() {
        let tasks = [
            task(
                "detect",
                "sat1",
                15_000,
                [1_000, 2_000, 500],
                Some("nearest feasible: 10 ms + 4.2 ms"),
            ),
            task("preprocess", "edge1", 0, [300, 12_000, 0], None),
            task(
                "alarm",
                "cloud1",
                21_000,
                [100, 20, 400],
                Some("required by `on = cloud`"),
            ),
        ];
        insta::assert_snapshot!(render(&tasks));
    }

    #[test]
    fn bars_stay_on_the_axis() {
        let cases = [
            (0, [0, 0, 0]),
            (0, [1, 1, 1]),
            (99, [0, 1, 0]),
            (50, [u64::MAX, 1, 1]),
            (0, [100, 0, 0]),
        ];
        for (arrived, parts) in cases {
            let one = task("f", "n", arrived, parts, None);
            let bar = bar(&one, 1_700_000_000_000_000, 100);
            assert!(bar.chars().count() <= WIDTH, "{bar:?}");
        }
        assert_eq!(render(&[]), "");
        assert!(render(&[task("f", "n", 0, [0, 0, 0], None)]).contains('█'));
    }
}
