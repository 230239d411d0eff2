//! The `headcount` command: arguments in, exit code out.
//!
//! Must never: hold anything but the set-up of the process.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Expressions and YAML nest; their limits are set for stacks of this size.
const STACK: usize = 16 << 20;

fn main() -> ExitCode {
    // Fails only if a provider is installed already, and then there is one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let command = std::thread::Builder::new().name("headcount".into()).stack_size(STACK);
    match command.spawn(|| headcount::cli::run(std::env::args_os())).map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => code,
        // A panic has printed itself. It is a bug of ours: "error", never "done".
        Ok(Err(_)) | Err(_) => ExitCode::FAILURE,
    }
}
