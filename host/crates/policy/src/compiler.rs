//! Compilation in a process of its own: what compiles is a stranger's, and a compiler can be made to take all time and memory there is.
//!
//! Invariants: the child gets no environment, no files, and limits on processor time, memory and wall time; it reads a component from its standard
//! input and writes code to its standard output; whatever becomes of it, the server goes on and tells of the plugin.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::code::MAX_COMPONENT;

/// How long the server waits, over what the child may compute: it may have to wait for its turn.
const LONGER: Duration = Duration::from_secs(60);
/// How often it looks whether the child has ended.
const LOOK: Duration = Duration::from_millis(2);
/// Octets of compiled code that are taken.
const MAX_CODE: u64 = 512 << 20;
/// How much the child steps back for others, as `nice` has it.
const NICENESS: i32 = 10;

/// A program that does what [`compile_plugin`] does, in a process of its own.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// The program, and what it is told before its limits, which are two arguments more: seconds and octets.
    pub command: Vec<OsString>,
    /// What it may take.
    pub limits: CompilerLimits,
}

/// What the compilation of one plugin may take.
#[derive(Clone, Copy, Debug)]
pub struct CompilerLimits {
    /// Seconds of processor time, over all threads; the server waits a minute longer.
    pub seconds: u64,
    /// Octets of address space.
    pub memory: u64,
}

impl Default for CompilerLimits {
    fn default() -> Self {
        Self {
            seconds: 120,
            memory: 4 << 30,
        }
    }
}

/// Compiles octets of a component with `compiler`, or in this process if there is none.
pub(crate) fn compile(
    engine: &wasmtime::Engine,
    compiler: Option<&Compiler>,
    octets: &[u8],
) -> Result<Vec<u8>, String> {
    let Some(compiler) = compiler else {
        return precompile(engine, octets);
    };
    let Some((program, arguments)) = compiler.command.split_first() else {
        return precompile(engine, octets);
    };
    let limits = compiler.limits;
    let mut child = Command::new(program)
        .args(arguments)
        .args([limits.seconds.to_string(), limits.memory.to_string()])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot be compiled: the compiler does not start: {error}"))?;
    let patience = Duration::from_secs(limits.seconds).saturating_add(LONGER);
    let (code, said, status) = converse(&mut child, octets, patience)?;
    if status.success() {
        return Ok(code);
    }
    Err(failure(status, &said, limits))
}

/// Feeds the child and gathers what it says, all at once, so that no full pipe holds the others up.
fn converse(
    child: &mut Child,
    octets: &[u8],
    patience: Duration,
) -> Result<(Vec<u8>, String, ExitStatus), String> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(move || {
            // A child that ended early says why.
            stdin.map(|mut pipe| pipe.write_all(octets))
        });
        let code = scope.spawn(move || gather(stdout, MAX_CODE));
        let said = scope.spawn(move || gather(stderr, 4096));
        let status = wait(child, patience);
        let code = code.join().unwrap_or_default();
        let said = said.join().unwrap_or_default();
        Ok((
            code,
            String::from_utf8_lossy(&said).trim().to_owned(),
            status?,
        ))
    })
}

fn gather(pipe: Option<impl Read>, most: u64) -> Vec<u8> {
    let mut octets = Vec::new();
    if let Some(pipe) = pipe {
        // What was read until an error tells enough: the code is checked by its engine, the text is for people.
        let _ = pipe.take(most).read_to_end(&mut octets);
    }
    octets
}

fn wait(child: &mut Child, patience: Duration) -> Result<ExitStatus, String> {
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if begun.elapsed() < patience => thread::sleep(LOOK),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("was not compiled within {} s", patience.as_secs()));
            }
            Err(error) => return Err(format!("cannot be compiled: {error}")),
        }
    }
}

