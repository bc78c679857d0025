//! From what a camera sends to what can be looked at.

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use serde::{Deserialize, Serialize};
use std::{fmt, io::Cursor};

/// The longest side that is decoded, in pixels.
pub const MAX_SIDE: u32 = 8192;
/// The most memory that decoding may take, in bytes: 22 megapixels of RGB.
pub const MAX_DECODED: u64 = 64 << 20;
/// The longest side that is looked at, in pixels. A flame that is no pixel
/// wide at this size is too small to raise an alarm anyhow.
pub const WORKING_SIDE: u32 = 320;

/// What a camera station sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Photo {
    /// Who took it.
    pub station: String,
    /// A whole PNG or JPEG file; base64 in JSON.
    #[serde(with = "crate::bytes")]
    pub image: Vec<u8>,
}

/// What is left of a photograph once it is decoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Features {
    /// Who took it.
    pub station: String,
    /// Width of the photograph as sent, in pixels.
    pub width: u32,
    /// Height of the photograph as sent, in pixels.
    pub height: u32,
    /// The photograph, no side longer than [`WORKING_SIDE`].
    pub raster: Raster,
}

/// Rows of RGB pixels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawRaster")]
pub struct Raster {
    width: u32,
    height: u32,
    #[serde(with = "crate::bytes")]
    rgb: Vec<u8>,
}

/// A raster as it comes in, not yet known to be one.
#[derive(Deserialize)]
struct RawRaster {
    width: u32,
    height: u32,
    #[serde(with = "crate::bytes")]
    rgb: Vec<u8>,
}

impl TryFrom<RawRaster> for Raster {
    type Error = String;

    fn try_from(raw: RawRaster) -> Result<Self, String> {
        Self::new(raw.width, raw.height, raw.rgb)
    }
}

impl Raster {
    /// A raster of `width` × `height` pixels of three bytes each.
    ///
    /// # Errors
    /// `rgb` is of another size, or a side is longer than [`WORKING_SIDE`].
    pub fn new(width: u32, height: u32, rgb: Vec<u8>) -> Result<Self, String> {
        if width.max(height) > WORKING_SIDE {
            return Err(format!(
                "a raster of {width}×{height} pixels; no side may be longer than {WORKING_SIDE}"
            ));
        }
        let expected = width as usize * height as usize * 3;
        if rgb.len() != expected {
            return Err(format!(
                "{} bytes of RGB for {width}×{height} pixels, which take {expected}",
                rgb.len()
            ));
        }
        Ok(Self { width, height, rgb })
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The pixels, row by row.
    pub fn pixels(&self) -> impl ExactSizeIterator<Item = [u8; 3]> + '_ {
        self.rgb.as_chunks::<3>().0.iter().copied()
    }
}

/// Why a photograph cannot be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhotoError {
    /// It is neither PNG nor JPEG.
    Format,
    /// It is larger than [`MAX_SIDE`] or [`MAX_DECODED`] allow.
    TooLarge {
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
    },
    /// It is broken; what the decoder says.
    Broken(String),
}

impl fmt::Display for PhotoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format => f.write_str("the image is neither PNG nor JPEG"),
            Self::TooLarge { width, height } => write!(
                f,
                "the image is too large: {width}×{height} pixels; at most {MAX_SIDE} on a side \
                 and {MAX_DECODED} bytes when decoded are read (`MAX_SIDE`, `MAX_DECODED`)"
            ),
            Self::Broken(why) => write!(f, "the image cannot be decoded: {why}"),
        }
    }
}

impl std::error::Error for PhotoError {}

/// Decodes a photograph and scales it down, its aspect kept.
///
/// # Errors
/// See [`PhotoError`]. The size is checked on the file's header: nothing is
/// allocated for an image that is too large.
pub fn features(photo: Photo) -> Result<Features, PhotoError> {
    let format = image::guess_format(&photo.image).map_err(|_| PhotoError::Format)?;
    if !matches!(format, ImageFormat::Png | ImageFormat::Jpeg) {
        return Err(PhotoError::Format);
    }
    let mut reader = ImageReader::with_format(Cursor::new(&photo.image), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED);
    reader.limits(limits);
    let decoder = reader
        .into_decoder()
        .map_err(|e| refusal(&e, &photo.image, format))?;
    let (width, height) = decoder.dimensions();
    if decoder.total_bytes() > MAX_DECODED {
        return Err(PhotoError::TooLarge { width, height });
    }
    let decoded =
        DynamicImage::from_decoder(decoder).map_err(|e| PhotoError::Broken(e.to_string()))?;
    let (w, h) = working_size(width, height);
    // Scaled before it is converted: no second copy of a large image.
    let small = if (w, h) == (width, height) {
        decoded
    } else {
        decoded.thumbnail_exact(w, h)
    };
    let small = small.into_rgb8();
    let raster = Raster::new(w, h, small.into_raw()).map_err(PhotoError::Broken)?;
    Ok(Features {
        station: photo.station,
        width,
        height,
        raster,
    })
}

