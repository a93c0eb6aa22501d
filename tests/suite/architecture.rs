//! The architecture, held: who may depend on whom, which licences come in, which RFCs are told of, how long a file may be.

mod licence;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// Crates that parse what peers send: no I/O, no clock, no runtime (invariant 2).
const PURE: [&str; 10] = [
    "waxwing-mail",
    "waxwing-session",
    "waxwing-sasl",
    "waxwing-smtp",
    "waxwing-message",
    "waxwing-index",
    "waxwing-imap",
    "waxwing-pop3",
    "waxwing-jmap",
    "waxwing-queue",
];

/// What does I/O, TLS, SQL or WebAssembly, and the only crates that may name it (invariant 1).
const CONFINED: [(&str, &[&str]); 17] = [
    ("wasmtime", &["waxwing-policy"]),
    ("sqlx", &["waxwing-store"]),
    ("argon2", &["waxwing-store"]),
    ("pbkdf2", &["waxwing-store", "waxwing-sasl"]),
    ("scrypt", &["waxwing-store"]),
    ("jsonwebtoken", &["waxwing"]),
    ("hickory-resolver", &["waxwing"]),
    ("mail-auth", &["waxwing-auth"]),
    ("hyper", &["waxwing"]),
    ("rustls-native-certs", &["waxwing"]),
    ("rustls", &["waxwing", "waxwing-tests"]),
    ("tokio-rustls", &["waxwing"]),
    ("rcgen", &["waxwing", "waxwing-tests"]),
    ("socket2", &["waxwing"]),
    ("axum", &["waxwing"]),
    ("notify", &["waxwing", "waxwing-policy"]),
    (
        "mail-parser",
        &["waxwing-message", "waxwing-policy", "waxwing-plugin"],
    ),
];

/// What nothing under a pure crate may bring along, however deep.
const FORBIDDEN_BELOW_PURE: [&str; 8] = [
    "tokio",
    "mio",
    "socket2",
    "rustls",
    "sqlx",
    "wasmtime",
    "async-std",
    "hyper",
];

/// What cargo knows of the workspace. On a fresh machine it downloads what only other platforms build, whose licences count, too.
fn metadata() -> &'static Metadata {
    static METADATA: LazyLock<Metadata> = LazyLock::new(|| {
        MetadataCommand::new()
            .manifest_path(waxwing_tests::place::repository().join("Cargo.toml"))
            .other_options(["--locked".to_owned()])
            .exec()
            .expect("cargo knows its workspace")
    });
    &METADATA
}

/// The names that each workspace package depends on, directly and outside its tests.
fn direct(metadata: &Metadata) -> BTreeMap<String, BTreeSet<String>> {
    let normal =
        |kind: DependencyKind| matches!(kind, DependencyKind::Normal | DependencyKind::Build);
    let of = |package: &cargo_metadata::Package| {
        package
            .dependencies
            .iter()
            .filter(|dependency| normal(dependency.kind))
            .map(|dependency| dependency.name.clone())
            .collect()
    };
    metadata
        .workspace_packages()
        .into_iter()
        .map(|package| (package.name.to_string(), of(package)))
        .collect()
}

/// Everything that a package brings along outside tests, with itself.
fn closure(metadata: &Metadata, root: &PackageId) -> BTreeSet<String> {
    let resolve = metadata.resolve.as_ref().expect("a resolved graph");
    let nodes: BTreeMap<&PackageId, _> =
        resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let (mut seen, mut open) = (BTreeSet::from([root]), vec![root]);
    while let Some(id) = open.pop() {
        let normal = nodes[id].deps.iter().filter(|dep| {
            dep.dep_kinds
                .iter()
                .any(|kind| kind.kind == DependencyKind::Normal)
        });
        open.extend(normal.map(|dep| &dep.pkg).filter(|id| seen.insert(id)));
    }
    seen.into_iter()
        .map(|id| metadata[id].name.to_string())
        .collect()
}

