//! The canonical encoding of keys, against the vectors that every host checks.

use std::collections::BTreeSet;

use latchwork::{Key, Space, key};
use latchwork_tests::poll::now;
use latchwork_tests::scenario::{Spelling, vectors};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vectors {
    max_length: usize,
    keys: Vec<Encoded>,
    sorted: Vec<Spelling>,
    prefixes: Vec<Prefix>,
    different: Vec<Vec<Spelling>>,
    invalid: Vec<Invalid>,
    not_canonical: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Encoded {
    key: Spelling,
    hex: String,
}

#[derive(Deserialize)]
struct Prefix {
    prefix: Spelling,
    matches: Vec<Spelling>,
    others: Vec<Spelling>,
}

#[derive(Deserialize)]
struct Invalid {
    key: serde_json::Value,
    why: String,
    hosts: Option<Vec<String>>,
}

fn read() -> Vectors {
    serde_json::from_str(&vectors("keys.json").expect("the file can be read")).expect("the file is as it should be")
}

fn key_of(spelling: &Spelling) -> Key {
    spelling.key().expect("a key that every host accepts")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn keys_encode_and_decode_as_listed() {
    let vectors = read();
    assert_eq!(vectors.max_length, Key::MAX_LEN);
    let space = Space::new();
    for Encoded { key: spelling, hex: expected } in &vectors.keys {
        let key = key_of(spelling);
        assert_eq!(hex(key.as_bytes()), *expected, "{key}");
        let decoded = Key::from_bytes(&Spelling::hex(expected).expect("hex")).expect("canonical");
        assert_eq!(decoded, key);
        assert_eq!(Key::try_from(decoded.part()).expect("a key"), key, "taken apart and put together");
        key.check().expect("short enough");
        let guard = now(space.lock(&key)).expect("free");
        assert_eq!(guard.keys(), [key]);
    }
}

#[test]
fn key_order_is_byte_order() {
    let keys: Vec<Key> = read().sorted.iter().map(key_of).collect();
    for pair in keys.windows(2) {
        assert!(pair[0] < pair[1], "{} before {}", pair[0], pair[1]);
        assert!(pair[0].as_bytes() < pair[1].as_bytes());
    }
}

#[test]
fn a_prefix_of_a_key_is_a_prefix_of_its_bytes() {
    for Prefix { prefix, matches, others } in &read().prefixes {
        let prefix = key_of(prefix);
        let starts = |key: &Spelling| key_of(key).as_bytes().starts_with(prefix.as_bytes());
        assert!(matches.iter().all(starts), "{prefix}");
        assert!(!others.iter().any(starts), "{prefix}");
    }
}

#[test]
fn look_alikes_are_different_keys() {
    for group in &read().different {
        let keys: BTreeSet<Key> = group.iter().map(key_of).collect();
        assert_eq!(keys.len(), group.len(), "{keys:?}");
    }
}

#[test]
fn what_is_no_key_is_refused_by_every_operation() {
    let space = Space::new();
    let mut checked = 0;
    for Invalid { key, why, hosts } in read().invalid {
        if hosts.is_some_and(|hosts| !hosts.iter().any(|host| host == "rust")) {
            continue;
        }
        checked += 1;
        let spelling: Spelling = serde_json::from_value(key).expect(&why);
        let codes = match spelling.key() {
            Err(error) => vec![error.code()],
            Ok(key) => vec![
                key.check().expect_err(&why).code(),
                now(space.lock(&key)).expect_err(&why).code(),
                now(space.lock([Key::from("a"), key.clone()])).expect_err(&why).code(),
                now(space.lock("a").shared(&key)).expect_err(&why).code(),
                now(space.try_lock(&key)).expect_err(&why).code(),
                now(space.query_keys(&key)).expect_err(&why).code(),
            ],
        };
        assert!(codes.iter().all(|code| *code == "invalid"), "{why}: {codes:?}");
    }
    assert!(checked >= 10);
    assert!(now(space.query()).expect("open").held.is_empty());
}

#[test]
fn bytes_that_are_no_key_are_refused() {
    for (bytes, why) in &read().not_canonical {
        let bytes = Spelling::hex(bytes).expect("hex");
        assert_eq!(Key::from_bytes(&bytes).expect_err(why).code(), "invalid", "{why}");
    }
}

/// The macro nests without a check of its own, so the operations must look.
#[test]
fn tuples_too_deep_are_refused_by_the_operation() {
    let mut deep = key!();
    for _ in 1..33 {
        deep = key!(deep);
    }
    assert_eq!(deep.check().expect_err("33 deep").code(), "invalid");
    assert_eq!(now(Space::new().lock(&deep)).expect_err("33 deep").code(), "invalid");
}

#[test]
fn integers_of_every_width_are_one_kind() {
    for key in
        [Key::from(7_i16), Key::from(7_i32), Key::from(7_i64), Key::from(7_u16), Key::from(7_u32), Key::from(7_usize)]
    {
        assert_eq!(key, Key::from(7_u64));
    }
    assert_eq!(Key::from(-1_i16), Key::from(-1_i64));
    assert_eq!(hex(Key::from(u64::MAX).as_bytes()), "21ffffffffffffffff");
    assert_eq!(hex(Key::from(i64::MIN).as_bytes()), "208000000000000000");
}
