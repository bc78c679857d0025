//! Where the parts of a graph are drawn: in columns from left to right, so that
//! most edges lead to the right and few cross. Equal graphs are laid out alike.

use std::collections::BTreeSet;

/// A box to be placed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) width: f64,
    pub(super) height: f64,
}

/// An edge to be drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) from: usize,
    pub(super) to: usize,
    /// How wide what is written on it is.
    pub(super) label: f64,
}

/// A laid out graph. Lengths are in pixels.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The left upper corners of the boxes.
    pub(super) corners: Vec<(f64, f64)>,
    /// By edge: the points that it goes through, from its start to its end. An edge of a
    /// box to itself has none.
    pub(super) ways: Vec<Vec<(f64, f64)>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Between boxes of a column.
const ROW_GAP: f64 = 22.0;
/// Between columns, at least.
const COLUMN_GAP: f64 = 70.0;
/// Around what is written on an edge.
const LABEL_ROOM: f64 = 36.0;
/// The height that an edge takes where it passes through a column.
const PASSING: f64 = 6.0;
/// How often order and places are improved.
const ROUNDS: usize = 24;

/// Lays out boxes and edges.
pub(super) fn layout(sizes: &[Size], links: &[Link]) -> Layout {
    let mut columns = Columns::new(sizes, links);
    columns.order();
    columns.place(sizes, links)
}

/// Boxes in columns; an edge over several has a box of its own in each between.
struct Columns {
    /// By number: column, height, and which box it is, unless it is part of an edge.
    cells: Vec<Cell>,
    /// By edge: the cells that it goes through, from left to right; and whether it leads
    /// to the left.
    ways: Vec<(Vec<usize>, bool)>,
    /// By column: its cells from top to bottom.
    columns: Vec<Vec<usize>>,
}

struct Cell {
    column: usize,
    height: f64,
    left: Vec<usize>,
    right: Vec<usize>,
}

impl Columns {
    fn new(sizes: &[Size], links: &[Link]) -> Self {
        let back = against(sizes.len(), links);
        let column = ranks(sizes.len(), links, &back);
        let mut cells: Vec<Cell> = sizes
            .iter()
            .zip(&column)
            .map(|(size, column)| Cell {
                column: *column,
                height: size.height,
                left: Vec::new(),
                right: Vec::new(),
            })
            .collect();
        let mut ways = Vec::new();
        for (number, link) in links.iter().enumerate() {
            let turned = back.contains(&number);
            let (from, to) = if turned {
                (link.to, link.from)
            } else {
                (link.from, link.to)
            };
            if from == to {
                ways.push((Vec::new(), false));
                continue;
            }
            let mut way = vec![from];
            for between in column[from] + 1..column[to] {
                way.push(cells.len());
                cells.push(Cell {
                    column: between,
                    height: PASSING,
                    left: Vec::new(),
                    right: Vec::new(),
                });
            }
            way.push(to);
            for pair in way.windows(2) {
                cells[pair[0]].right.push(pair[1]);
                cells[pair[1]].left.push(pair[0]);
            }
            ways.push((way, turned));
        }
        let count = cells.iter().map(|cell| cell.column + 1).max().unwrap_or(0);
        let mut columns = vec![Vec::new(); count];
        for (number, cell) in cells.iter().enumerate() {
            columns[cell.column].push(number);
        }
        Self {
            cells,
            ways,
            columns,
        }
    }

