//! The allocator of a plugin: the one of Rust's standard library, but its first 64 KiB are part of the memory that an instance begins with.
//!
//! The standard library's asks the host for more memory at its first allocation. Most plugins never need more than that; what they then
//! cost is a change of the memory's size for each fresh instance, and another one when the next takes its place.

#![expect(
    unsafe_code,
    reason = "an allocator hands out memory, which the language cannot check"
)]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

use dlmalloc::{Allocator, Dlmalloc};

/// Octets of a page of linear memory, which is also what the allocator asks for at a time.
const PAGE: usize = 64 << 10;

#[global_allocator]
static HEAP: Heap = Heap(UnsafeCell::new(Dlmalloc::new_with_allocator(Pages)));

/// What is handed out first.
static FIRST: First = First(UnsafeCell::new([0; PAGE]));
static TAKEN: AtomicBool = AtomicBool::new(false);

struct Heap(UnsafeCell<Dlmalloc<Pages>>);

#[repr(align(16))]
struct First(UnsafeCell<[u8; PAGE]>);

/// Where the allocator gets its memory from.
struct Pages;

// SAFETY: a guest is a core module without threads.
unsafe impl Sync for Heap {}
// SAFETY: as above; handed out once.
unsafe impl Sync for First {}

// SAFETY: what is handed out is nobody else's: the array once, and pages that the memory has just grown by.
unsafe impl Allocator for Pages {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        if size <= PAGE && !TAKEN.swap(true, Ordering::Relaxed) {
            return (FIRST.0.get().cast(), PAGE, 0);
        }
        let pages = size.div_ceil(PAGE);
        match core::arch::wasm32::memory_grow(0, pages) {
            usize::MAX => (core::ptr::null_mut(), 0, 0),
            before => ((before * PAGE) as *mut u8, pages * PAGE, 0),
        }
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        core::ptr::null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        PAGE
    }
}

// SAFETY: calls are passed on as they come, one after another, since there are no threads.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { (*self.0.get()).malloc(layout.size(), layout.align()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { (*self.0.get()).calloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { (*self.0.get()).free(place, layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { (*self.0.get()).realloc(place, layout.size(), layout.align(), size) }
    }
}
