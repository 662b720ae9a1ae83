//! `cargo xtask`: every command that a person or CI runs. See `cargo xtask help` and `README.md`.

mod args;
mod bench;
mod demo;
mod part;
mod process;
mod say;
mod setup;
mod table;
mod test;

use std::process::ExitCode;

use args::Task;
use setup::Setup;

fn main() -> ExitCode {
    let task = match args::parse(std::env::args_os().skip(1)) {
        Ok(task) => task,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::from(2);
        }
    };
    let ok = match task {
        Task::Test(parts) => test::run(&parts),
        Task::Demo(hosts) => demo::run(&hosts),
        Task::Bench { hosts, quick } => bench::run(&hosts, quick),
        Task::Setup(steps) => told(Setup::default().need_all(&steps)),
        Task::Format => told(test::lint::format(&mut Setup::default())),
        Task::Help => {
            print!("{}", args::HELP);
            true
        }
    };
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether it went well; if not, why is told.
fn told(outcome: anyhow::Result<()>) -> bool {
    if let Err(error) = &outcome {
        eprintln!("{error:#}");
    }
    outcome.is_ok()
}