    /// Puts each column into an order in which few edges cross.
    fn order(&mut self) {
        let mut best = self.columns.clone();
        let mut fewest = self.crossings();
        for round in 0..ROUNDS {
            let rightwards = round % 2 == 0;
            let count = self.columns.len();
            for step in 1..count {
                let column = if rightwards { step } else { count - 1 - step };
                let near = if rightwards { column - 1 } else { column + 1 };
                let place = self.places(near);
                let mut keyed: Vec<(f64, usize)> = self.columns[column]
                    .iter()
                    .enumerate()
                    .map(|(own, cell)| {
                        let cell = &self.cells[*cell];
                        let near = if rightwards { &cell.left } else { &cell.right };
                        let places: Vec<f64> = near.iter().map(|c| place[*c] as f64).collect();
                        (middle(places).unwrap_or(own as f64), own)
                    })
                    .collect();
                keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                let old = self.columns[column].clone();
                self.columns[column] = keyed.into_iter().map(|(_, own)| old[own]).collect();
            }
            let crossings = self.crossings();
            if crossings < fewest {
                fewest = crossings;
                best.clone_from(&self.columns);
            }
        }
        self.columns = best;
    }

    /// By cell, its place in its column; of others, nothing that counts.
    fn places(&self, column: usize) -> Vec<usize> {
        let mut place = vec![0; self.cells.len()];
        for (at, cell) in self.columns[column].iter().enumerate() {
            place[*cell] = at;
        }
        place
    }

    fn crossings(&self) -> usize {
        let mut count = 0;
        for (at, column) in self.columns.iter().enumerate() {
            if at + 1 == self.columns.len() {
                break;
            }
            let place = self.places(at + 1);
            let mut ends: Vec<usize> = Vec::new();
            for cell in column {
                let mut right: Vec<usize> =
                    self.cells[*cell].right.iter().map(|c| place[*c]).collect();
                right.sort_unstable();
                count += right
                    .iter()
                    .map(|end| ends.iter().filter(|other| *other > end).count())
                    .sum::<usize>();
                ends.extend(right);
            }
        }
        count
    }

    fn place(&self, sizes: &[Size], links: &[Link]) -> Layout {
        let middles = self.middles();
        // Columns as wide as their widest box, apart as what is written between needs.
        let count = self.columns.len();
        let mut widths = vec![0.0_f64; count];
        for (cell, size) in self.cells.iter().zip(sizes) {
            widths[cell.column] = widths[cell.column].max(size.width);
        }
        let mut gaps = vec![COLUMN_GAP; count];
        for ((way, _), link) in self.ways.iter().zip(links) {
            if let Some(first) = way.first() {
                let gap = &mut gaps[self.cells[*first].column];
                *gap = gap.max(link.label + LABEL_ROOM);
            }
        }
        let mut lefts = Vec::with_capacity(count);
        let mut x = 0.0;
        for (width, gap) in widths.iter().zip(&gaps) {
            lefts.push(x);
            x += width + gap;
        }
        let top = |cell: usize| middles[cell] - self.cells[cell].height / 2.0;
        let highest = (0..self.cells.len()).map(top).fold(f64::INFINITY, f64::min);
        let highest = if highest.is_finite() { highest } else { 0.0 };
        let corners: Vec<(f64, f64)> = (0..sizes.len())
            .map(|cell| {
                let column = self.cells[cell].column;
                let slack = widths[column] - sizes[cell].width;
                (lefts[column] + slack / 2.0, top(cell) - highest)
            })
            .collect();
        let ports = self.ports(&middles);
        let mut ways = Vec::new();
        for (number, (way, turned)) in self.ways.iter().enumerate() {
            let mut points = Vec::new();
            for (at, cell) in way.iter().enumerate() {
                let column = self.cells[*cell].column;
                let y = middles[*cell] - highest;
                if at == 0 {
                    let right = corners[*cell].0 + sizes[*cell].width;
                    points.push((right, y + ports[number].0));
                    // Out of the column straight.
                    points.push((lefts[column] + widths[column], y + ports[number].0));
                } else if at + 1 == way.len() {
                    points.push((lefts[column], y + ports[number].1));
                    points.push((corners[*cell].0, y + ports[number].1));
                } else {
                    points.push((lefts[column], y));
                    points.push((lefts[column] + widths[column], y));
                }
            }
            if *turned {
                points.reverse();
            }
            ways.push(points);
        }
        let bottom = |cell: usize| middles[cell] + self.cells[cell].height / 2.0 - highest;
        Layout {
            corners,
            ways,
            width: x - gaps.last().copied().unwrap_or(0.0),
            height: (0..self.cells.len()).map(bottom).fold(0.0, f64::max),
        }
    }