/// Tells a file that is too large from one that is broken.
fn refusal(error: &image::ImageError, file: &[u8], format: ImageFormat) -> PhotoError {
    let too_large = matches!(error, image::ImageError::Limits(_));
    let size = ImageReader::with_format(Cursor::new(file), format).into_dimensions();
    match size {
        Ok((width, height)) if too_large => PhotoError::TooLarge { width, height },
        _ => PhotoError::Broken(error.to_string()),
    }
}

/// The size at which a photograph is looked at: never larger than it is, never
/// nothing.
fn working_size(width: u32, height: u32) -> (u32, u32) {
    let longest = width.max(height);
    if longest <= WORKING_SIDE {
        return (width, height);
    }
    let scale = |side: u32| {
        let exact = f64::from(side) * f64::from(WORKING_SIDE) / f64::from(longest);
        (exact.round() as u32).max(1)
    };
    (scale(width), scale(height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut file = Vec::new();
        let pixels = vec![90; width as usize * height as usize];
        PngEncoder::new(&mut file)
            .write_image(&pixels, width, height, ExtendedColorType::L8)
            .unwrap();
        file
    }

    /// An RGB PNG that claims a size in its header and has no pixels.
    fn claims(width: u32, height: u32) -> Vec<u8> {
        let mut file = png(1, 1);
        file[25] = 2;
        file[16..20].copy_from_slice(&width.to_be_bytes());
        file[20..24].copy_from_slice(&height.to_be_bytes());
        let mut crc = !0_u32;
        for byte in &file[12..29] {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
            }
        }
        file[29..33].copy_from_slice(&(!crc).to_be_bytes());
        file
    }

    fn read(image: Vec<u8>) -> Result<Features, PhotoError> {
        features(Photo {
            station: "ridge".into(),
            image,
        })
    }

    #[test]
    fn scales_down_and_keeps_the_aspect() {
        for ((width, height), expected) in [
            ((640, 427), (320, 214)),
            ((427, 640), (214, 320)),
            ((320, 200), (320, 200)),
            ((7, 3), (7, 3)),
            ((4000, 2), (320, 1)),
        ] {
            let features = read(png(width, height)).unwrap();
            assert_eq!((features.width, features.height), (width, height));
            let raster = &features.raster;
            assert_eq!((raster.width(), raster.height()), expected);
            assert!(raster.pixels().all(|p| p == [90; 3]));
            assert_eq!(raster.pixels().len(), (expected.0 * expected.1) as usize);
        }
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        let mut cut = png(64, 64);
        cut.truncate(cut.len() / 2);
        for (image, expected) in [
            (b"".to_vec(), "neither PNG nor JPEG"),
            (
                b"GIF89a\x01\x00\x01\x00\x00\x00\x00".to_vec(),
                "neither PNG nor JPEG",
            ),
            (cut, "cannot be decoded"),
            (b"\xff\xd8\xff\xe0rest".to_vec(), "cannot be decoded"),
            (
                claims(9000, 10),
                "too large: 9000×10 pixels; at most 8192 on a side",
            ),
            (claims(8000, 8000), "too large: 8000×8000 pixels"),
        ] {
            let error = read(image).unwrap_err().to_string();
            assert!(error.contains(expected), "expected {expected}: {error}");
        }
    }

    #[test]
    fn a_raster_of_the_wrong_size_is_refused() {
        for (json, expected) in [
            (
                r#"{"width":2,"height":1,"rgb":"AAAA"}"#,
                "3 bytes of RGB for 2×1 pixels, which take 6",
            ),
            (
                r#"{"width":4294967295,"height":4294967295,"rgb":""}"#,
                "no side may be longer than 320",
            ),
        ] {
            let error = serde_json::from_str::<Raster>(json)
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }
}