fn failure(status: ExitStatus, said: &str, limits: CompilerLimits) -> String {
    let CompilerLimits { seconds, memory } = limits;
    let limits = format!(
        "the limits of the compiler are {seconds} s of processor time and {} MiB of memory",
        memory >> 20
    );
    match status.signal() {
        Some(libc::SIGXCPU | libc::SIGKILL) => {
            format!("takes too much time or memory to compile: {limits}")
        }
        Some(signal) => {
            format!("does not compile: the compiler was ended by signal {signal}; {limits}")
        }
        None if said.is_empty() => format!("does not compile: {status}; {limits}"),
        None => said.to_owned(),
    }
}

pub(crate) fn precompile(engine: &wasmtime::Engine, octets: &[u8]) -> Result<Vec<u8>, String> {
    engine
        .precompile_component(octets)
        .map_err(|error| format!("does not compile: {error:#}"))
}

/// The child's part: limits itself, reads a component, writes its code.
///
/// # Errors
/// One sentence about the component.
pub fn compile_plugin(
    limits: CompilerLimits,
    component: impl Read,
    mut code: impl Write,
) -> Result<(), String> {
    limit(limits);
    let mut octets = Vec::new();
    component
        .take(MAX_COMPONENT + 1)
        .read_to_end(&mut octets)
        .map_err(|error| format!("cannot be read: {error}"))?;
    // Code does not depend on how instances are allocated, so that this engine needs no pool.
    let engine = crate::engine::for_compilation().map_err(|error| format!("{error:#}"))?;
    let compiled = precompile(&engine, &octets)?;
    code.write_all(&compiled)
        .and_then(|()| code.flush())
        .map_err(|error| format!("cannot be compiled: {error}"))
}

fn limit(limits: CompilerLimits) {
    let set = |resource, most: u64| {
        let limit = libc::rlimit {
            rlim_cur: most,
            rlim_max: most,
        };
        // SAFETY: `limit` is a valid structure that lives over the call, which reads it only.
        #[expect(unsafe_code, reason = "libc has no safe form of setrlimit")]
        let _ = unsafe { libc::setrlimit(resource, &raw const limit) };
    };
    set(libc::RLIMIT_CPU, limits.seconds);
    set(libc::RLIMIT_AS, limits.memory);
    set(libc::RLIMIT_CORE, 0);
    // SAFETY: nice takes a number and touches no memory of ours.
    #[expect(unsafe_code, reason = "libc has no safe form of nice")]
    let _ = unsafe { libc::nice(NICENESS) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(program: &[&str]) -> Result<Vec<u8>, String> {
        let compiler = Compiler {
            command: program.iter().map(OsString::from).collect(),
            limits: CompilerLimits::default(),
        };
        compile(&wasmtime::Engine::default(), Some(&compiler), &[7; 100_000])
    }

    #[test]
    fn what_the_child_says_is_taken_and_its_end_is_told() {
        assert_eq!(with(&["/bin/sh", "-c", "cat"]).unwrap().len(), 100_000);
        assert_eq!(
            with(&["/bin/sh", "-c", "echo $0 $1"]).unwrap(),
            b"120 4294967296\n"
        );
        let error = with(&["/bin/sh", "-c", "echo too odd >&2; exit 1"]).unwrap_err();
        assert_eq!(error, "too odd");
        let error = with(&["/bin/sh", "-c", "kill -SEGV $$"]).unwrap_err();
        assert!(error.contains("ended by signal 11"), "{error}");
        let error = with(&["/bin/sh", "-c", "kill -9 $$"]).unwrap_err();
        assert!(
            error.starts_with(
                "takes too much time or memory to compile: the limits of the compiler are 120 s"
            ),
            "{error}"
        );
        let error = with(&["/nowhere/compiler"]).unwrap_err();
        assert!(error.contains("does not start"), "{error}");
        assert!(
            with(&["/bin/sh", "-c", "env"]).unwrap().len() < 200,
            "no environment"
        );
    }
}
