//! Giving freed memory back to the system.
#![expect(unsafe_code, reason = "malloc_trim is the one way to ask the allocator of the C library")]

/// Gives back what the allocator keeps for later. Every thread frees into an arena of its own, and sled's threads come and go:
/// without this each arena keeps as much as one of them ever held.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) fn trim() {
    // SAFETY: it takes a number of bytes to leave at the top of the heap and touches nothing but the allocator's free memory.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Other allocators give memory back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn trim() {}
