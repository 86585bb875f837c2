//! A picture of the time, drawn by hand: seven segments for each digit, written as a Windows bitmap
//! (BMP), the simplest of the formats that every browser knows.

use std::time::{SystemTime, UNIX_EPOCH};

/// Pixels. A row of a bitmap has a multiple of 4 bytes, so the width is a multiple of 32.
const WIDTH: usize = 256;
const HEIGHT: usize = 64;
const ROW: usize = WIDTH / 8;

/// Where the pixels start: behind two headers and a palette of two colours.
const PIXELS: usize = 14 + 40 + 2 * 4;

/// Blue, green, red, nothing: the ground and the ink.
const PALETTE: [[u8; 4]; 2] = [[0x1d, 0x18, 0x15, 0], [0x62, 0xb5, 0xf3, 0]];

/// The segments of each digit: top, upper right, lower right, bottom, lower left, upper left,
/// middle.
const DIGITS: [u8; 10] = [
    0b111_1110, 0b011_0000, 0b110_1101, 0b111_1001, 0b011_0011, 0b101_1011, 0b101_1111, 0b111_0000,
    0b111_1111, 0b111_1011,
];

/// Left, top, width and height of each segment, in pixels from the digit's corner.
const SEGMENTS: [[usize; 4]; 7] = [
    [4, 0, 14, 4],
    [18, 4, 4, 16],
    [18, 24, 4, 16],
    [4, 40, 14, 4],
    [0, 24, 4, 16],
    [0, 4, 4, 16],
    [4, 20, 14, 4],
];

/// The time of day at the server, in UTC.
pub fn now() -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    picture(now.as_secs() % 86_400)
}

/// The time as `HH:MM:SS`, this many seconds after midnight.
fn picture(seconds: u64) -> Vec<u8> {
    let mut picture = frame();
    let mut left = 18;
    for (place, number) in
        [seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60].into_iter().enumerate()
    {
        if place > 0 {
            fill(&mut picture, [left, 22, 4, 4]); // a colon
            fill(&mut picture, [left, 38, 4, 4]);
            left += 14;
        }
        for digit in [number / 10, number % 10] {
            for (segment, [x, y, width, height]) in SEGMENTS.into_iter().enumerate() {
                if DIGITS[digit as usize] & (0b100_0000 >> segment) != 0 {
                    fill(&mut picture, [left + x, 10 + y, width, height]);
                }
            }
            left += 34;
        }
    }
    picture
}

/// Headers, palette, and an empty ground.
fn frame() -> Vec<u8> {
    let size = PIXELS + ROW * HEIGHT;
    let mut file = b"BM".to_vec();
    for number in [size as u32, 0, PIXELS as u32, 40, WIDTH as u32, HEIGHT as u32] {
        file.extend(number.to_le_bytes());
    }
    file.extend(1u16.to_le_bytes()); // one plane
    file.extend(1u16.to_le_bytes()); // of one bit a pixel
    for number in [0, (ROW * HEIGHT) as u32, 2_835, 2_835, 2, 2] {
        file.extend(number.to_le_bytes()); // not compressed, 72 dots an inch, two colours
    }
    file.extend(PALETTE.as_flattened());
    file.resize(size, 0);
    file
}

/// Fills a rectangle with ink. The rows of a bitmap go from the bottom up.
fn fill(picture: &mut [u8], [left, top, width, height]: [usize; 4]) {
    for y in top..top + height {
        for x in left..left + width {
            picture[PIXELS + (HEIGHT - 1 - y) * ROW + x / 8] |= 0b1000_0000 >> (x % 8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The picture as text, one character for each cell of 4 by 4 pixels around a digit.
    fn shape(picture: &[u8], left: usize) -> String {
        let ink = |x: usize, y: usize| {
            picture[PIXELS + (HEIGHT - 1 - y) * ROW + x / 8] & (0b1000_0000 >> (x % 8)) != 0
        };
        let row = |y: usize| {
            [1, 10, 20]
                .map(|x| if ink(left + x, 10 + y) { '#' } else { '.' })
                .iter()
                .collect::<String>()
        };
        [1, 12, 21, 30, 42].map(row).join("/")
    }

    #[test]
    fn the_file_is_as_long_as_its_headers_say() {
        let picture = picture(0);
        assert_eq!(&picture[..2], b"BM");
        assert_eq!(picture[2..6], (picture.len() as u32).to_le_bytes());
        assert_eq!(picture.len(), 62 + 32 * 64);
    }

    #[test]
    fn digits_look_like_digits() {
        let picture = picture(12 * 3_600 + 34 * 60 + 56);
        assert_eq!(shape(&picture, 18), ".../..#/.../..#/...", "1");
        assert_eq!(shape(&picture, 52), ".#./..#/.#./#../.#.", "2");
        assert_eq!(shape(&picture, 134), ".../#.#/.#./..#/...", "4, behind the colon");
    }

    #[test]
    fn every_second_of_the_day_fits_the_picture() {
        for seconds in (0..90_000).step_by(61) {
            assert_eq!(picture(seconds).len(), 62 + 32 * 64);
        }
    }
}
