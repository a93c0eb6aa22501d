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

/// Seconds of processor time, over all threads, and octets of address space.
const CPU_SECONDS: u64 = 120;
const ADDRESS_SPACE: u64 = 4 << 30;
/// How long the server waits.
const WALL: Duration = Duration::from_secs(180);
/// How often it looks whether the child has ended.
const LOOK: Duration = Duration::from_millis(2);
/// Octets of compiled code that are taken.
const MAX_CODE: u64 = 512 << 20;
/// How much the child steps back for others, as `nice` has it.
const NICENESS: i32 = 10;

/// Compiles octets of a component with `compiler`, or in this process if there is none.
pub(crate) fn compile(
    engine: &wasmtime::Engine,
    compiler: Option<&[OsString]>,
    octets: &[u8],
) -> Result<Vec<u8>, String> {
    let Some((program, arguments)) = compiler.and_then(<[OsString]>::split_first) else {
        return precompile(engine, octets);
    };
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot be compiled: the compiler does not start: {error}"))?;
    let (code, said, status) = converse(&mut child, octets)?;
    if status.success() {
        return Ok(code);
    }
    Err(failure(status, &said))
}

/// Feeds the child and gathers what it says, all at once, so that no full pipe holds the others up.
fn converse(child: &mut Child, octets: &[u8]) -> Result<(Vec<u8>, String, ExitStatus), String> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(move || {
            // A child that ended early says why.
            stdin.map(|mut pipe| pipe.write_all(octets))
        });
        let code = scope.spawn(move || gather(stdout, MAX_CODE));
        let said = scope.spawn(move || gather(stderr, 4096));
        let status = wait(child);
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

fn wait(child: &mut Child) -> Result<ExitStatus, String> {
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if begun.elapsed() < WALL => thread::sleep(LOOK),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("was not compiled within {} s", WALL.as_secs()));
            }
            Err(error) => return Err(format!("cannot be compiled: {error}")),
        }
    }
}

fn failure(status: ExitStatus, said: &str) -> String {
    let limits = format!(
        "the limits of the compiler are {CPU_SECONDS} s of processor time and {} GiB of memory",
        ADDRESS_SPACE >> 30
    );
    match status.signal() {
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
pub fn compile_plugin(component: impl Read, mut code: impl Write) -> Result<(), String> {
    limit();
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

fn limit() {
    let set = |resource, most: u64| {
        let limit = libc::rlimit {
            rlim_cur: most,
            rlim_max: most,
        };
        // SAFETY: `limit` is a valid structure that lives over the call, which reads it only.
        #[expect(unsafe_code, reason = "libc has no safe form of setrlimit")]
        let _ = unsafe { libc::setrlimit(resource, &raw const limit) };
    };
    set(libc::RLIMIT_CPU, CPU_SECONDS);
    set(libc::RLIMIT_AS, ADDRESS_SPACE);
    set(libc::RLIMIT_CORE, 0);
    // SAFETY: nice takes a number and touches no memory of ours.
    #[expect(unsafe_code, reason = "libc has no safe form of nice")]
    let _ = unsafe { libc::nice(NICENESS) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(program: &[&str]) -> Result<Vec<u8>, String> {
        let program: Vec<OsString> = program.iter().map(OsString::from).collect();
        compile(&wasmtime::Engine::default(), Some(&program), &[7; 100_000])
    }

    #[test]
    fn what_the_child_says_is_taken_and_its_end_is_told() {
        assert_eq!(with(&["/bin/cat"]).unwrap().len(), 100_000);
        let error = with(&["/bin/sh", "-c", "echo too odd >&2; exit 1"]).unwrap_err();
        assert_eq!(error, "too odd");
        let error = with(&["/bin/sh", "-c", "kill -9 $$"]).unwrap_err();
        assert!(error.contains("ended by signal 9"), "{error}");
        let error = with(&["/nowhere/compiler"]).unwrap_err();
        assert!(error.contains("does not start"), "{error}");
        assert!(
            with(&["/bin/sh", "-c", "env"]).unwrap().len() < 200,
            "no environment"
        );
    }
}
