//! The fuzz targets over the corpus, mutated by a generator with a fixed seed: the same bytes in every run.

use std::fs;
use std::path::Path;

/// Certificates that are only read; every `WHOLE`th is judged and audited too.
#[cfg(not(debug_assertions))]
const CERTIFICATES: usize = 400_000;
/// A debug build is some twenty times slower.
#[cfg(debug_assertions)]
const CERTIFICATES: usize = 100_000;
const WHOLE: usize = 25;
/// Mutants of every other kind.
const OTHERS: usize = CERTIFICATES / 25;

/// `SplitMix64` (Steele, Lea and Flood 2014).
struct Generator(u64);

impl Generator {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, 0 for 0.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or(0) % end.max(1)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[7]
    }

    /// One to four changes, each of a kind that parsers are known to stumble over.
    fn mutate(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        const ODD: [u8; 9] = [0, 1, 0x30, 0x7f, 0x80, 0x81, 0x84, 0xa0, 0xff];
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            let len = 1 + self.below(16);
            let end = (at + len).min(bytes.len());
            match self.below(8) {
                _ if bytes.is_empty() => bytes.push(self.byte()),
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = self.byte(),
                2 => bytes[at] = ODD[self.below(ODD.len())],
                3 => bytes.truncate(at),
                4 => drop(bytes.drain(at..end)),
                5 => {
                    let again = bytes[at..end].to_vec();
                    bytes.splice(at..at, again);
                }
                6 => {
                    let new: Vec<u8> = (0..len).map(|_| self.byte()).collect();
                    bytes.splice(at..at, new);
                }
                _ => {
                    let other = &seeds[self.below(seeds.len())];
                    let from = self.below(other.len());
                    let to = (from + 4 * len).min(other.len());
                    bytes.splice(at..end, other[from..to].iter().copied());
                }
            }
        }
        bytes
    }
}

fn seeds(kind: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/corpus").join(kind);
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

fn run(kind: &str, seed: u64, count: usize, target: impl Fn(usize, &[u8])) {
    let seeds = seeds(kind);
    for (index, bytes) in seeds.iter().enumerate() {
        target(index * WHOLE, bytes);
    }
    let mut generator = Generator(seed);
    for index in 0..count {
        let bytes = generator.mutate(&seeds);
        target(index, &bytes);
    }
}

fn certificates(seed: u64) {
    run("certificate", seed, CERTIFICATES / 4, |index, der| {
        if index.is_multiple_of(WHOLE) { super::certificate(der) } else { super::read_certificate(der) }
    });
}

// Four tests, so that they share the machine's cores.

#[test]
fn no_mutated_certificate_brings_it_down_1() {
    certificates(1);
}

#[test]
fn no_mutated_certificate_brings_it_down_2() {
    certificates(2);
}

#[test]
fn no_mutated_certificate_brings_it_down_3() {
    certificates(3);
}

#[test]
fn no_mutated_certificate_brings_it_down_4() {
    certificates(4);
}

#[test]
fn no_mutated_text_request_or_list_brings_it_down() {
    run("pem", 5, OTHERS / 4, |_, text| super::pem(text));
    run("csr", 6, OTHERS, |_, der| super::csr(der));
    run("crl", 7, OTHERS, |_, der| super::crl(der));
    run("channel", 11, OTHERS / 10, |_, content| super::channel(content));
}

#[test]
fn no_mutated_config_policy_or_manifest_brings_it_down() {
    run("config_yaml", 8, OTHERS, |_, text| super::config_yaml(text));
    run("policy", 9, OTHERS, |_, text| super::policy(text));
    run("manifest", 10, OTHERS / 4, |_, text| super::manifest(text));
}
