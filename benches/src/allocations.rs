//! An allocator that counts.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    // Const and without a destructor, so that reading it never allocates.
    static COUNT: Cell<u64> = const { Cell::new(0) };
    static LIVE: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
}

/// How many allocations (growing ones included) this thread made so far.
pub(crate) fn count() -> u64 {
    COUNT.get()
}

/// The bytes that this thread has in use, if it frees what it takes.
pub(crate) fn live() -> i64 {
    LIVE.get()
}

/// The most bytes that were in use beyond those before it, while this ran.
pub(crate) fn peak<T>(run: impl FnOnce() -> T) -> (T, i64) {
    let before = LIVE.get();
    PEAK.set(before);
    let value = run();
    (value, PEAK.get() - before)
}

fn add(size: usize) {
    COUNT.set(COUNT.get() + 1);
    LIVE.set(LIVE.get() + size as i64);
    PEAK.set(PEAK.get().max(LIVE.get()));
}

fn remove(size: usize) {
    LIVE.set(LIVE.get() - size as i64);
}

// SAFETY: every call is handed to the system's allocator as it came.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both blocks may be there while one is copied into the other.
        add(size);
        remove(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        remove(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }
}
