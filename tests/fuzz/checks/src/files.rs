//! Files that the library reads back.

use tabbyapi::batch::jsonl::{BatchRequest, Journal};
use tabbyapi::transport::Exchange;

use crate::harness::pieces;

/// Any file of results, however it is read, says the same; any line is a request or an error.
pub(crate) fn batch_files(data: &[u8]) {
    let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut journal = Journal::new();
        pieces.for_each(|piece| journal.feed(piece));
        journal.end();
        (
            journal.finished(),
            journal.failed(),
            journal.damaged(),
            journal.whole_bytes(),
            journal.glue(),
            journal.is_result_file(),
        )
    };
    let whole: Vec<u8> = pieces(data).flatten().copied().collect();
    let cut = read(&mut pieces(data));
    assert_eq!(cut, read(&mut [&whole[..]].into_iter()));
    assert!(cut.3 as usize <= whole.len());
    // What is whole stays whole.
    let kept = read(&mut [&whole[..cut.3 as usize]].into_iter());
    assert_eq!((kept.0, kept.1, kept.3), (cut.0, cut.1, cut.3));
    for (number, line) in String::from_utf8_lossy(&whole).lines().enumerate() {
        let request = BatchRequest::read(line, number as u64 + 1);
        assert!(request.error().is_some() || request.json().is_some());
    }
}

/// Any file of exchanges is refused, or written and read again the same.
pub(crate) fn exchanges(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(exchanges) = Exchange::from_json_lines(&text) {
        let written: String = exchanges.iter().map(|exchange| exchange.to_json_line() + "\n").collect();
        assert_eq!(Exchange::from_json_lines(&written).ok(), Some(exchanges));
    }
    let (request, answer) = data.split_at(data.len() / 2);
    _ = Exchange::from_http(request, answer);
}
