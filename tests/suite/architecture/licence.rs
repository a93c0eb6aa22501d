//! SPDX expressions held against the licences that may come in.

/// Permissive licences, and the weak copyleft of files (MPL-2.0), as GPL and AGPL stay out of the project.
const ALLOWED: [&str; 16] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "MPL-2.0",
    "CC0-1.0",
    "Unlicense",
    "0BSD",
    "OpenSSL",
    "CDLA-Permissive-2.0",
];

/// Whether an expression can be fulfilled with allowed licences only.
pub(super) fn allowed(expression: &str) -> bool {
    // Cargo's old form uses a slash for "or".
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    any(&tokens, &mut at)
}

/// `a OR b`; binds weaker than AND.
fn any(tokens: &[&str], at: &mut usize) -> bool {
    let mut fulfilled = all(tokens, at);
    while tokens.get(*at) == Some(&"OR") {
        *at += 1;
        fulfilled |= all(tokens, at);
    }
    fulfilled
}

/// `a AND b`.
fn all(tokens: &[&str], at: &mut usize) -> bool {
    let mut fulfilled = one(tokens, at);
    while tokens.get(*at) == Some(&"AND") {
        *at += 1;
        fulfilled &= one(tokens, at);
    }
    fulfilled
}

/// A licence, with its exception if it has one, or an expression in parentheses.
fn one(tokens: &[&str], at: &mut usize) -> bool {
    let Some(token) = tokens.get(*at) else {
        return false;
    };
    *at += 1;
    if *token == "(" {
        let fulfilled = any(tokens, at);
        *at += 1;
        return fulfilled;
    }
    if tokens.get(*at) == Some(&"WITH") {
        let exception = tokens.get(*at + 1).copied().unwrap_or_default();
        *at += 2;
        return ALLOWED.contains(&format!("{token} WITH {exception}").as_str());
    }
    ALLOWED.contains(token)
}

#[test]
fn expressions_are_understood() {
    assert!(allowed("MIT OR Apache-2.0"));
    assert!(allowed("MIT/Apache-2.0"));
    assert!(allowed("GPL-3.0 OR MIT"));
    assert!(allowed("(MIT OR GPL-2.0) AND Unicode-3.0"));
    assert!(allowed("Apache-2.0 WITH LLVM-exception"));
    assert!(!allowed("AGPL-3.0-only"));
    assert!(!allowed("MIT AND GPL-2.0"));
    assert!(!allowed(""));
}
