//! The `fabcert` binary: everything lives in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    fabcert::cli::main()
}
