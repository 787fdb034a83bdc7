//! Buffers that grow within the limit and shrink after it was needed.

/// Capacity that a buffer keeps from event to event; what a larger event needed is given back after it.
pub(super) const KEPT_CAPACITY: usize = 64 << 10;

/// Capacity up to which a buffer doubles as it grows; a larger one grows by half, as it is copied on the way.
const DOUBLED: usize = 1 << 20;

/// Appends, and lets the capacity grow in steps but not beyond `max`, within which the result is.
pub(crate) fn append(buffer: &mut Vec<u8>, bytes: &[u8], max: usize) {
    let len = buffer.len() + bytes.len();
    if len > buffer.capacity() {
        let now = buffer.capacity();
        let step = if now < DOUBLED { now * 2 } else { now + now / 2 };
        let capacity = len.max(256).max(step).min(max.max(len));
        buffer.reserve_exact(capacity - buffer.len());
    }
    match bytes {
        // A call of memcpy is dear for a byte.
        [byte] => buffer.push(*byte),
        _ => buffer.extend_from_slice(bytes),
    }
}

/// Sets a string to what a line says, and clears the line.
pub(super) fn set(text: &mut String, line: &mut Vec<u8>) {
    text.clear();
    match std::str::from_utf8(line) {
        Ok(valid) => text.push_str(valid),
        Err(_) => text.push_str(&String::from_utf8_lossy(line)),
    }
    clear(line);
}

/// Gives back what a large buffer has too much, before it is lent.
pub(super) fn fit(buffer: &mut Vec<u8>) {
    if buffer.capacity() > DOUBLED {
        buffer.shrink_to_fit();
    }
}

pub(super) fn clear(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(KEPT_CAPACITY);
}
