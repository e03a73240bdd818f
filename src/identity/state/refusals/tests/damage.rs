//! What old, damaged and foreign files count as.

use std::path::Path;

use proptest::prelude::*;

use super::super::tries::{Mark, Memory, Outcome};
use super::super::{LIMIT, Next};
use super::{Folder, at, lost, peer, subject};
use crate::Secret;

/// The file of an earlier version: three refusals of one secret.
#[test]
fn a_file_of_version_1_is_counted() {
    let folder = Folder::new();
    let place = folder.place("msp");
    let file = br#"{"schema_version":1,"url":"https://ca:7054","ca_name":null,"id":"org1-peer1","salt":"00",
        "secret_hash":"11","count":3,"last":1800000000,"message":"refused"}"#;
    place.write_state_file(&folder.disk, super::super::FILE, file, 0o600).unwrap();
    let places = [&place];
    let refusals = folder.read(&places, peer(), "another");
    assert_eq!((refusals.history().len(), refusals.next(at(0))), (3, Next::Now));
}

fn written(tries: usize) -> Vec<u8> {
    let mut memory = Memory::default();
    let mark = Mark::new(&Secret::new("wrong")).unwrap();
    for n in 0..tries {
        let key = memory.add(&peer(), None, at(0)).unwrap();
        let outcome = if n % 2 == 0 { Outcome::Refused("code 20".into()) } else { Outcome::Open("lost".into()) };
        memory.settle(&key, &outcome, &mark, at(0));
    }
    memory.to_bytes().unwrap()
}

#[test]
fn a_file_that_cannot_be_read_counts_as_full() {
    let folder = Folder::new();
    let place = folder.place("msp");
    let newer = String::from_utf8(written(1)).unwrap().replace("\"schema_version\": 2", "\"schema_version\": 3");
    let fewer = String::from_utf8(written(2)).unwrap().replacen("\"Open\"", "\"open\"", 1);
    for broken in [&b""[..], b"{}", b"null", b"\0\0\0", newer.as_bytes(), &fewer.as_bytes()[1..], &vec![b' '; 1 << 21]]
    {
        place.write_state_file(&folder.disk, super::super::FILE, broken, 0o600).unwrap();
        let places = [&place];
        let refusals = folder.read(&places, peer(), "right");
        assert_eq!(refusals.next(at(0)), Next::Full);
        let error = refusals.stop(at(0)).unwrap();
        let text = format!("{error} {}", error.help().unwrap());
        for part in ["refusal.json", "cannot be read", "counts as full", "--force"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    // A folder in its place.
    let path = place.state_dir().join(super::super::FILE);
    place.remove_state_file(&folder.disk, super::super::FILE).unwrap();
    folder.disk.create_dirs(&path).unwrap();
    assert_eq!(folder.read(&[&place], peer(), "right").next(at(0)), Next::Full);
}

#[test]
fn a_success_after_a_damaged_file_clears_that_identity_only() {
    let folder = Folder::new();
    let place = folder.place("msp");
    place.write_state_file(&folder.disk, super::super::FILE, b"{", 0o600).unwrap();
    let places = [&place];
    let mut forced = folder.read(&places, peer(), "wrong");
    forced.begin(&Secret::new("wrong"), &folder.disk, at(0)).unwrap();
    forced.settle(&lost(), &Secret::new("wrong"), &folder.disk, at(0)).unwrap();
    assert_eq!(folder.read(&places, peer(), "right").next(at(100)), Next::Full);
    folder.succeed(&places, &peer(), "");
    assert_eq!(folder.read(&places, peer(), "right").next(at(100)), Next::Now);
    let other = subject("https://ca", None, "org1-peer2");
    assert_eq!(folder.read(&places, other, "right").next(at(100)), Next::Full);
    assert!(Path::new(&place.state_dir().join(super::super::FILE)).exists());
}

proptest! {
    /// No damage makes fewer tries of a file: it is the same memory, or none that can be read.
    #[test]
    fn damage_never_lowers_the_count(
        tries in 1usize..4,
        cut in any::<prop::sample::Index>(),
        at_byte in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        kind in 0..4u8,
    ) {
        let good = written(tries);
        let mut bytes = good.clone();
        match kind {
            0 => bytes.truncate(cut.index(good.len())),
            1 => bytes[at_byte.index(good.len())] = byte,
            2 => drop(bytes.remove(at_byte.index(good.len()))),
            _ => bytes.insert(at_byte.index(good.len()), byte),
        }
        let counted = Memory::parse(&bytes).map_or(LIMIT, |memory| memory.of(&peer()).len());
        prop_assert!(counted >= tries, "{}", String::from_utf8_lossy(&bytes));
    }
}
