//! Components that are made to be dear to compile: the process that compiles them has limits, and what served goes on serving.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use waxwing_tests::setup::{Policy, Setup};
use waxwing_tests::wait::until;
use waxwing_tests::{place, process};

/// What the kernel ends a process with that is over its processor time.
const SIGKILL: i32 = 9;
/// What a process ends itself with that gets no memory.
const SIGABRT: i32 = 6;
const PATIENCE: Duration = Duration::from_secs(120);

/// A section of WebAssembly: id, length, content.
fn section(id: u8, content: &[u8]) -> Vec<u8> {
    let mut section = vec![id];
    section.extend(number(content.len()));
    section.extend(content);
    section
}

/// Unsigned LEB128.
fn number(mut value: usize) -> Vec<u8> {
    let mut octets = Vec::new();
    while value >= 0x80 {
        octets.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    octets.push(u8::try_from(value).unwrap());
    octets
}

/// A component of one core module with so many functions of this body, each from nothing to nothing.
fn component(functions: usize, body: &[u8]) -> Vec<u8> {
    let types = section(1, &[1, 0x60, 0, 0]);
    let mut indices = number(functions);
    indices.resize(indices.len() + functions, 0);
    let mut function = vec![0];
    function.extend(body);
    function.push(0x0b);
    let mut code = number(functions);
    for _ in 0..functions {
        code.extend(number(function.len()));
        code.extend(&function);
    }
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend(types);
    module.extend(section(3, &indices));
    module.extend(section(10, &code));
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    component.extend(section(1, &module));
    component
}

/// `i32.const 1, i32.const 2, …, drop`: work for a compiler, none for a guest.
fn long_sum(terms: usize) -> Vec<u8> {
    let mut body = vec![0x41, 1];
    for _ in 0..terms {
        // i32.const 3, i32.mul, i32.const 5, i32.xor
        body.extend([0x41, 3, 0x6c, 0x41, 5, 0x73]);
    }
    body.push(0x1a);
    body
}

/// Blocks in blocks, so deep.
fn nested(depth: usize) -> Vec<u8> {
    let mut body = [0x02, 0x40].repeat(depth);
    body.extend(vec![0x0b; depth]);
    body
}

fn compile(component: &[u8], limits: [&str; 2]) -> Output {
    process::run(
        Command::new(place::binary())
            .arg("compile-plugin")
            .args(limits),
        component,
    )
}

#[test]
fn a_plugin_that_takes_too_long_to_compile_leaves_the_old_generation_serving() {
    let step = "[[step]]\nplugin = \"accepting\"\ngrants = [\"directory\", \"credentials\"]\n";
    let server = Setup::new()
        .policy(Policy::Text(step.to_owned()))
        .own_plugins()
        .policy_settings("compile-time = \"1s\"\n")
        .start();
    let bomb = component(3000, &long_sum(2000));
    let (plugin, new) = (
        server.folder().join("plugins/accepting.wasm"),
        server.folder().join("new"),
    );
    fs::write(&new, &bomb).unwrap();
    let begun = Instant::now();
    fs::rename(new, plugin).unwrap();
    let listed = until("the bomb is told of", PATIENCE, || {
        let listed = server.cli(&["plugin", "list"]);
        listed.contains("to compile").then_some(listed)
    });
    assert!(
        listed.0.contains("takes too much time or memory to compile: the limits of the compiler are 1 s of processor time and 4096 MiB of memory"),
        "{listed:?}"
    );
    // Ended by the limit on its processor time, not by the minute of patience beyond it.
    assert!(begun.elapsed() < Duration::from_secs(50));
    assert_eq!(server.generation(), 1);
    let sent = server.smtp().send(
        "sender@example.net",
        &["alice@waxwing.test"],
        b"Subject: x\r\n\r\nx\r\n",
    );
    assert_eq!(sent.unwrap().code, 250);
}

#[test]
fn a_component_that_takes_too_much_memory_ends_its_compiler_alone() {
    let output = compile(&component(1, &long_sum(100_000)), ["100", "300000000"]);
    assert_eq!(output.status.signal(), Some(SIGABRT), "{output:?}");
    assert!(output.stdout.is_empty());
}

#[test]
fn what_nests_deep_compiles_or_is_refused_and_nothing_worse() {
    // Compiling takes longer than in proportion: the deepest meets the limit, not the end of a stack.
    for (depth, seconds) in [(100, "60"), (10_000, "60"), (1_000_000, "2")] {
        let output = compile(&component(1, &nested(depth)), [seconds, "4294967296"]);
        let said = String::from_utf8_lossy(&output.stderr);
        let refused = output.status.code() == Some(65) && said.contains("does not compile");
        let ended = output.status.signal() == Some(SIGKILL);
        assert!(
            output.status.success() || refused || ended,
            "{depth}: {:?} {said}",
            output.status
        );
        assert!(!ended || depth > 10_000, "{depth} takes too long");
    }
}
