//! A graph as a picture that any browser shows, in light and in dark surroundings.

use super::{
    layout::{Layout, Link, Size, layout},
    picture::{Line, Mark, Node, NodeKind, Picture, Stroke},
};
use svg::{
    Document,
    node::element::{Definitions, Group, Marker, Path, Rectangle, Style, Text, Title},
};

/// Around everything.
const MARGIN: f64 = 28.0;
/// The height of a box.
const HEIGHT: f64 = 50.0;
/// The widest that a box gets.
const WIDEST: f64 = 300.0;
/// About the width of a letter of a name, of a detail, of what is on an edge.
const LETTERS: [f64; 3] = [8.4, 6.6, 6.2];
/// The height of the legend's line.
const LEGEND: f64 = 40.0;
/// How round the lid of a state is.
const LID: f64 = 6.0;

/// The picture brings its own background, so that it is legible where a page does not
/// say which it is.
const STYLE: &str = "
text { font: 12px system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif; fill: #1f2430 }
.page { fill: #ffffff; stroke: #d9dde5 } .name { font-size: 14px; font-weight: 600 } .detail { font-size: 11px; fill: #5b6577 }
.function rect { fill: #f4f6fa; stroke: #8894a8 } .state path { fill: #fff4e2; stroke: #c98a2b } .external rect { fill: #f3eefc; stroke: #8a63d2; stroke-dasharray: 5 3 }
.line { fill: none; stroke-width: 1.6 } .label { font-size: 11px; paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round }
.next { stroke: #2f6fde } .branch { stroke: #2f6fde; stroke-dasharray: 6 4 } .error { stroke: #cf3c4f; stroke-dasharray: 6 4 }
.call { stroke: #7c4dff } .send { stroke: #7c4dff; stroke-dasharray: 2 4 } .reads, .writes, .both, .uses { stroke: #c07a17 }
.tip-next, .tip-branch { fill: #2f6fde } .tip-error { fill: #cf3c4f } .tip-call, .tip-send { fill: #7c4dff } .tip-writes { fill: #c07a17 }
.added rect, .added path, .removed rect, .removed path, .changed rect, .changed path { stroke-width: 2.4 }
.added rect, .added path { stroke: #1a7f37; fill: #e3f8e8 } .removed rect, .removed path { stroke: #cf222e; fill: #ffecea; stroke-dasharray: 5 3 } .changed rect, .changed path { stroke: #b58100; fill: #fff8d6 }
.removed .name { text-decoration: line-through } .line.added { stroke: #1a7f37; stroke-width: 2.4 } .line.removed { stroke: #cf222e; stroke-width: 2.4 }
@media (prefers-color-scheme: dark) {
text { fill: #e7eaf0 } .page { fill: #12151c; stroke: #2b3240 } .detail { fill: #9aa4b5 } .label { stroke: #12151c }
.function rect { fill: #1c212c; stroke: #59647a } .state path { fill: #2c2312; stroke: #b9852f } .external rect { fill: #221b33; stroke: #9a7be0 }
.next, .branch { stroke: #6ea0f7 } .error { stroke: #f0707f } .call, .send { stroke: #ad8dff } .reads, .writes, .both, .uses { stroke: #dfa24a }
.tip-next, .tip-branch { fill: #6ea0f7 } .tip-error { fill: #f0707f } .tip-call, .tip-send { fill: #ad8dff } .tip-writes { fill: #dfa24a }
.added rect, .added path { stroke: #4ac26b; fill: #10281a } .removed rect, .removed path { stroke: #ff7b72; fill: #2f1518 } .changed rect, .changed path { stroke: #d4a72c; fill: #2b2410 }
.line.added { stroke: #4ac26b } .line.removed { stroke: #ff7b72 }
}
";

/// Draws it.
pub(super) fn svg(picture: &Picture, title: &str) -> String {
    let sizes: Vec<Size> = picture.nodes.iter().map(size).collect();
    let links: Vec<Link> = picture
        .edges
        .iter()
        .map(|edge| Link {
            from: edge.from,
            to: edge.to,
            label: width(&edge.label, LETTERS[2]),
        })
        .collect();
    let laid = layout(&sizes, &links);
    let legend = legend(picture);
    let total = laid.width.max(legend.1) + 2.0 * MARGIN;
    let height = laid.height + LEGEND + 2.0 * MARGIN;
    let mut document = Document::new()
        .set("viewBox", format!("0 0 {} {}", round(total), round(height)))
        .set("width", round(total))
        .set("height", round(height))
        .set("role", "img")
        .add(Title::new(title))
        .add(Style::new(STYLE))
        .add(tips())
        .add(
            Rectangle::new()
                .set("class", "page")
                .set("x", 0.5)
                .set("y", 0.5)
                .set("width", round(total - 1.0))
                .set("height", round(height - 1.0))
                .set("rx", 10),
        );
    let inside = format!("translate({} {})", MARGIN, MARGIN);
    let mut all = Group::new().set("transform", inside);
    for (edge, way) in picture.edges.iter().zip(&laid.ways) {
        all = all.add(line(edge, way, &laid));
    }
    for ((node, size), corner) in picture.nodes.iter().zip(&sizes).zip(&laid.corners) {
        all = all.add(boxed(node, *size, *corner));
    }
    for (edge, way) in picture.edges.iter().zip(&laid.ways) {
        if !edge.label.is_empty() {
            let (x, y) = middle(way, laid.corners[edge.from], sizes[edge.from]);
            let label = Text::new(edge.label.clone())
                .set("class", "label")
                .set("text-anchor", "middle")
                .set("x", round(x))
                .set("y", round(y + 4.0));
            all = all.add(label);
        }
    }
    document = document.add(all);
    let at = format!(
        "translate({} {})",
        MARGIN,
        round(laid.height + MARGIN + LEGEND)
    );
    document = document.add(legend.0.set("transform", at));
    format!("{document}\n")
}

fn width(text: &str, letter: f64) -> f64 {
    text.chars().count() as f64 * letter
}

fn size(node: &Node) -> Size {
    let wanted = width(&node.name, LETTERS[0]).max(width(&node.detail, LETTERS[1])) + 28.0;
    Size {
        width: wanted.clamp(90.0, WIDEST.max(width(&node.name, LETTERS[0]) + 28.0)),
        height: HEIGHT,
    }
}

fn boxed(node: &Node, size: Size, (x, y): (f64, f64)) -> Group {
    let kind = match node.kind {
        NodeKind::Function => "function",
        NodeKind::State => "state",
        NodeKind::External => "external",
    };
    let class = match node.mark {
        Mark::Same => kind.to_owned(),
        mark => format!("{kind} {}", mark.name()),
    };
    let group = Group::new()
        .set("class", class)
        .add(Title::new(format!("{} {}", node.name, node.detail)));
    let group = match node.kind {
        NodeKind::State => group.add(drum(size, x, y)),
        _ => group.add(
            Rectangle::new()
                .set("x", round(x))
                .set("y", round(y))
                .set("width", round(size.width))
                .set("height", round(size.height))
                .set(
                    "rx",
                    if node.kind == NodeKind::External {
                        16
                    } else {
                        6
                    },
                ),
        ),
    };
    let lower = if node.kind == NodeKind::State {
        4.0
    } else {
        0.0
    };
    let room = ((size.width - 20.0) / LETTERS[1]) as usize;
    let text = |words: String, class: &str, down: f64| {
        Text::new(words)
            .set("class", class)
            .set("text-anchor", "middle")
            .set("x", round(x + size.width / 2.0))
            .set("y", round(y + down + lower))
    };
    group.add(text(node.name.clone(), "name", 21.0)).add(text(
        cut(&node.detail, room),
        "detail",
        38.0,
    ))
}

/// A drum, as stores are drawn.
fn drum(Size { width, height }: Size, x: f64, y: f64) -> Path {
    let (rx, right, bottom) = (
        round(width / 2.0),
        round(x + width),
        round(y + height - LID),
    );
    let (x, top) = (round(x), round(y + LID));
    Path::new().set(
        "d",
        format!(
            "M{x} {top} A{rx} {LID} 0 0 1 {right} {top} V{bottom} A{rx} {LID} 0 0 1 {x} {bottom} Z \
             M{x} {top} A{rx} {LID} 0 0 0 {right} {top}"
        ),
    )
}

fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars()
        .take(room.saturating_sub(1))
        .chain(['…'])
        .collect()
}

fn class(stroke: Stroke) -> &'static str {
    match stroke {
        Stroke::Next => "next",
        Stroke::Branch => "branch",
        Stroke::Error => "error",
        Stroke::Call => "call",
        Stroke::Send => "send",
        Stroke::Reads => "reads",
        Stroke::Writes => "writes",
        Stroke::Both => "both",
        Stroke::Uses => "uses",
    }
}

/// Which ends have tips, and of which kind.
fn ends(stroke: Stroke) -> (Option<&'static str>, Option<&'static str>) {
    let own = Some(class(stroke));
    match stroke {
        Stroke::Reads => (Some("writes"), None),
        Stroke::Writes => (None, Some("writes")),
        Stroke::Both => (Some("writes"), Some("writes")),
        Stroke::Uses => (None, None),
        _ => (None, own),
    }
}

fn tips() -> Definitions {
    let tip = |name: &str| {
        Marker::new()
            .set("id", format!("tip-{name}"))
            .set("viewBox", "0 0 8 8")
            .set("refX", 7)
            .set("refY", 4)
            .set("markerWidth", 6)
            .set("markerHeight", 6)
            .set("orient", "auto-start-reverse")
            .add(
                Path::new()
                    .set("class", format!("tip-{name}"))
                    .set("d", "M0 0 L8 4 L0 8 Z"),
            )
    };
    let names = ["next", "branch", "error", "call", "send", "writes"];
    names
        .into_iter()
        .fold(Definitions::new(), |all, name| all.add(tip(name)))
}

fn tipped(path: Path, stroke: Stroke) -> Path {
    let (start, end) = ends(stroke);
    let path = match start {
        Some(name) => path.set("marker-start", format!("url(#tip-{name})")),
        None => path,
    };
    match end {
        Some(name) => path.set("marker-end", format!("url(#tip-{name})")),
        None => path,
    }
}

fn line(edge: &Line, way: &[(f64, f64)], laid: &Layout) -> Path {
    let d = match way {
        [] => {
            // From a box to itself: over its upper edge.
            let (x, y) = laid.corners[edge.from];
            let (a, b, y) = (round(x + 20.0), round(x + 50.0), round(y));
            format!("M{a} {y} C{a} {0} {b} {0} {b} {y}", round(y - 20.0))
        }
        [first, rest @ ..] => {
            let mut d = format!("M{} {}", round(first.0), round(first.1));
            let mut at = *first;
            for to in rest {
                let half = (to.0 - at.0) / 2.0;
                d += &format!(
                    " C{} {} {} {} {} {}",
                    round(at.0 + half),
                    round(at.1),
                    round(to.0 - half),
                    round(to.1),
                    round(to.0),
                    round(to.1)
                );
                at = *to;
            }
            d
        }
    };
    let class = match edge.mark {
        Mark::Same => format!("line {}", class(edge.stroke)),
        mark => format!("line {} {}", class(edge.stroke), mark.name()),
    };
    tipped(Path::new().set("class", class).set("d", d), edge.stroke)
}

/// Where an edge is written on: the middle of its first way between columns.
fn middle(way: &[(f64, f64)], corner: (f64, f64), size: Size) -> (f64, f64) {
    match way {
        [_, a, b, ..] => (f64::midpoint(a.0, b.0), f64::midpoint(a.1, b.1)),
        _ => (corner.0 + size.width / 2.0, corner.1 - 18.0),
    }
}

/// What the lines mean that are there, and how wide that is.
fn legend(picture: &Picture) -> (Group, f64) {
    let mut group = Group::new();
    let mut x = 0.0;
    for stroke in Stroke::ALL {
        if !picture.edges.iter().any(|edge| edge.stroke == stroke) {
            continue;
        }
        let words = match stroke {
            Stroke::Next => "result goes to",
            Stroke::Branch => "choice, join",
            Stroke::Error => "failure goes to",
            Stroke::Call => "awaited call",
            Stroke::Send => "one-way call",
            Stroke::Reads => "reads",
            Stroke::Writes => "writes",
            Stroke::Both => "reads and writes",
            Stroke::Uses => "uses",
        };
        let sample = Path::new()
            .set("class", format!("line {}", class(stroke)))
            .set("d", format!("M{} -4 H{}", round(x + 4.0), round(x + 34.0)));
        let text = Text::new(words)
            .set("class", "detail")
            .set("x", round(x + 42.0))
            .set("y", 0);
        group = group.add(tipped(sample, stroke)).add(text);
        x += 42.0 + width(words, LETTERS[1]) + 18.0;
    }
    for mark in [Mark::Added, Mark::Removed, Mark::Changed] {
        let nodes = picture.nodes.iter().map(|node| node.mark);
        let mut marks = nodes.chain(picture.edges.iter().map(|edge| edge.mark));
        if !marks.any(|other| other == mark) {
            continue;
        }
        let sample = Rectangle::new()
            .set("x", round(x + 4.0))
            .set("y", -12)
            .set("width", 16)
            .set("height", 14)
            .set("rx", 3);
        let text = Text::new(mark.name())
            .set("class", "detail")
            .set("x", round(x + 26.0))
            .set("y", 0);
        let sample = Group::new()
            .set("class", format!("function {}", mark.name()))
            .add(sample);
        group = group.add(sample).add(text);
        x += 26.0 + width(mark.name(), LETTERS[1]) + 18.0;
    }
    (group, x)
}

/// To a tenth of a pixel.
fn round(v: f64) -> f64 {
    (v * 10.0).round() / 10.0
}
