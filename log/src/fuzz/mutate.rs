//! Damage of all kinds that a file or a client may bring.

/// Numbers that lengths and counts go wrong at.
const NUMBERS: [u64; 12] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0xffff_ffff_ffff_ffff,
];
/// Longest input.
const LEN_MAX: usize = 1 << 16;

/// Damages `input` in a few places.
pub(super) fn mutate(rng: &mut fastrand::Rng, samples: &[Vec<u8>], input: &mut Vec<u8>) {
    // Mostly little, so that most of a sample stays what it is.
    for _ in 0..1 << rng.u8(..4) {
        damage(rng, samples, input);
    }
    input.truncate(LEN_MAX);
}

fn damage(rng: &mut fastrand::Rng, samples: &[Vec<u8>], input: &mut Vec<u8>) {
    let len = input.len();
    if len == 0 {
        input.extend(std::iter::repeat_with(|| rng.u8(..)).take(64));
        return;
    }
    // The heads of things are where they can be misunderstood.
    let at = if rng.bool() { rng.usize(..len) } else { rng.usize(..len.min(128)) };
    match rng.u8(..9) {
        0 => input[at] ^= 1 << rng.u8(..8),
        1 => input[at] = rng.u8(..),
        2 | 3 => put_number(rng, input, at),
        4 => {
            let end = at + rng.usize(..=(len - at).min(64));
            drop(input.drain(at..end));
        }
        5 => {
            let end = at + rng.usize(..=(len - at).min(64));
            let again = input[at..end].to_vec();
            drop(input.splice(at..at, again));
        }
        6 => {
            let count = rng.usize(..32);
            let noise: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(count).collect();
            drop(input.splice(at..at, noise));
        }
        7 => input.truncate(at),
        _ => {
            let other = &samples[rng.usize(..samples.len())];
            let from = rng.usize(..=other.len());
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
    }
}

/// Puts a number of 1, 2, 4 or 8 bytes, or a varint, where one may be.
fn put_number(rng: &mut fastrand::Rng, input: &mut [u8], at: usize) {
    let number = match rng.u8(..4) {
        0 => input.len() as u64,
        1 => (input.len() as u64).wrapping_sub(rng.u64(..80)),
        _ => NUMBERS[rng.usize(..NUMBERS.len())],
    };
    let width = 1 << rng.usize(..4);
    let bytes = number.to_be_bytes();
    for (to, byte) in input[at..].iter_mut().zip(&bytes[8 - width..]) {
        *to = *byte;
    }
}
