//! Components that are made to be dear to read or to run: what cannot be taken is refused in one sentence, and the server stays.

use crate::component::{PASS, Plugin};
use crate::site::{Site, code, step, transaction};

/// Unsigned LEB128 of five octets, so that what it counts can be nested without counting twice.
fn number(value: usize) -> [u8; 5] {
    let part = |at: u32| u8::try_from((value >> (7 * at)) & 0x7f).unwrap();
    [
        part(0) | 0x80,
        part(1) | 0x80,
        part(2) | 0x80,
        part(3) | 0x80,
        part(4),
    ]
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    let mut section = vec![id];
    section.extend(number(content.len()));
    section.extend(content);
    section
}

fn component(sections: &[u8]) -> Vec<u8> {
    [b"\0asm\x0d\0\x01\0", sections].concat()
}

/// Types of components in types of components, each with one declaration.
fn nested_types(depth: usize) -> Vec<u8> {
    let mut types = vec![1];
    types.extend([0x41, 1, 1].repeat(depth));
    types.extend([0x41, 0]);
    component(&section(7, &types))
}

/// Components in components.
fn nested_components(depth: usize) -> Vec<u8> {
    (0..depth).fold(component(&[]), |inner, _| component(&section(4, &inner)))
}

#[tokio::test]
async fn what_nests_too_deep_is_refused_before_it_is_compiled() {
    for (octets, why) in [
        (nested_types(5_000_000), "is no whole WebAssembly component"),
        (nested_components(2000), "holds more than 200 modules"),
    ] {
        let site = Site::new();
        site.file("plugins/p.wasm", &octets).policy(&step("p", ""));
        let problems = site.problems().await;
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains(why), "{problems:?}");
    }
}

#[tokio::test]
async fn thousands_of_functions_are_taken() {
    let functions: String = (0..5000)
        .map(|n| {
            format!("(func (param i32) (result i32) (i32.add (local.get 0) (i32.const {n})))\n")
        })
        .collect();
    let site = Site::new();
    let plugin = Plugin::new().hook("mail-from", &format!("(i32.const {PASS})"));
    site.plugin("p", &plugin.more(&functions))
        .policy(&step("p", ""));
    let policy = site.serving().await;
    assert_eq!(code(&transaction(&policy).mail_from().await), 250);
}

#[tokio::test]
async fn data_that_does_not_fit_the_memory_that_a_step_may_have_is_refused() {
    let passing = || Plugin::new().hook("mail-from", &format!("(i32.const {PASS})"));
    // 4 MiB of data, in a memory of 6.
    let large = format!("(data (i32.const 1048576) \"{}\")", "x".repeat(4 << 20));
    // 1 octet beyond the memory that there is.
    let beyond = "(data (i32.const 131072) \"x\")".to_owned();
    for (more, pages, limit, why) in [
        (&large, 96, 5, Some("memory")),
        (&large, 96, 6, None),
        (&beyond, 2, 6, Some("cannot be instantiated")),
    ] {
        let site = Site::new();
        site.plugin("p", &passing().pages(pages).more(more))
            .policy(&step("p", &format!("limits = {{ memory-mib = {limit} }}")));
        let problems = site.problems().await;
        match why {
            None => assert!(problems.is_empty(), "{problems:?}"),
            Some(why) => assert!(
                problems.len() == 1 && problems[0].contains(why),
                "{why}: {problems:?}"
            ),
        }
    }
}
