//! The frame of COPY's binary format around its rows.

/// What each COPY begins with: signature, flags, length of the extension.
const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

/// What follows the header, in the first message of a COPY.
#[inline]
pub(crate) fn after_copy_header(body: &[u8]) -> Option<&[u8]> {
    let rest = body.strip_prefix(SIGNATURE)?;
    let (_flags, rest) = rest.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    rest.get(u32::from_be_bytes(*length) as usize..)
}

/// Whether it is what stands after the last row.
#[inline]
pub(crate) fn is_copy_trailer(row: &[u8]) -> bool {
    row == [0xFF, 0xFF]
}
