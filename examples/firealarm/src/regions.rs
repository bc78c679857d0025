//! From pixels to regions with a box around each.

use crate::{flame::Kind, photo::Raster};
use serde::{Deserialize, Serialize};

/// The fewest flame pixels of a region, at working size.
pub const MIN_PIXELS: u32 = 12;
/// The fewest of them that must glow ([`Kind::Core`]).
pub const MIN_CORE: u32 = 3;
/// The most regions that are told of, the largest first.
pub const MAX_REGIONS: usize = 16;

/// A region that looks like fire. Coordinates are pixels of the photograph as
/// sent, from its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// Left edge.
    pub x: u32,
    /// Upper edge.
    pub y: u32,
    /// Width, at least 1.
    pub width: u32,
    /// Height, at least 1.
    pub height: u32,
    /// Its flame pixels, scaled to the photograph as sent.
    pub area: u64,
}

impl Region {
    /// Whether a point lies in the box.
    pub fn contains(&self, x: u32, y: u32) -> bool {
        (self.x..self.x + self.width).contains(&x) && (self.y..self.y + self.height).contains(&y)
    }
}

/// The regions of 8-connected flame pixels that are large enough and glow,
/// largest first; boxes are scaled to a photograph of `size`.
///
/// `kinds` is what [`crate::flame::classify`] says of this raster.
pub fn find(raster: &Raster, size: (u32, u32), kinds: &[Kind]) -> Vec<Region> {
    let mut blobs: Vec<Blob> = label(raster.width(), kinds)
        .into_iter()
        .filter(|b| b.pixels >= MIN_PIXELS && b.core >= MIN_CORE)
        .collect();
    blobs.sort_by_key(|b| (std::cmp::Reverse(b.pixels), b.top, b.left));
    blobs.truncate(MAX_REGIONS);
    blobs
        .iter()
        .map(|b| b.scale((raster.width(), raster.height()), size))
        .collect()
}

/// A connected component, at working size; edges inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Blob {
    left: u32,
    top: u32,
    right: u32,
    bottom: u32,
    pixels: u32,
    core: u32,
}

impl Blob {
    /// To the photograph's coordinates, outwards, so that nothing is cut off.
    fn scale(&self, from: (u32, u32), to: (u32, u32)) -> Region {
        let down = |v: u32, from: u32, to: u32| {
            (u64::from(v) * u64::from(to) / u64::from(from.max(1))) as u32
        };
        let up = |v: u32, from: u32, to: u32| {
            (u64::from(v) * u64::from(to)).div_ceil(u64::from(from.max(1))) as u32
        };
        let (x, y) = (down(self.left, from.0, to.0), down(self.top, from.1, to.1));
        let pixels = u64::from(from.0) * u64::from(from.1);
        Region {
            x,
            y,
            width: up(self.right + 1, from.0, to.0) - x,
            height: up(self.bottom + 1, from.1, to.1) - y,
            area: u64::from(self.pixels) * u64::from(to.0) * u64::from(to.1) / pixels.max(1),
        }
    }
}

/// Labels 8-connected components in one pass over the rows: each flame pixel
/// joins its neighbours to the left and above (union by smaller root, path
/// halving), then a second pass gathers what belongs to each root.
fn label(width: u32, kinds: &[Kind]) -> Vec<Blob> {
    let width = width as usize;
    let mut parent: Vec<usize> = (0..kinds.len()).collect();
    let flame = |i: usize| kinds[i] > Kind::Other;
    for i in (0..kinds.len()).filter(|i| flame(*i)) {
        let x = i % width;
        let left = (x > 0).then(|| i - 1);
        let above = i.checked_sub(width);
        let neighbours = [
            left,
            above,
            above.filter(|_| x > 0).map(|a| a - 1),
            above.filter(|_| x + 1 < width).map(|a| a + 1),
        ];
        for n in neighbours.into_iter().flatten().filter(|n| flame(*n)) {
            let (a, b) = (root(&mut parent, i), root(&mut parent, n));
            parent[a.max(b)] = a.min(b);
        }
    }
    // By root, which is the component's first pixel: in reading order.
    let mut blobs = std::collections::BTreeMap::<usize, Blob>::new();
    for i in (0..kinds.len()).filter(|i| flame(*i)) {
        let (x, y) = ((i % width) as u32, (i / width) as u32);
        let blob = blobs.entry(root(&mut parent, i)).or_insert(Blob {
            left: x,
            top: y,
            right: x,
            bottom: y,
            pixels: 0,
            core: 0,
        });
        blob.left = blob.left.min(x);
        blob.right = blob.right.max(x);
        blob.bottom = blob.bottom.max(y);
        blob.pixels += 1;
        blob.core += u32::from(kinds[i] == Kind::Core);
    }
    blobs.into_values().collect()
}