    /// By cell, where its middle is: near those of what it is joined to.
    fn middles(&self) -> Vec<f64> {
        let mut middles = vec![0.0; self.cells.len()];
        for column in &self.columns {
            let wanted: Vec<f64> = column.iter().map(|_| 0.0).collect();
            self.settle(column, &wanted, &mut middles);
        }
        for round in 0..ROUNDS {
            let rightwards = round % 2 == 0;
            let count = self.columns.len();
            for step in 0..count {
                let at = if rightwards { step } else { count - 1 - step };
                let column = &self.columns[at];
                let wanted: Vec<f64> = column
                    .iter()
                    .map(|cell| {
                        let of = &self.cells[*cell];
                        let near = of.left.iter().chain(&of.right);
                        let near: Vec<f64> = near.map(|c| middles[*c]).collect();
                        middle(near).unwrap_or(middles[*cell])
                    })
                    .collect();
                self.settle(column, &wanted, &mut middles);
            }
        }
        middles
    }

    /// Places a column as near to what is wanted as its order and gaps let it: those
    /// that would overlap move together, to the mean of what they want.
    fn settle(&self, column: &[usize], wanted: &[f64], middles: &mut [f64]) {
        let mut offsets = Vec::with_capacity(column.len());
        let mut offset = 0.0;
        for (at, cell) in column.iter().enumerate() {
            if at > 0 {
                let before = self.cells[column[at - 1]].height;
                offset += (before + self.cells[*cell].height) / 2.0 + ROW_GAP;
            }
            offsets.push(offset);
        }
        let mut blocks: Vec<(f64, usize)> = Vec::new();
        for (wanted, offset) in wanted.iter().zip(&offsets) {
            let mut block = (wanted - offset, 1);
            while let Some(before) = blocks.pop_if(|before| mean(*before) > mean(block)) {
                block = (block.0 + before.0, block.1 + before.1);
            }
            blocks.push(block);
        }
        let mut at = 0;
        for block in blocks {
            for _ in 0..block.1 {
                middles[column[at]] = mean(block) + offsets[at];
                at += 1;
            }
        }
    }

    /// By edge, how far from the middle of its boxes it begins and ends.
    fn ports(&self, middles: &[f64]) -> Vec<(f64, f64)> {
        let mut ports = vec![(0.0, 0.0); self.ways.len()];
        for cell in 0..self.cells.len() {
            let mut leaving = Vec::new();
            let mut coming = Vec::new();
            for (number, (way, _)) in self.ways.iter().enumerate() {
                if way.first() == Some(&cell) {
                    leaving.push((middles[way[1]], number));
                } else if way.last() == Some(&cell) {
                    coming.push((middles[way[way.len() - 2]], number));
                }
            }
            let height = self.cells[cell].height;
            for (of, side) in [(&mut leaving, true), (&mut coming, false)] {
                of.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                let count = of.len() as f64;
                for (at, (_, number)) in of.iter().enumerate() {
                    let share = (at as f64 + 1.0) / (count + 1.0) - 0.5;
                    let port = share * height * 0.8;
                    match side {
                        true => ports[*number].0 = port,
                        false => ports[*number].1 = port,
                    }
                }
            }
        }
        ports
    }
}

fn mean((sum, count): (f64, usize)) -> f64 {
    sum / count as f64
}

/// The mean of the middle two.
fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let count = values.len();
    (count > 0).then(|| f64::midpoint(values[(count - 1) / 2], values[count / 2]))
}

