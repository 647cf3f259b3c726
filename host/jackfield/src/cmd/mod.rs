//! The command line: what each command is called, takes and prints. One file per command.
//!
//! Commands that ask a running server are thin clients of its API. Exit codes are stable: see [`Exit`].

mod call;
mod calls;
mod check;
mod demo;
mod dialplan;
mod doctor;
mod health;
mod output;
mod plugin;
mod registrations;
mod reload;
mod serve;
mod server;

use std::path::PathBuf;
use std::process::ExitCode;

use api::{ClientError, ErrorCode};
use clap::{Parser, Subcommand};

use output::Output;
pub(crate) use output::problem;
use server::Server;

/// A multi-tenant PBX whose features are sandboxed WebAssembly plugins.
#[derive(Parser)]
#[command(name = "jackfield", version, about, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done; of `call`: answered, and ended as expected
  1  not done: refused or failed, as the message says; of `call`: not answered, or not ended as expected
  2  the command line makes no sense
  3  the configuration is wrong
  4  no server answers
  5  there is no such tenant, endpoint, context, call, plugin or package

With --json, errors are JSON on standard output too: {\"error\": \"…\"}.";

#[derive(Subcommand)]
enum Command {
    /// Make and run a demo PBX with two tenants.
    Demo(demo::Demo),
    /// Run the server.
    Serve(serve::Serve),
    /// Look at a configuration without using it.
    Check(check::Check),
    /// Let a running server read its configuration again.
    Reload(Server),
    /// Write and build plugins; install, list and replace them on a running server.
    Plugin(plugin::Plugin),
    /// Call a number as one of a tenant's phones, and tell what was heard.
    Call(Box<call::Call>),
    /// Look whether this machine has what a server and a plugin's author need; each finding with the line that mends it.
    Doctor(doctor::Doctor),
    /// Ask what the dialplan would do.
    Dialplan(dialplan::Dialplan),
    /// List the phones that are registered.
    Registrations(registrations::Registrations),
    /// List calls, or end one.
    Calls(calls::Calls),
    /// Tell how a running server is.
    Health(Server),
    /// Compile a component; the server starts itself so.
    #[command(name = COMPILE, hide = true)]
    Compile {
        /// The component.
        input: PathBuf,
        /// Where the machine code goes.
        output: PathBuf,
    },
}

/// The command by which the plugin host starts this program as its compiler.
pub(crate) const COMPILE: &str = "__compile";

impl Arguments {
    /// Does the compiler's work, if that is the command.
    pub(crate) fn compile(&self) -> Option<ExitCode> {
        let Command::Compile { input, output } = &self.command else { return None };
        match ::plugin::compile_child(input, output) {
            Ok(()) => Some(ExitCode::SUCCESS),
            Err(message) => {
                eprintln!("{message}");
                Some(ExitCode::FAILURE)
            }
        }
    }
}

/// Where a server with this data directory listens.
pub(crate) fn socket(data: &std::path::Path) -> PathBuf {
    data.join("api.sock")
}

/// How a command ended badly; the process's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It was not done: refused, or it failed.
    NotDone = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The configuration is wrong.
    Configuration = 3,
    /// No server answers.
    NoServer = 4,
    /// There is no such thing.
    NotFound = 5,
}

/// Why a command ended badly.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// A failure with its exit code; an empty message means that all has been said.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let exit = match &error {
            ClientError::Unreachable { .. } => Exit::NoServer,
            ClientError::Control(error) => match error.code {
                ErrorCode::NotFound => Exit::NotFound,
                ErrorCode::Invalid => Exit::Usage,
                ErrorCode::Refused | ErrorCode::Conflict | ErrorCode::Failed => Exit::NotDone,
            },
            ClientError::Nonsense(_) => Exit::NotDone,
        };
        Self::new(exit, error.to_string())
    }
}

/// Runs a command to its end.
pub(crate) async fn run(arguments: Arguments) -> ExitCode {
    let output = Output { json: arguments.json };
    let result = match arguments.command {
        Command::Demo(command) => command.run(output).await,
        Command::Serve(command) => command.run(output).await,
        Command::Check(command) => command.run(output).await,
        Command::Reload(server) => reload::run(&server, output).await,
        Command::Plugin(command) => command.run(output).await,
        Command::Call(command) => command.run(output).await,
        Command::Doctor(command) => command.run(output).await,
        Command::Dialplan(command) => command.run(output).await,
        Command::Registrations(command) => command.run(output).await,
        Command::Calls(command) => command.run(output).await,
        Command::Health(server) => health::run(&server, output).await,
        Command::Compile { .. } => Err(Failure::new(Exit::NotDone, "the compiler runs before the threads")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure.message);
            ExitCode::from(failure.exit as u8)
        }
    }
}

/// An address with a port, for command lines.
fn socket_address(text: &str) -> Result<std::net::SocketAddr, String> {
    text.parse().map_err(|_| "expected an IP address and a port, as in 127.0.0.1:5060".to_owned())
}

/// A path of the API, limited to one tenant.
fn of_tenant(path: &str, tenant: Option<&str>) -> String {
    match tenant {
        Some(tenant) => format!("{path}?tenant={}", segment(tenant)),
        None => path.to_owned(),
    }
}

/// A word as one segment of a path: whatever is not plain is percent-encoded (RFC 3986 §2.1).
fn segment(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    word.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
