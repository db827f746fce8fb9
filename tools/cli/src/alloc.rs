//! How the C library's allocator treats large buffers.
#![expect(unsafe_code, reason = "mallopt is the one way to tell the allocator of the C library")]

/// Keeps buffers of up to this many bytes in the heap when they are freed.
const KEPT: i32 = 64 << 20;

/// Lets the allocator keep large buffers for the next use.
///
/// Left alone, it asks the system for each large buffer anew, and clearing fresh pages took a tenth of an ingest's time.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn keep_large_buffers() {
    // SAFETY: both only set parameters, before any other thread runs; a refusal changes nothing.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, KEPT);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 2 * KEPT);
    }
}

/// Other allocators do so by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn keep_large_buffers() {}