/// The edges that lead back, without which nothing goes round in a circle.
fn against(count: usize, links: &[Link]) -> BTreeSet<usize> {
    let mut leaving = vec![Vec::new(); count];
    for (number, link) in links.iter().enumerate() {
        leaving[link.from].push((number, link.to));
    }
    let mut back = BTreeSet::new();
    // 0: not seen, 1: on the way, 2: done.
    let mut seen = vec![0_u8; count];
    for start in 0..count {
        let mut stack = vec![(start, 0)];
        while let Some((node, next)) = stack.pop() {
            if next == 0 {
                if seen[node] != 0 {
                    continue;
                }
                seen[node] = 1;
            }
            match leaving[node].get(next) {
                None => seen[node] = 2,
                Some((number, to)) => {
                    stack.push((node, next + 1));
                    match seen[*to] {
                        0 => stack.push((*to, 0)),
                        1 => drop(back.insert(*number)),
                        _ => {}
                    }
                }
            }
        }
    }
    back
}

/// By box, its column: right of all that lead to it, and next to what it leads to.
fn ranks(count: usize, links: &[Link], back: &BTreeSet<usize>) -> Vec<usize> {
    let forward: Vec<(usize, usize)> = links
        .iter()
        .enumerate()
        .filter(|(_, link)| link.from != link.to)
        .map(|(number, link)| match back.contains(&number) {
            true => (link.to, link.from),
            false => (link.from, link.to),
        })
        .collect();
    let mut ranks = vec![0; count];
    // At most as often as there are boxes in a row.
    for _ in 0..count {
        let before = ranks.clone();
        for (from, to) in &forward {
            ranks[*to] = ranks[*to].max(ranks[*from] + 1);
        }
        if before == ranks {
            break;
        }
    }
    // What nothing leads to need not stand at the very left.
    for node in 0..count {
        let to = |(from, to): &(usize, usize)| (*from == node).then(|| ranks[*to]);
        let nearest = forward.iter().filter_map(to).min();
        if let Some(nearest) = nearest
            && !forward.iter().any(|(_, to)| *to == node)
        {
            ranks[node] = nearest - 1;
        }
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lays out boxes of one size and edges; the column of each box.
    fn check(count: usize, edges: &[(usize, usize)], wanted: &[usize]) -> Layout {
        let size = Size {
            width: 100.0,
            height: 40.0,
        };
        let links: Vec<Link> = edges
            .iter()
            .map(|(from, to)| Link {
                from: *from,
                to: *to,
                label: 0.0,
            })
            .collect();
        let sizes = vec![size; count];
        let laid = layout(&sizes, &links);
        let columns: Vec<usize> = laid
            .corners
            .iter()
            .map(|(x, _)| (x / (size.width + COLUMN_GAP)).round() as usize)
            .collect();
        assert_eq!(columns, wanted, "{laid:?}");
        for (at, a) in laid.corners.iter().enumerate() {
            for b in &laid.corners[at + 1..] {
                let apart = (a.0 - b.0).abs() >= size.width || (a.1 - b.1).abs() >= size.height;
                assert!(apart, "boxes overlap: {laid:?}");
            }
        }
        for (x, y) in laid.ways.iter().flatten() {
            assert!(
                (0.0..=laid.width).contains(x) && (0.0..=laid.height).contains(y),
                "{laid:?}"
            );
        }
        laid
    }

    #[test]
    fn boxes_stand_apart_and_edges_lead_to_the_right() {
        check(0, &[], &[]);
        check(1, &[(0, 0)], &[0]);
        check(3, &[(0, 1), (1, 2), (0, 2)], &[0, 1, 2]);
        // Round in a circle, and one that nothing leads to beside what it leads to.
        check(4, &[(0, 1), (1, 0), (1, 2), (3, 2)], &[0, 1, 2, 1]);
        // Where they need not, edges do not cross.
        let laid = check(4, &[(0, 3), (1, 2)], &[0, 0, 1, 1]);
        let down = |a: usize, b: usize| laid.corners[a].1 < laid.corners[b].1;
        assert_eq!(down(0, 1), down(3, 2), "{laid:?}");
    }
}
