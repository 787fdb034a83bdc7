//! The stand-ins of the module, held against the crates whose place they take: the same answers to the same questions.

use std::collections::BTreeMap;

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

#[track_caller]
fn same_uri(text: &str) -> bool {
    let (small, real) = (text.parse::<small_http::Uri>(), text.parse::<http::Uri>());
    match (&small, &real) {
        (Ok(small), Ok(real)) => {
            assert_eq!(small.to_string(), real.to_string(), "{text:?}");
            assert_eq!(small.scheme_str(), real.scheme_str(), "{text:?}");
            assert_eq!(
                small.authority().map(|part| part.as_str()),
                real.authority().map(|part| part.as_str()),
                "{text:?}"
            );
            assert_eq!((small.host(), small.path()), (real.host(), real.path()), "{text:?}");
            // The real one leaves the slash of an empty path out here, and here alone.
            let part = real.path_and_query().map_or("", |part| part.as_str());
            let small = small.path_and_query().map_or("", |part| part.as_str());
            assert_eq!(small.trim_start_matches('/'), part.trim_start_matches('/'), "{text:?}");
        }
        (Err(small), Err(real)) => assert_eq!(small.to_string(), real.to_string(), "{text:?}"),
        _ => panic!("{text:?}: {small:?}, but {real:?}"),
    }
    small.is_ok()
}

#[test]
fn addresses_are_read_alike() {
    for text in [
        "http://h",
        "HTTP://h:5000/v1",
        "https://[::1]:5000/a/b?c=d#e",
        "http://u:p@h/",
        "http://h?q",
        "http://h#f",
        "http://",
        "http:///v1",
        "http://h:",
        "http://:80",
        "http://h h",
        "http://h/ü",
        "http://ü/",
        "http://[1:2:3:4:5:6:7:8]:1/",
        "http://1:2:3",
        "http://%41/",
    ] {
        same_uri(text);
    }
    let pieces = [
        "a", "h", ":", "/", "?", "#", "[", "]", "@", "%", "80", "::1", "ü", " ", "\\", "^", "`", "{", "|", "}", "~",
        "\"", "<", "v1", ".", "\u{7f}",
    ];
    let mut numbers = Numbers(1);
    let mut good = 0;
    for _ in 0..200_000 {
        let count = numbers.below(7);
        let rest: String = (0..count).map(|_| numbers.pick(&pieces)).collect();
        good += usize::from(same_uri(&format!("http{}://{rest}", ["", "s"][numbers.below(2)])));
    }
    assert!(good > 10_000, "{good}");
    // Every byte at every kind of place.
    for byte in 0..=0x7f_u8 {
        let char = char::from(byte);
        let places = ["http://", "http://h", "http://h/", "http://h/?"];
        for text in places.iter().flat_map(|place| [format!("{place}{char}"), format!("{place}{char}h")]) {
            same_uri(&text);
        }
    }
}

#[test]
fn what_is_no_absolute_address_is_refused() {
    for text in ["", "/", "/v1", "*", "h", "h:80", "ftp://h/", "http:/h", "http:h", "://h"] {
        assert!(text.parse::<small_http::Uri>().is_err(), "{text:?}");
    }
}

#[test]
fn names_values_and_codes_are_taken_alike() {
    for byte in 0..=0xff_u8 {
        for text in [vec![byte], vec![b'a', byte], vec![byte, b'-', b'Z']] {
            let value = (small_http::HeaderValue::from_bytes(&text), http::HeaderValue::from_bytes(&text));
            assert_eq!(value.0.is_ok(), value.1.is_ok(), "{text:?}");
            if let (Ok(small), Ok(real)) = value {
                assert_eq!((small.as_bytes(), small.to_str().ok()), (real.as_bytes(), real.to_str().ok()), "{text:?}");
            }
            let Ok(text) = str::from_utf8(&text) else { continue };
            let name = (text.parse::<small_http::HeaderName>(), text.parse::<http::HeaderName>());
            assert_eq!(name.0.ok().map(|name| name.to_string()), name.1.ok().map(|name| name.to_string()), "{text:?}");
        }
    }
    assert!("".parse::<small_http::HeaderName>().is_err());
    for code in 0..=u16::MAX {
        let (small, real) = (small_http::StatusCode::from_u16(code), http::StatusCode::from_u16(code));
        assert_eq!(small.is_ok(), real.is_ok(), "{code}");
        let (Ok(small), Ok(real)) = (small, real) else { continue };
        let kinds = [small.is_success(), small.is_redirection(), small.is_client_error(), small.is_server_error()];
        let others = [real.is_success(), real.is_redirection(), real.is_client_error(), real.is_server_error()];
        assert_eq!(kinds, others, "{code}");
    }
}

