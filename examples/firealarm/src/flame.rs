//! Which pixels may be fire.
//!
//! Two tests, strong and weak, joined by hysteresis as in Canny's edge
//! detector (*A computational approach to edge detection*, IEEE TPAMI 8(6),
//! 1986): a region counts when all its pixels pass the weak test and enough of
//! them pass the strong one.
//!
//! **Weak: [`Kind::Flame`]**, the statistical rules of T. Çelik and H. Demirel,
//! *Fire detection in video sequences using a generic color model*, Fire Safety
//! Journal 44(2), 2009, in YCbCr (ITU-R BT.601, full range):
//!
//! ```text
//! Y > Cb    Cr > Cb    Y > mean(Y)    Cb < mean(Cb)    Cr > mean(Cr)    |Cb − Cr| ≥ τ
//! ```
//!
//! The means are over the whole picture: a flame is brighter, redder and less
//! blue than what surrounds it, by day and by night. τ trades missed flames for
//! false alarms: the paper takes 40, this example [`CHROMA_GAP`], which leaves
//! out what a flame merely lights. (The paper's further bounds in the Cb–Cr
//! plane, polynomials fitted to its pictures, are not used.)
//!
//! **Strong: [`Kind::Core`]**, a flame pixel whose luma is at least
//! [`CORE_LUMA`]. The colour of burning is also that of wood, skin and fur; but
//! those reflect light and a flame gives it, so a camera that exposes for the
//! scene shows the flame's core near saturation. This test and its value are
//! this example's own, not the paper's.
//!
//! By colour and brightness alone a sodium lamp at night is a flame, too: to
//! tell them apart takes several pictures (both flicker and growth are used in
//! the literature). The alarm errs towards ringing.

use crate::photo::Raster;

/// Çelik and Demirel's τ, in steps of 8-bit chroma.
pub const CHROMA_GAP: f32 = 70.0;
/// The luma, of 255, from which a flame pixel belongs to a glowing core. The
/// brightest lit surface of a flame's colour in `images/` reaches 190, the
/// lamps reach 230.
pub const CORE_LUMA: f32 = 210.0;

/// What a pixel may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// No fire.
    Other,
    /// Of a flame's colour.
    Flame,
    /// Of a flame's colour, and glowing.
    Core,
}

/// A colour in YCbCr, each 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct YCbCr {
    /// Luma.
    pub y: f32,
    /// Blue difference, 128 for grey.
    pub cb: f32,
    /// Red difference, 128 for grey.
    pub cr: f32,
}

impl From<[u8; 3]> for YCbCr {
    fn from(rgb: [u8; 3]) -> Self {
        let [r, g, b] = rgb.map(f32::from);
        Self {
            y: 0.299 * r + 0.587 * g + 0.114 * b,
            cb: 128.0 - 0.168_736 * r - 0.331_264 * g + 0.5 * b,
            cr: 128.0 + 0.5 * r - 0.418_688 * g - 0.081_312 * b,
        }
    }
}

/// The kind of every pixel, row by row.
pub fn classify(raster: &Raster) -> Vec<Kind> {
    let mean = mean(raster);
    raster.pixels().map(|p| kind(p.into(), mean)).collect()
}

/// The kind of a pixel in a picture of this mean colour.
pub fn kind(p: YCbCr, mean: YCbCr) -> Kind {
    let flame = p.y > p.cb
        && p.cr > p.cb
        && p.y > mean.y
        && p.cb < mean.cb
        && p.cr > mean.cr
        && (p.cb - p.cr).abs() >= CHROMA_GAP;
    match flame {
        false => Kind::Other,
        true if p.y >= CORE_LUMA => Kind::Core,
        true => Kind::Flame,
    }
}

/// The mean colour of a picture; black for an empty one.
fn mean(raster: &Raster) -> YCbCr {
    // Summed in f64: 100,000 pixels of 255 are past f32's exact range.
    let (mut y, mut cb, mut cr) = (0.0, 0.0, 0.0);
    for p in raster.pixels().map(YCbCr::from) {
        y += f64::from(p.y);
        cb += f64::from(p.cb);
        cr += f64::from(p.cr);
    }
    let n = raster.pixels().len().max(1) as f64;
    YCbCr {
        y: (y / n) as f32,
        cb: (cb / n) as f32,
        cr: (cr / n) as f32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_needed() {
        let dusk = YCbCr {
            y: 60.0,
            cb: 140.0,
            cr: 122.0,
        };
        let flame = YCbCr {
            y: 180.0,
            cb: 80.0,
            cr: 150.0,
        };
        for (what, pixel, expected) in [
            ("flame", flame, Kind::Flame),
            (
                "glowing",
                YCbCr {
                    y: CORE_LUMA,
                    ..flame
                },
                Kind::Core,
            ),
            (
                "darker than its blue",
                YCbCr { y: 79.0, ..flame },
                Kind::Other,
            ),
            ("bluer than red", YCbCr { cr: 40.0, ..flame }, Kind::Other),
            (
                "darker than the scene",
                YCbCr {
                    y: 59.0,
                    cb: 40.0,
                    ..flame
                },
                Kind::Other,
            ),
            (
                "as blue as the scene",
                YCbCr {
                    cb: 141.0,
                    cr: 190.0,
                    ..flame
                },
                Kind::Other,
            ),
            (
                "less red than the scene",
                YCbCr { cr: 121.0, ..flame },
                Kind::Other,
            ),
            ("too grey", YCbCr { cb: 81.0, ..flame }, Kind::Other),
        ] {
            assert_eq!(kind(pixel, dusk), expected, "{what}: {pixel:?}");
        }
    }

    #[test]
    fn greys_have_no_chroma() {
        for v in [0, 1, 127, 128, 255] {
            let c = YCbCr::from([v; 3]);
            assert!((c.y - f32::from(v)).abs() < 0.01, "{c:?}");
            assert!(
                (c.cb - 128.0).abs() < 0.01 && (c.cr - 128.0).abs() < 0.01,
                "{c:?}"
            );
        }
    }

    #[test]
    fn a_plain_picture_has_no_fire_whatever_its_colour() {
        for colour in [[0, 0, 0], [255, 255, 255], [255, 140, 0], [200, 60, 20]] {
            let raster = Raster::new(8, 8, colour.repeat(64)).unwrap();
            assert!(
                classify(&raster).iter().all(|k| *k == Kind::Other),
                "{colour:?}"
            );
        }
        assert!(classify(&Raster::new(0, 0, Vec::new()).unwrap()).is_empty());
    }
}