fn root(parent: &mut [usize], mut i: usize) -> usize {
    while parent[i] != i {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    i
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `.` other, `o` flame, `#` core.
    fn picture(rows: &[&str]) -> (u32, Vec<Kind>) {
        let kinds = rows
            .iter()
            .flat_map(|r| r.bytes())
            .map(|b| match b {
                b'#' => Kind::Core,
                b'o' => Kind::Flame,
                _ => Kind::Other,
            })
            .collect();
        (rows[0].len() as u32, kinds)
    }

    #[test]
    fn pixels_that_touch_even_by_a_corner_are_one_region() {
        // (left, top, right, bottom, pixels, core) of each.
        type Expected = &'static [(u32, u32, u32, u32, u32, u32)];
        let cases: [(&str, &[&str], Expected); 6] = [
            ("nothing", &["...", "..."], &[]),
            (
                "two apart",
                &["o.#", "o.."],
                &[(0, 0, 0, 1, 2, 0), (2, 0, 2, 0, 1, 1)],
            ),
            ("a diagonal", &["o..", ".o.", "..#"], &[(0, 0, 2, 2, 3, 1)]),
            (
                "the other diagonal",
                &["..o", ".o.", "o.."],
                &[(0, 0, 2, 2, 3, 0)],
            ),
            (
                "a cup, joined last",
                &["o.o", "o.o", "ooo"],
                &[(0, 0, 2, 2, 7, 0)],
            ),
            (
                "no wrap at the edge",
                &["..o", "o.."],
                &[(2, 0, 2, 0, 1, 0), (0, 1, 0, 1, 1, 0)],
            ),
        ];
        for (what, rows, expected) in cases {
            let (width, kinds) = picture(rows);
            let blobs: Vec<_> = label(width, &kinds)
                .iter()
                .map(|b| (b.left, b.top, b.right, b.bottom, b.pixels, b.core))
                .collect();
            assert_eq!(blobs, expected, "{what}");
        }
    }

    #[test]
    fn small_and_dull_regions_are_left_out_and_boxes_are_scaled_outwards() {
        let rows = [
            "oooo......oooo",
            "o###......oooo",
            "oooo......oooo",
            "..............",
            "##.......####.",
        ];
        let (width, kinds) = picture(&rows);
        let height = rows.len() as u32;
        let raster = Raster::new(width, height, vec![0; (width * height * 3) as usize]).unwrap();
        let found = find(&raster, (35, 14), &kinds);
        let expected = Region {
            x: 0,
            y: 0,
            width: 10,
            height: 9,
            area: 84,
        };
        assert_eq!(found, [expected]);
        assert!(expected.contains(9, 8) && !expected.contains(10, 8) && !expected.contains(9, 9));
    }

    #[test]
    fn the_largest_are_told_first_and_no_more_than_the_bound() {
        let raster = Raster::new(200, 16, vec![0; 200 * 16 * 3]).unwrap();
        let mut kinds = vec![Kind::Other; 200 * 16];
        for column in 0..20 {
            for row in 0..=(if column == 7 { 15 } else { 14 }) {
                kinds[row * 200 + column * 10] = Kind::Core;
            }
        }
        let found = find(&raster, (200, 16), &kinds);
        assert_eq!(found.len(), MAX_REGIONS);
        assert_eq!((found[0].x, found[0].area), (70, 16));
        assert_eq!((found[1].x, found[1].area), (0, 15));
    }
}
