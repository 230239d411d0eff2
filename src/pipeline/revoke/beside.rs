//! Threads for systems that may hang.
//!
//! Must never: be waited for without a bound.

/// Stacks of threads that evaluate expressions.
const STACK: usize = 16 << 20;

/// Runs on a thread of its own: a system that blocks its thread keeps nobody else from theirs.
pub(super) fn beside(work: impl FnOnce() + Send + 'static) {
    let handle = tokio::runtime::Handle::current();
    let run = move || {
        let _inside = handle.enter();
        work();
    };
    // Without a thread there is nobody to answer, and the receipt says so.
    drop(std::thread::Builder::new().stack_size(STACK).spawn(run));
}

/// On such a thread.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Handle::current().block_on(work)
}
