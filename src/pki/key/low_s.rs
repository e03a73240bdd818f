//! Low S: Fabric refuses every ECDSA signature with S above half the group order (fabric-lib-go `bccsp/sw/ecdsa.go`).

use p256::elliptic_curve::ScalarValue;
use p256::elliptic_curve::scalar::IsHigh as _;

use super::KeyAlgorithm;

/// Whether `s` (big-endian, as long as the field) is at most half the group order; Ed25519 has no such half.
pub fn is_low_s(algorithm: KeyAlgorithm, s: &[u8]) -> bool {
    match algorithm {
        KeyAlgorithm::P256 => ScalarValue::<p256::NistP256>::from_slice(s).is_ok_and(|s| !bool::from(s.is_high())),
        KeyAlgorithm::P384 => ScalarValue::<p384::NistP384>::from_slice(s).is_ok_and(|s| !bool::from(s.is_high())),
        KeyAlgorithm::Ed25519 => true,
    }
}

/// `s` if it is low, else `n - s`; both sign the same message. `None` when `s` is not below `n` or not as long as the field, and
/// for Ed25519.
pub(super) fn to_low_s(algorithm: KeyAlgorithm, s: &[u8]) -> Option<Vec<u8>> {
    match algorithm {
        KeyAlgorithm::P256 => {
            let s = ScalarValue::<p256::NistP256>::from_slice(s).ok()?;
            Some(if bool::from(s.is_high()) { -s } else { s }.to_bytes().to_vec())
        }
        KeyAlgorithm::P384 => {
            let s = ScalarValue::<p384::NistP384>::from_slice(s).ok()?;
            Some(if bool::from(s.is_high()) { -s } else { s }.to_bytes().to_vec())
        }
        KeyAlgorithm::Ed25519 => None,
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    /// Group order (FIPS 186-4, D.1.2.3 and D.1.2.4).
    fn order(algorithm: KeyAlgorithm) -> BigUint {
        let digits = match algorithm {
            KeyAlgorithm::P256 => "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551".to_owned(),
            KeyAlgorithm::P384 => {
                format!("{}c7634d81f4372ddf581a0db248b0a77aecec196accc52973", "f".repeat(48))
            }
            KeyAlgorithm::Ed25519 => unreachable!("no curve of ECDSA"),
        };
        BigUint::parse_bytes(digits.as_bytes(), 16).unwrap()
    }

    fn padded(algorithm: KeyAlgorithm, number: &BigUint) -> Vec<u8> {
        let raw = number.to_bytes_be();
        [vec![0; algorithm.field_len() - raw.len()], raw].concat()
    }

    fn below_order(algorithm: KeyAlgorithm, bytes: &[u8]) -> Vec<u8> {
        padded(algorithm, &(BigUint::from_bytes_be(bytes) % order(algorithm)))
    }

    proptest! {
        #[test]
        fn low_s_is_the_smaller_of_s_and_n_minus_s(bytes in proptest::collection::vec(any::<u8>(), 48), p384: bool) {
            let algorithm = if p384 { KeyAlgorithm::P384 } else { KeyAlgorithm::P256 };
            let s = below_order(algorithm, &bytes);
            let n = order(algorithm);
            let v = BigUint::from_bytes_be(&s);
            let expected = std::cmp::min(v.clone(), &n - &v);
            let got = to_low_s(algorithm, &s).unwrap();
            prop_assert_eq!(BigUint::from_bytes_be(&got), expected);
            prop_assert!(is_low_s(algorithm, &got));
            prop_assert_eq!(to_low_s(algorithm, &got), Some(got));
        }
    }

    #[test]
    fn half_of_the_order_is_low_and_the_next_number_is_high() {
        for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::P384] {
            let half = order(algorithm) >> 1u32;
            assert!(is_low_s(algorithm, &padded(algorithm, &half)));
            assert!(!is_low_s(algorithm, &padded(algorithm, &(half + 1u32))));
        }
    }

    #[test]
    fn numbers_that_are_not_below_the_order_have_no_low_s() {
        for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::P384] {
            assert_eq!(to_low_s(algorithm, &padded(algorithm, &order(algorithm))), None);
            assert_eq!(to_low_s(algorithm, &[1]), None);
        }
    }
}