#[test]
fn each_confined_library_is_known_to_its_crate_only() {
    let mut wrong = Vec::new();
    for (package, dependencies) in direct(metadata()) {
        for (library, allowed) in CONFINED {
            if dependencies.contains(library) && !allowed.contains(&package.as_str()) {
                wrong.push(format!(
                    "{package} depends on {library}, which only {allowed:?} may"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn protocol_crates_bring_no_input_and_output_along() {
    let metadata = metadata();
    for package in metadata
        .workspace_packages()
        .into_iter()
        .filter(|package| PURE.contains(&package.name.as_str()))
    {
        let below = closure(metadata, &package.id);
        let found: Vec<_> = FORBIDDEN_BELOW_PURE
            .into_iter()
            .filter(|name| below.contains(*name))
            .collect();
        assert!(found.is_empty(), "{} brings {found:?} along", package.name);
    }
}

#[test]
fn policy_store_and_protocols_do_not_know_each_other() {
    let direct = direct(metadata());
    let forbid = |package: &str, others: &[&str]| {
        let found: Vec<_> = others
            .iter()
            .filter(|other| direct[package].contains(**other))
            .collect();
        assert!(found.is_empty(), "{package} depends on {found:?}");
    };
    forbid(
        "waxwing-policy",
        &[
            "waxwing-store",
            "waxwing-smtp",
            "waxwing-imap",
            "waxwing-pop3",
            "waxwing-jmap",
            "waxwing-auth",
            "waxwing",
        ],
    );
    forbid(
        "waxwing-auth",
        &[
            "waxwing-policy",
            "waxwing-store",
            "waxwing-smtp",
            "waxwing-imap",
            "waxwing-pop3",
            "waxwing-jmap",
            "waxwing",
        ],
    );
    forbid(
        "waxwing-store",
        &[
            "waxwing-policy",
            "waxwing-smtp",
            "waxwing-imap",
            "waxwing-pop3",
            "waxwing-jmap",
            "waxwing",
        ],
    );
    for protocol in [
        "waxwing-smtp",
        "waxwing-imap",
        "waxwing-pop3",
        "waxwing-jmap",
    ] {
        let others: Vec<_> = [
            "waxwing-smtp",
            "waxwing-imap",
            "waxwing-pop3",
            "waxwing-jmap",
            "waxwing-policy",
            "waxwing-store",
            "waxwing",
        ]
        .into_iter()
        .filter(|other| *other != protocol)
        .collect();
        forbid(protocol, &others);
    }
}

#[test]
fn plugins_share_nothing_with_the_host_but_the_contract() {
    let metadata = metadata();
    let host: BTreeSet<String> = metadata
        .workspace_packages()
        .into_iter()
        .filter(|package| {
            package
                .manifest_path
                .starts_with(metadata.workspace_root.join("host"))
        })
        .map(|package| package.name.to_string())
        .collect();
    for (package, dependencies) in direct(metadata) {
        let manifest = metadata
            .workspace_packages()
            .into_iter()
            .find(|p| p.name == package)
            .unwrap()
            .manifest_path
            .clone();
        let guest = ["plugins", "plugin-sdk", "tests/plugins"]
            .into_iter()
            .any(|at| manifest.starts_with(metadata.workspace_root.join(at)));
        let shared: Vec<_> = dependencies.intersection(&host).collect();
        assert!(
            !guest || shared.is_empty(),
            "{package} is a guest's and depends on {shared:?} of the host"
        );
    }
}

#[test]
fn every_licence_that_comes_in_is_allowed() {
    let refused: Vec<_> = metadata()
        .packages
        .iter()
        .filter(|package| !package.license.as_deref().is_some_and(licence::allowed))
        .map(|package| {
            format!(
                "{} {}: {:?}",
                package.name, package.version, package.license
            )
        })
        .collect();
    assert!(refused.is_empty(), "not in the allow-list: {refused:#?}");
}

#[test]
fn every_rfc_that_is_cited_is_told_of() {
    let table = std::fs::read_to_string(waxwing_tests::place::repository().join("host/RFCS.md"))
        .expect("host/RFCS.md");
    let told: BTreeSet<u32> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok())
        .collect();
    let mut cited: BTreeMap<u32, String> = BTreeMap::new();
    for file in source::files(&["host", "plugin-sdk", "plugins"], &["rs", "wit"]) {
        for number in source::rfcs(&file.text) {
            cited.entry(number).or_insert_with(|| file.name.clone());
        }
    }
    let missing: Vec<_> = cited
        .iter()
        .filter(|(number, _)| !told.contains(number))
        .collect();
    assert!(
        missing.is_empty(),
        "cited and not in host/RFCS.md: {missing:?}"
    );
    let unused: Vec<_> = told
        .iter()
        .filter(|number| !cited.contains_key(number))
        .collect();
    assert!(
        unused.is_empty(),
        "in host/RFCS.md and cited nowhere: {unused:?}"
    );
}

#[test]
fn no_source_file_is_longer_than_600_lines() {
    let long: Vec<_> = source::files(
        &["host", "plugin-sdk", "plugins", "tests", "bench"],
        &["rs", "py", "sh"],
    )
    .into_iter()
    .filter(|file| file.text.lines().count() > 600)
    .map(|file| format!("{}: {} lines", file.name, file.text.lines().count()))
    .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn tests_do_not_sleep_and_none_is_left_out() {
    // Spelt so that this file does not find itself.
    let banned = ["sle|ep(", "sle|ep_until(", "#[ig|nore"].map(|word| word.replace('|', ""));
    let mut found = Vec::new();
    for file in source::files(&["host", "plugin-sdk", "plugins", "tests"], &["rs", "py"]) {
        // Production code may wait (a delay that policy asked for); what runs in tests may not.
        let tests = file.name.starts_with("tests/")
            || file.name.contains("/tests/")
            || file.name.ends_with("tests.rs");
        let text = if tests {
            file.text.as_str()
        } else {
            file.text
                .split_once("#[cfg(test)]\nmod")
                .map_or("", |(_, tests)| tests)
        };
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            // Between two looks at a condition, under a deadline that fails the test, waiting is right.
            let before = &lines[index.saturating_sub(6)..index];
            let polls = before.iter().any(|line| line.contains("elapsed() <"));
            if !polls && banned.iter().any(|word| line.contains(word.as_str())) {
                found.push(format!(
                    "{} (test line {}): {}",
                    file.name,
                    index + 1,
                    line.trim()
                ));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn nothing_is_left_to_be_done_some_day() {
    let banned = ["TO|DO", "FIX|ME", "XX|X:"].map(|word| word.replace('|', ""));
    let mut found = Vec::new();
    for file in source::files(
        &[
            "host",
            "plugin-sdk",
            "plugins",
            "tests",
            "bench",
            "tools",
            "config",
        ],
        &["rs", "py", "sh", "toml", "wit", "md"],
    ) {
        for (index, line) in file.text.lines().enumerate() {
            if banned.iter().any(|word| line.contains(word.as_str())) {
                found.push(format!("{}:{}: {}", file.name, index + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
