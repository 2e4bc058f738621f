//! Addresses in binary form, to the text that Postgres prints.

use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::Unreadable;
use super::scalar::hex_byte;

const BAD: Unreadable = Unreadable("it is no network address");

/// Appends an `inet` or `cidr`.
pub(super) fn inet(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Unreadable> {
    let [family, bits, cidr, length, address @ ..] = bytes else { return Err(BAD) };
    if usize::from(*length) != address.len() {
        return Err(BAD);
    }
    // Writing to memory can't fail.
    let full = match (family, address.len()) {
        (2, 4) => {
            let octets: [u8; 4] = super::scalar::fixed(address)?;
            let _ = write!(out, "{}", Ipv4Addr::from(octets));
            32
        }
        (3, 16) => {
            let octets: [u8; 16] = super::scalar::fixed(address)?;
            ipv6(octets, out);
            128
        }
        _ => return Err(BAD),
    };
    if *cidr != 0 || *bits != full {
        let _ = write!(out, "/{bits}");
    }
    Ok(())
}

fn ipv6(octets: [u8; 16], out: &mut Vec<u8>) {
    let address = Ipv6Addr::from(octets);
    let words = address.segments();
    // Postgres prints these with an IPv4 address at the end.
    let compatible = words[..6] == [0; 6] && words[6] != 0;
    let _ = if compatible {
        write!(out, "::{}", Ipv4Addr::new(octets[12], octets[13], octets[14], octets[15]))
    } else {
        write!(out, "{address}")
    };
}

/// Appends a `macaddr` or `macaddr8`.
pub(super) fn mac(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Unreadable> {
    if !matches!(bytes.len(), 6 | 8) {
        return Err(BAD);
    }
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 {
            out.push(b':');
        }
        hex_byte(*byte, out);
    }
    Ok(())
}
