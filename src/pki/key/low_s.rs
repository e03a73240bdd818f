//! Low S: Fabric refuses every ECDSA signature with S above half the group order (fabric-lib-go `bccsp/sw/ecdsa.go`).

use super::KeyAlgorithm;

/// Group order of P-256 (FIPS 186-4, D.1.2.3), big-endian.
const ORDER_P256: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// Group order of P-384 (FIPS 186-4, D.1.2.4), big-endian.
const ORDER_P384: [u8; 48] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0,
    0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
];

const fn order(algorithm: KeyAlgorithm) -> &'static [u8] {
    match algorithm {
        KeyAlgorithm::P256 => &ORDER_P256,
        KeyAlgorithm::P384 => &ORDER_P384,
    }
}

/// Whether `s` (big-endian, as long as the field) is at most half the group order.
pub fn is_low_s(algorithm: KeyAlgorithm, s: &[u8]) -> bool {
    // s <= n/2  <=>  s <= n - s, since n is odd.
    let negated = subtract(order(algorithm), s);
    s <= negated.as_slice()
}

/// Returns `s` if it is low, else `n - s`; both are valid for the same message. `s` is below `n` and as long as the
/// field.
pub(super) fn to_low_s(algorithm: KeyAlgorithm, s: &[u8]) -> Vec<u8> {
    if is_low_s(algorithm, s) { s.to_vec() } else { subtract(order(algorithm), s) }
}

/// `a - b` for big-endian numbers of equal length with `a >= b`.
fn subtract(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut out = vec![0u8; a.len()];
    let mut borrow = 0u8;
    for i in (0..a.len()).rev() {
        let (d, b1) = a[i].overflowing_sub(b[i]);
        let (d, b2) = d.overflowing_sub(borrow);
        out[i] = d;
        borrow = u8::from(b1 || b2);
    }
    out
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    fn below_order(algorithm: KeyAlgorithm, bytes: &[u8]) -> Vec<u8> {
        let n = BigUint::from_bytes_be(order(algorithm));
        let s = BigUint::from_bytes_be(bytes) % &n;
        let raw = s.to_bytes_be();
        let mut out = vec![0u8; order(algorithm).len()];
        let at = out.len() - raw.len();
        out[at..].copy_from_slice(&raw);
        out
    }

    proptest! {
        #[test]
        fn low_s_is_the_smaller_of_s_and_n_minus_s(bytes in proptest::collection::vec(any::<u8>(), 48), p384: bool) {
            let algorithm = if p384 { KeyAlgorithm::P384 } else { KeyAlgorithm::P256 };
            let s = below_order(algorithm, &bytes);
            let n = BigUint::from_bytes_be(order(algorithm));
            let v = BigUint::from_bytes_be(&s);
            let expected = std::cmp::min(v.clone(), &n - &v);
            let got = to_low_s(algorithm, &s);
            prop_assert_eq!(BigUint::from_bytes_be(&got), expected);
            prop_assert!(is_low_s(algorithm, &got));
            prop_assert_eq!(to_low_s(algorithm, &got), got);
        }
    }

    #[test]
    fn half_the_order_is_low_and_the_next_is_high() {
        let n = BigUint::from_bytes_be(&ORDER_P256);
        let half = (&n >> 1u32).to_bytes_be();
        let next = ((&n >> 1u32) + 1u32).to_bytes_be();
        assert!(is_low_s(KeyAlgorithm::P256, &half));
        assert!(!is_low_s(KeyAlgorithm::P256, &next));
    }
}
