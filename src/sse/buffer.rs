//! Buffers that grow within the limit and shrink after use.

/// The capacity that a buffer keeps between events. The rest is released after a larger event.
pub(super) const KEPT_CAPACITY: usize = 64 << 10;

/// Buffers up to this capacity double as they grow. Larger ones grow by half, because growing copies them.
const DOUBLED: usize = 1 << 20;

/// Appends bytes. Grows the capacity in steps, but not beyond `max`.
pub(crate) fn append(buffer: &mut Vec<u8>, bytes: &[u8], max: usize) {
    let len = buffer.len() + bytes.len();
    if len > buffer.capacity() {
        let now = buffer.capacity();
        let step = if now < DOUBLED { now * 2 } else { now + now / 2 };
        let capacity = len.max(256).max(step).min(max.max(len));
        buffer.reserve_exact(capacity - buffer.len());
    }
    buffer.extend_from_slice(bytes);
}

/// Sets a string to the text of a line, and clears the line.
pub(super) fn set(text: &mut String, line: &mut Vec<u8>) {
    text.clear();
    match std::str::from_utf8(line) {
        Ok(valid) => text.push_str(valid),
        Err(_) => text.push_str(&String::from_utf8_lossy(line)),
    }
    clear(line);
}

/// Releases excess capacity of a large buffer before it is lent.
pub(super) fn fit(buffer: &mut Vec<u8>) {
    if buffer.capacity() > DOUBLED {
        buffer.shrink_to_fit();
    }
}

pub(super) fn clear(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(KEPT_CAPACITY);
}