#[test]
fn headers_are_kept_alike() {
    const NAMES: [&str; 4] = ["a", "b", "retry-after", "x"];
    let mut numbers = Numbers(2);
    for _ in 0..2_000 {
        let (mut small, mut real) = (small_http::HeaderMap::new(), http::HeaderMap::new());
        for step in 0..numbers.below(12) {
            let name = NAMES[numbers.below(4)];
            let text = step.to_string();
            let value =
                || (text.parse::<small_http::HeaderValue>().unwrap(), text.parse::<http::HeaderValue>().unwrap());
            let (one, other) = value();
            match numbers.below(5) {
                0 | 1 => assert_eq!(small.append(name, one), real.append(name, other)),
                2 => assert_eq!(small.insert(name, one).is_some(), real.insert(name, other).is_some()),
                3 => {
                    let before = (small.remove(name), real.remove(name));
                    assert_eq!(
                        before.0.as_ref().map(|value| value.as_bytes()),
                        before.1.as_ref().map(|value| value.as_bytes())
                    );
                }
                _ => {
                    let (mut more, mut others) = (small_http::HeaderMap::new(), http::HeaderMap::new());
                    for name in [name, NAMES[numbers.below(4)], name] {
                        let (one, other) = value();
                        more.append(name, one);
                        others.append(name, other);
                    }
                    small.extend(more);
                    real.extend(others);
                }
            }
        }
        let mut all = BTreeMap::new();
        for (name, value) in &small {
            all.entry(name.as_str()).or_insert_with(Vec::new).push(value.as_bytes());
        }
        let mut others = BTreeMap::new();
        for (name, value) in &real {
            others.entry(name.as_str()).or_insert_with(Vec::new).push(value.as_bytes());
        }
        assert_eq!(all, others);
        assert_eq!(
            (small.len(), small.is_empty(), small.keys().count()),
            (real.len(), real.is_empty(), real.keys_len())
        );
        for name in NAMES {
            assert_eq!(small.get(name).map(|value| value.as_bytes()), real.get(name).map(|value| value.as_bytes()));
            assert_eq!(small.contains_key(name), real.contains_key(name));
        }
    }
}

#[test]
fn bytes_are_cut_alike() {
    let mut numbers = Numbers(3);
    for _ in 0..5_000 {
        let text: Vec<u8> = (0..numbers.below(20)).map(|at| at as u8).collect();
        let (mut small, mut real) = (small_bytes::Bytes::from(text.clone()), bytes::Bytes::from(text));
        for _ in 0..4 {
            let at = numbers.below(real.len() + 1);
            match numbers.below(4) {
                0 => assert_eq!(small.split_to(at), *real.split_to(at)),
                1 => assert_eq!(small.split_off(at), *real.split_off(at)),
                2 => {
                    let end = at + numbers.below(real.len() - at + 1);
                    (small, real) = (small.slice(at..end), real.slice(at..end));
                }
                _ => {
                    small.truncate(at);
                    real.truncate(at);
                }
            }
            assert_eq!(small, *real);
        }
    }
    let (one, fixed) = (small_bytes::Bytes::copy_from_slice(b"ab"), small_bytes::Bytes::from_static(b"ab"));
    assert!(one.is_unique() && !fixed.is_unique() && one == fixed && small_bytes::Bytes::new().is_empty());
    let two = one.clone();
    assert!(!one.is_unique() && !two.is_unique());
}

#[test]
fn strings_are_shared_alike() {
    // Around the 23 bytes up to which the real one holds them inline.
    let texts: Vec<String> = (0..40).flat_map(|length| ["a", "b", "ü"].map(|part| part.repeat(length))).collect();
    for text in &texts {
        let (small, real) = (small_smol_str::SmolStr::new(text), smol_str::SmolStr::new(text));
        assert_eq!(small.as_str(), real.as_str());
        assert_eq!(String::from(small.clone()), String::from(real.clone()));
        assert!(small == small_smol_str::SmolStr::from(text.clone()));
        let json = serde_json::to_string(&real).unwrap();
        assert_eq!(serde_json::to_string(&small).unwrap(), json);
        assert!(serde_json::from_str::<small_smol_str::SmolStr>(&json).unwrap() == small);
        for other in &texts {
            let (other, others) = (small_smol_str::SmolStr::new(other), smol_str::SmolStr::new(other));
            assert_eq!((small == other, small.cmp(&other)), (real == others, real.cmp(&others)));
        }
    }
    assert_eq!(small_smol_str::SmolStr::default().as_str(), smol_str::SmolStr::default().as_str());
    assert!(serde_json::from_str::<small_smol_str::SmolStr>("1").is_err());
    assert!(serde_json::from_str::<smol_str::SmolStr>("1").is_err());
}
