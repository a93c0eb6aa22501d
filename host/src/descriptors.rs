//! What the system grants the process.

/// Raises the number of descriptors to what the system allows: each session needs one, and shells start programs
/// with 1,024.
pub(crate) fn raise() {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    #[allow(
        unsafe_code,
        reason = "the standard library has no call for resource limits"
    )]
    // SAFETY: both calls read or write one `rlimit` that lives on this frame.
    let raised = unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 && {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) == 0
        }
    };
    if !raised {
        tracing::warn!("the limit of open files cannot be raised; it bounds the sessions");
    }
}
