//! A run as a picture: a lane for each node, a bar for each task, an arrow for
//! each move from one node to the next.

use cargo_skylark::{
    cluster::NodeAddress,
    output::{bytes, micros},
};
use skylark_abi::{run::TaskReport, schema::NodeType};
use svg::{
    Document,
    node::element::{Group, Line, Marker, Path, Rectangle, Style, Text},
};

/// The picture's width.
const WIDTH: f64 = 1000.0;
/// Where the time axis begins; what is left of it names the lanes.
const LEFT: f64 = 140.0;
/// Room right of the axis, for the labels of what happens last.
const RIGHT: f64 = 150.0;
/// Room above the lanes, for title and legend.
const TOP: f64 = 92.0;
/// The height of a lane.
const LANE: f64 = 104.0;
/// The height of a bar.
const BAR: f64 = 30.0;
/// Room below the lanes, for the axis.
const BOTTOM: f64 = 44.0;
/// The narrowest bar that can be seen.
const VISIBLE: f64 = 2.0;
/// The most marks on the axis.
const MARKS: f64 = 9.0;

/// Colours for light and dark surroundings; the picture brings its own
/// background, so that it is legible where a page does not say which it is.
const STYLE: &str = "
text { font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif; fill: #1f2430 }
.page { fill: #ffffff; stroke: #d9dde5 } .lane { fill: #f4f6fa } .grid { stroke: #dfe3ea }
.title { font-size: 17px; font-weight: 600 } .name { font-size: 15px; font-weight: 600 }
.faint { fill: #667085; font-size: 12px } .task { font-weight: 600 }
.begin { fill: #9db4d8 } .run { fill: #2f6fde } .commit { fill: #e08a2c }
.move { stroke: #7c4dff; stroke-width: 1.8; fill: none } .tip { fill: #7c4dff }
.note { font-size: 12px }
@media (prefers-color-scheme: dark) {
text { fill: #e7eaf0 } .page { fill: #12151c; stroke: #2b3240 } .lane { fill: #1a1f29 } .grid { stroke: #2b3240 }
.faint { fill: #9aa4b5 } .begin { fill: #56709b } .run { fill: #5b93f5 } .commit { fill: #f0a04b }
.move { stroke: #ad8dff } .tip { fill: #ad8dff }
}
";

/// Draws the tasks of a run over the lanes of the nodes that it came to, in the
/// order in which it came to them. The same run gives the same bytes.
pub(crate) fn svg(title: &str, nodes: &[NodeAddress], tasks: &[TaskReport]) -> String {
    let mut tasks: Vec<&TaskReport> = tasks.iter().collect();
    tasks.sort_by_key(|task| (task.arrived_unix_us, task.task_id.len()));
    let chart = Chart::new(&tasks);
    let height = TOP + LANE * chart.lanes.len().max(1) as f64 + BOTTOM;
    let mut document = Document::new()
        .set("viewBox", format!("0 0 {WIDTH} {height}"))
        .set("width", WIDTH)
        .set("height", height)
        .set("role", "img")
        .add(svg::node::element::Title::new(title))
        .add(Style::new(STYLE))
        .add(arrow_head())
        .add(
            Rectangle::new()
                .set("class", "page")
                .set("x", 0.5)
                .set("y", 0.5)
                .set("width", WIDTH - 1.0)
                .set("height", height - 1.0)
                .set("rx", 10),
        )
        .add(text(24.0, 36.0, "title", title))
        .add(legend(&tasks));
    for (index, name) in chart.lanes.iter().enumerate() {
        let kind = nodes
            .iter()
            .find(|node| node.name == *name)
            .map(|node| node.node_type);
        document = document.add(lane(index, name, kind));
    }
    document = document.add(chart.axis(height));
    for pair in tasks.windows(2) {
        document = document.add(chart.step(pair[0], pair[1]));
    }
    for task in &tasks {
        document = document.add(chart.bar(task));
    }
    format!("{document}\n")
}

/// Where things are.
struct Chart<'a> {
    lanes: Vec<&'a str>,
    start: u64,
    span: u64,
}

impl<'a> Chart<'a> {
    fn new(tasks: &[&'a TaskReport]) -> Self {
        let mut lanes: Vec<&str> = Vec::new();
        for task in tasks {
            if !lanes.contains(&task.node.as_str()) {
                lanes.push(&task.node);
            }
        }
        let start = tasks.iter().map(|t| t.arrived_unix_us).min().unwrap_or(0);
        let end = tasks.iter().map(|t| ended(t)).max().unwrap_or(0);
        Self {
            lanes,
            start,
            span: end.saturating_sub(start).max(1),
        }
    }

    /// Where a time is on the axis.
    fn x(&self, unix_us: u64) -> f64 {
        let share = unix_us.saturating_sub(self.start) as f64 / self.span as f64;
        LEFT + share.min(1.0) * (WIDTH - LEFT - RIGHT)
    }

    /// The middle of a task's lane.
    fn y(&self, task: &TaskReport) -> f64 {
        let index = self
            .lanes
            .iter()
            .position(|name| *name == task.node)
            .unwrap_or(0);
        TOP + LANE * (index as f64 + 0.5)
    }

    /// A task: what it waited for, ran and committed, and a label above.
    fn bar(&self, task: &TaskReport) -> Group {
        let y = self.y(task) - BAR / 2.0;
        let mut group = Group::new();
        let mut at = task.arrived_unix_us;
        let mut drawn = self.x(at);
        for (class, us) in [
            ("begin", task.begin_us),
            ("run", task.run_us),
            ("commit", task.commit_us),
        ] {
            at = at.saturating_add(us);
            let until = self.x(at);
            // What took time is to be seen, and running is what a bar is about.
            let least = if us > 0 || class == "run" {
                VISIBLE
            } else {
                0.0
            };
            let width = (until - drawn).max(least);
            if width > 0.0 {
                group = group.add(
                    Rectangle::new()
                        .set("class", class)
                        .set("x", round(drawn))
                        .set("y", round(y))
                        .set("width", round(width))
                        .set("height", BAR)
                        .set("rx", 2),
                );
                drawn += width;
            }
        }
        let took = micros(ended(task) - task.arrived_unix_us);
        let label = format!("{} · {took}", task.function);
        group.add(text(
            self.x(task.arrived_unix_us) + 8.0,
            y - 8.0,
            "task",
            &label,
        ))
    }

    /// From one task to the next: an arrow, labelled if it leaves the node.
    fn step(&self, from: &TaskReport, to: &TaskReport) -> Group {
        let (x1, x2) = (self.x(ended(from)), self.x(to.arrived_unix_us));
        let (mid1, mid2) = (self.y(from), self.y(to));
        if from.node == to.node {
            return Group::new();
        }
        let down = if mid2 > mid1 { 1.0 } else { -1.0 };
        let (y1, y2) = (mid1 + down * BAR / 2.0, mid2 - down * (BAR / 2.0 + 2.0));
        let bend = (y2 - y1) / 2.0;
        let path = format!(
            "M{:.1} {:.1} C{:.1} {:.1} {:.1} {:.1} {:.1} {:.1}",
            x1,
            y1,
            x1,
            y1 + bend,
            x2,
            y2 - bend,
            x2,
            y2
        );
        let measured = micros(to.arrived_unix_us.saturating_sub(ended(from)));
        let words = match &to.placed {
            Some(placed) => format!(
                "{} · {measured} · {} expected on the link",
                bytes(placed.bytes),
                micros(placed.expected_us)
            ),
            None => measured,
        };
        // Beside the arrow, on the side that has room; above the next label.
        let (x, anchor) = match x2 > WIDTH / 2.0 {
            true => (x1.min(x2) - 10.0, "end"),
            false => (x1.max(x2) + 10.0, "start"),
        };
        Group::new()
            .add(
                Path::new()
                    .set("class", "move")
                    .set("d", path)
                    .set("marker-end", "url(#tip)"),
            )
            .add(text(x, y1 + down * 20.0, "note", &words).set("text-anchor", anchor))
    }

    /// Marks at round times, from lane to lane.
    fn axis(&self, height: f64) -> Group {
        let bottom = height - BOTTOM;
        let step = nice_step(self.span as f64 / MARKS);
        let mut group = Group::new();
        let mut at = 0;
        while at <= self.span {
            let x = round(self.x(self.start + at));
            group = group
                .add(
                    Line::new()
                        .set("class", "grid")
                        .set("x1", x)
                        .set("x2", x)
                        .set("y1", TOP)
                        .set("y2", bottom + 6.0),
                )
                .add(text(x, bottom + 24.0, "faint", &micros(at)).set("text-anchor", "middle"));
            at += step;
        }
        group
    }
}

/// The smallest of 1, 2, 5, 10, 20, … that is at least this.
fn nice_step(least: f64) -> u64 {
    let mut power = 1;
    loop {
        for digit in [1, 2, 5] {
            if (digit * power) as f64 >= least {
                return digit * power;
            }
        }
        power *= 10;
    }
}

fn ended(task: &TaskReport) -> u64 {
    [task.begin_us, task.run_us, task.commit_us]
        .into_iter()
        .fold(task.arrived_unix_us, u64::saturating_add)
}

fn lane(index: usize, name: &str, kind: Option<NodeType>) -> Group {
    let y = TOP + LANE * index as f64;
    let kind = match kind {
        Some(NodeType::Cloud) => "data centre",
        Some(NodeType::Edge) => "edge site",
        Some(NodeType::Sat) => "satellite",
        None => "",
    };
    Group::new()
        .add(
            Rectangle::new()
                .set("class", "lane")
                .set("x", 16)
                .set("y", y + 3.0)
                .set("width", WIDTH - 32.0)
                .set("height", LANE - 6.0)
                .set("rx", 8),
        )
        .add(text(30.0, y + LANE / 2.0 - 2.0, "name", name))
        .add(text(30.0, y + LANE / 2.0 + 16.0, "faint", kind))
}

fn legend(tasks: &[&TaskReport]) -> Group {
    let trips: u32 = tasks.iter().map(|t| t.round_trips).sum();
    let moved: u64 = tasks
        .iter()
        .filter_map(|t| t.placed.as_ref())
        .map(|p| p.bytes)
        .sum();
    let mut group = Group::new();
    let mut x = 24.0;
    for (class, words, width) in [
        ("begin", "wait and read state", 150.0),
        ("run", "run", 60.0),
        ("commit", "commit", 80.0),
    ] {
        let swatch = Rectangle::new()
            .set("class", class)
            .set("x", x)
            .set("y", 54)
            .set("width", 14)
            .set("height", 14)
            .set("rx", 3);
        group = group.add(swatch).add(text(x + 20.0, 66.0, "faint", words));
        x += width;
    }
    let sums = format!("{} moved · {trips} store round trips", bytes(moved));
    group.add(text(WIDTH - 24.0, 66.0, "faint", &sums).set("text-anchor", "end"))
}

fn arrow_head() -> Marker {
    Marker::new()
        .set("id", "tip")
        .set("viewBox", "0 0 8 8")
        .set("refX", 7)
        .set("refY", 4)
        .set("markerWidth", 6)
        .set("markerHeight", 6)
        .set("orient", "auto")
        .add(Path::new().set("class", "tip").set("d", "M0 0 L8 4 L0 8 Z"))
}

fn text(x: f64, y: f64, class: &str, words: &str) -> Text {
    Text::new(words)
        .set("class", class)
        .set("x", round(x))
        .set("y", round(y))
}

/// To a tenth of a pixel.
fn round(v: f64) -> f64 {
    (v * 10.0).round() / 10.0
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
        moved: Option<u64>,
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
            state_bytes: 0,
            round_trips: 1,
            conflicts: 0,
            fused: false,
            placed: moved.map(|bytes| Placement {
                policy: "skylark".into(),
                node: node.into(),
                reason: "nearest".into(),
                expected_us: 14_000,
                bytes,
            }),
        }
    }

    fn fire() -> [TaskReport; 3] {
        [
            task("alarm", "cloud1", 48_000, [100, 200, 400], Some(620)),
            task("preprocess", "sat1", 0, [300, 31_000, 0], None),
            task(
                "detect",
                "edge1",
                35_000,
                [900, 8_000, 1_500],
                Some(205_000),
            ),
        ]
    }

    #[test]
    fn everything_is_named_once_and_in_the_order_of_the_run() {
        let nodes = [NodeAddress {
            name: "sat1".into(),
            node_type: NodeType::Sat,
            url: "http://127.0.0.1:1".into(),
            pid: 1,
        }];
        let drawn = svg("a <fire> & smoke", &nodes, &fire());
        let mut from = 0;
        for word in [
            "a &lt;fire&gt; &amp; smoke",
            "\nsat1\n",
            "\nsatellite\n",
            "\nedge1\n",
            "\ncloud1\n",
            "205.0 kB · 3.7 ms · 14.0 ms expected on the link",
            "620 B · 2.6 ms",
            "preprocess · 31.3 ms",
            "detect · 10.4 ms",
            "alarm · 700 µs",
        ] {
            let at = drawn[from..]
                .find(word)
                .unwrap_or_else(|| panic!("no {word} after {from} in {drawn}"));
            from += at;
        }
        assert_eq!(drawn, svg("a <fire> & smoke", &nodes, &fire()));
    }

    #[test]
    fn nothing_leaves_the_picture() {
        let huge = [
            task("f", "a", 0, [u64::MAX / 2, 1, 1], None),
            task("g", "b", 5, [0, 0, 0], Some(1)),
        ];
        let many: Vec<_> = (0..40)
            .map(|i| task("f", &format!("n{i}"), i, [0, 1, 0], Some(1)))
            .collect();
        for tasks in [&fire()[..], &huge, &many, &[]] {
            let drawn = svg("t", &[], tasks);
            for part in drawn.split(" x=\"").skip(1) {
                let x: f64 = part.split('"').next().unwrap().parse().unwrap();
                assert!((0.0..=WIDTH).contains(&x), "{x} in {drawn}");
            }
        }
    }

    #[test]
    fn axis_marks_are_round_and_few() {
        for (least, step) in [
            (0.1, 1),
            (1.0, 1),
            (1.1, 2),
            (4.9, 5),
            (5.1, 10),
            (51.0, 100),
            (5_555.0, 10_000),
        ] {
            assert_eq!(nice_step(least), step, "{least}");
        }
    }
}
