//! The equation of P-224.

use num_bigint::BigUint;

/// The prime of the field and the coefficient b (SEC 2 section 2.5.2 as hexadecimal digits).
const PRIME: &[u8] = b"ffffffffffffffffffffffffffffffff000000000000000000000001";
const B: &[u8] = b"b4050a850c04b3abf54132565044b0b7d7bfd8ba270b39432355ffb4";

/// Whether the coordinates after the first octet satisfy y^2 = x^3 - 3x + b.
pub(super) fn holds(point: &[u8]) -> bool {
    let constant = |digits| BigUint::parse_bytes(digits, 16).unwrap_or_default();
    let (prime, b) = (constant(PRIME), constant(B));
    let (x, y) = point[1..].split_at((point.len() - 1) / 2);
    let (x, y) = (BigUint::from_bytes_be(x), BigUint::from_bytes_be(y));
    // Minus 3x is plus (p - 3)x.
    x < prime && y < prime && (&y * &y) % &prime == (&x * &x * &x + (&prime - 3u32) * &x + b) % &prime
}

#[cfg(test)]
mod tests {
    #[test]
    fn generator_is_on_the_curve_and_its_neighbours_are_not() {
        let x = b"b70e0cbd6bb4bf7f321390b94a03c1d356c21122343280d6115c1d21";
        let y = b"bd376388b5f723fb4c22dfe6cd4375a05a07476444d5819985007e34";
        let hex = |digits: &[u8]| super::BigUint::parse_bytes(digits, 16).unwrap().to_bytes_be();
        let point = [&[4][..], &hex(x), &hex(y)].concat();
        assert!(super::holds(&point));
        for at in [28, 56] {
            let mut other = point.clone();
            other[at] ^= 1;
            assert!(!super::holds(&other), "{at}");
        }
        let mut beyond = point;
        beyond[1..29].fill(0xff);
        assert!(!super::holds(&beyond), "x is not below the prime");
    }
}
