//! A photograph with boxes drawn on it.

use crate::demo::Area;
use anyhow::{Context as _, Result};
use image::{Rgb, RgbImage};
use std::path::Path;

/// The boxes' colour, and that of the lines around them: one of the two stands
/// out on any photograph.
const LINE: Rgb<u8> = Rgb([255, 48, 64]);
const HALO: Rgb<u8> = Rgb([255, 255, 255]);
/// How wide the line is, in pixels.
const WIDTH: u32 = 2;

/// Reads `photo`, draws the boxes around what they hold, and writes `png`.
///
/// # Errors
/// The one cannot be read, or the other written.
pub(crate) fn png(photo: &Path, boxes: &[Area], png: &Path) -> Result<()> {
    let read = || format!("cannot read {}", photo.display());
    let mut image = image::open(photo).with_context(read)?.into_rgb8();
    for area in boxes {
        frame(&mut image, area, WIDTH + 1, HALO);
        frame(&mut image, area, WIDTH, LINE);
    }
    image
        .save(png)
        .with_context(|| format!("cannot write {}", png.display()))
}

/// Colours what is outside the box, but not farther than `width`.
fn frame(image: &mut RgbImage, area: &Area, width: u32, colour: Rgb<u8>) {
    let (left, top) = (area.x.saturating_sub(width), area.y.saturating_sub(width));
    let right = (area.x.saturating_add(area.width).saturating_add(width)).min(image.width());
    let bottom = (area.y.saturating_add(area.height).saturating_add(width)).min(image.height());
    for y in top..bottom {
        for x in left..right {
            if !area.holds((x, y)) {
                image.put_pixel(x, y, colour);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_around_the_box_and_within_the_picture() {
        let colour = Rgb([9, 9, 9]);
        for (area, coloured) in [
            // 2×2 in the middle: 6×6 around it less the box.
            (
                Area {
                    x: 4,
                    y: 4,
                    width: 2,
                    height: 2,
                },
                32,
            ),
            // In a corner: 4×4 less the box.
            (
                Area {
                    x: 0,
                    y: 0,
                    width: 2,
                    height: 2,
                },
                12,
            ),
            (
                Area {
                    x: 8,
                    y: 8,
                    width: 2,
                    height: 2,
                },
                12,
            ),
            // The whole picture, and what is outside of it.
            (
                Area {
                    x: 0,
                    y: 0,
                    width: 10,
                    height: 10,
                },
                0,
            ),
            (
                Area {
                    x: 40,
                    y: 40,
                    width: u32::MAX,
                    height: 1,
                },
                0,
            ),
        ] {
            let mut image = RgbImage::new(10, 10);
            frame(&mut image, &area, 2, colour);
            assert_eq!(
                image.pixels().filter(|p| **p == colour).count(),
                coloured,
                "{area:?}"
            );
        }
    }
}
