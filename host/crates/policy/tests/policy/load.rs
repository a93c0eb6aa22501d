//! What does not load, and the sentence that says so.

use waxwing_policy::{Compiler, CompilerLimits, Policy, PolicyConfig};

use crate::component::{PASS, Plugin, case};
use crate::site::{Site, step};

fn passing() -> Plugin {
    Plugin::new().hook("connect", &format!("(i32.const {PASS})"))
}

#[tokio::test]
async fn an_import_that_is_not_granted_names_what_to_add_and_where() {
    let site = Site::new();
    site.plugin("p", &passing().calls("$increment").hook("ehlo", "(call $increment (i32.const 1) (i32.const 0) (i32.const 0) (i64.const 1) (i32.const 0) (i64.const 0) (i32.const 2048)) (i32.const 1024)"))
        .policy("# one line more\n[[step]]\nplugin = \"p\"\n");
    assert_eq!(
        site.problems().await,
        [
            "policy.toml:2: plugin `p` imports `kv`, which is not granted: add \"kv\" to `grants` of this step"
        ]
    );
}

#[tokio::test]
async fn every_problem_is_told_at_once() {
    let site = Site::new();
    site.plugin("p", &passing())
        .file("plugins/module.wasm", b"\0asm\x01\0\0\0")
        .file("plugins/text.wasm", b"hello")
        .policy("[[step]]\nplugin = \"missing\"\n[[step]]\nplugin = \"module\"\n[[step]]\nplugin = \"text\"\n[[step]]\nplugin = \"p\"\nhooks = [\"message\"]\n");
    let problems = site.problems().await;
    let starts = [
        "policy.toml:1: plugin `missing` has no file missing.wasm in",
        "policy.toml:3: plugin `module`: ",
        "policy.toml:5: plugin `text`: ",
        "policy.toml:7: plugin `p` has no hook `message`; it has connect",
    ];
    assert_eq!(problems.len(), starts.len(), "{problems:#?}");
    for (problem, start) in problems.iter().zip(starts) {
        assert!(problem.starts_with(start), "{problems:#?}");
    }
    assert!(
        problems[1].contains("is a core module, not a component"),
        "{problems:#?}"
    );
}

#[tokio::test]
async fn settings_are_checked_and_the_line_is_told() {
    // problem { pointer: "/files/0/content/rule/1/regex", text: "no such thing" }
    let mut plugin = passing();
    let (pointer, text) = (
        plugin.put(b"/files/0/content/rule/1/regex"),
        plugin.put(b"no such thing"),
    );
    let mut problem = Vec::new();
    for number in [pointer, 29, text, 13] {
        problem.extend(number.to_le_bytes());
    }
    let problems = plugin.put(&problem);
    let mut answer = vec![1, 0, 0, 0];
    answer.extend(problems.to_le_bytes());
    answer.extend(1_u32.to_le_bytes());
    let site = Site::new();
    site.plugin("p", &plugin.says("settings-check", &answer))
        .file(
            "rules/local.toml",
            b"[[rule]]\nname = \"A\"\n\n[[rule]]\nname = \"B\"\nregex = \"(\"\n",
        )
        .policy(&step("p", "settings-files = [\"rules/*.toml\"]"));
    assert_eq!(
        site.problems().await,
        ["rules/local.toml:6: plugin `p`: no such thing"]
    );
}

#[tokio::test]
async fn a_self_test_that_fails_keeps_a_plugin_out() {
    // outcome { name: "greets", passed: false, detail: "said no" }
    let mut plugin = passing();
    let (name, detail) = (plugin.put(b"greets"), plugin.put(b"said no"));
    let mut outcome = Vec::new();
    for number in [name, 6, 0, detail, 7] {
        outcome.extend(number.to_le_bytes());
    }
    let outcomes = plugin.put(&outcome);
    let mut list = outcomes.to_le_bytes().to_vec();
    list.extend(1_u32.to_le_bytes());
    let site = Site::new();
    site.plugin("p", &plugin.says("self-test", &list))
        .policy(&step("p", ""));
    assert_eq!(
        site.problems().await,
        ["policy.toml:1: plugin `p`: its self-test `greets` failed: said no"]
    );
}

#[tokio::test]
async fn what_cannot_be_set_up_does_not_serve() {
    for (plugin, word) in [
        (
            passing().function("lifecycle", "init", "(unreachable)"),
            "its init failed: trapped",
        ),
        (
            passing().function(
                "lifecycle",
                "init",
                "(loop $again (br $again)) (unreachable)",
            ),
            "its init failed: computed longer",
        ),
        (
            passing().hook("self-test", "(unreachable)"),
            "its self-test failed: trapped",
        ),
        (
            passing().hook("settings-check", "(unreachable)"),
            "its settings-check failed: trapped",
        ),
    ] {
        let site = Site::new();
        site.plugin("p", &plugin)
            .policy(&step("p", "limits = { cpu-ms = 150 }"));
        let problems = site.problems().await;
        assert!(
            problems.len() == 1 && problems[0].contains(word),
            "{problems:?} for {word}"
        );
    }
}

#[tokio::test]
async fn a_guest_may_not_begin_with_more_memory_than_it_is_given() {
    let site = Site::new();
    site.plugin("p", &passing())
        .policy(&step("p", "limits = { memory-mib = 1 }"));
    assert!(site.problems().await.is_empty());
}

#[tokio::test]
async fn compiled_code_is_kept_and_a_spoilt_copy_is_not_used() {
    let site = Site::new();
    site.plugin("p", &Plugin::new().says("connect", &case(1)))
        .policy(&step("p", ""));
    drop(site.serving().await);
    let compiled = |site: &Site| -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(site.path("cache")).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "compiled"))
            .collect()
    };
    let files = compiled(&site);
    assert_eq!(files.len(), 1);
    std::fs::write(&files[0], b"spoilt").unwrap();
    drop(site.serving().await);
    assert!(std::fs::metadata(&files[0]).unwrap().len() > 1000);
}

#[tokio::test]
async fn no_part_of_a_component_is_taken_for_the_whole() {
    let site = Site::new();
    let whole = passing().build();
    site.policy(&step("p", ""));
    for length in (0..whole.len()).step_by(whole.len() / 40) {
        site.file("plugins/p.wasm", &whole[..length]);
        let problems = site.problems().await;
        assert_eq!(problems.len(), 1, "{length} octets: {problems:?}");
    }
}

#[tokio::test]
async fn a_file_beyond_all_measure_is_not_read() {
    let site = Site::new();
    let file = std::fs::File::create(site.path("plugins/p.wasm")).unwrap();
    file.set_len(100 << 20).unwrap();
    site.policy(&step("p", ""));
    let problems = site.problems().await;
    assert!(
        problems.len() == 1 && problems[0].contains("has 104857600 octets, where 67108864 may be"),
        "{problems:?}"
    );
}

#[tokio::test]
async fn interfaces_that_the_server_does_not_have_are_told_by_name_and_version() {
    let site = Site::new();
    let component = wat::parse_str(
        "(component
            (import \"waxwing:policy/teleport@0.1.0\" (instance))
            (import \"waxwing:policy/log@0.1.0\" (instance))
            (import \"waxwing:policy/log@0.2.0\" (instance))
            (import \"wasi:io/streams@0.2.0\" (instance)))",
    )
    .unwrap();
    site.file("plugins/p.wasm", &component)
        .policy(&step("p", ""));
    let problems = site.problems().await.join("\n");
    for part in [
        "imports `teleport`, which this server does not have",
        "wants `log` of version 0.2.0, this server has 0.1.x",
        "imports `wasi:io/streams@0.2.0`, which plugins do not get",
        "exports no `waxwing:policy/lifecycle`",
    ] {
        assert!(problems.contains(part), "{part}: {problems}");
    }
    assert!(
        problems.contains("has no hook of this release"),
        "{problems}"
    );
}

#[tokio::test]
async fn what_is_lifted_asynchronously_is_refused() {
    let site = Site::new();
    let component = wat::parse_str(
        "(component
            (core module $m (func (export \"f\")))
            (core instance $i (instantiate $m))
            (type $t (func async))
            (func (export \"f\") (type $t) (canon lift (core func $i \"f\") async)))",
    )
    .unwrap();
    site.file("plugins/p.wasm", &component)
        .policy(&step("p", ""));
    let problems = site.problems().await;
    assert!(
        problems.len() == 1 && problems[0].contains("async"),
        "{problems:?}"
    );
}

/// A compiler that writes down when it begins and ends, and compiles nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_plugins_are_compiled_at_once_than_there_are_processors() {
    let site = Site::new();
    let mut steps = String::new();
    for number in 0..24_u16 {
        let name = format!("p{number}");
        let plugin = Plugin::new().reply("mail-from", 2, 400 + number, "no");
        site.plugin(&name, &plugin);
        steps.push_str(&step(&name, ""));
    }
    site.policy(&steps);
    let log = site.path("compilers");
    let script = format!(
        "echo begins >>{log}; cat >/dev/null; echo ends >>{log}; echo no >&2; exit 1",
        log = log.display()
    );
    let config = PolicyConfig {
        compiler: Some(Compiler {
            command: ["/bin/sh", "-c", &script].map(Into::into).to_vec(),
            limits: CompilerLimits::default(),
        }),
        ..site.config()
    };
    let checked = Policy::check(&config).await.unwrap();
    assert_eq!(checked.problems.len(), 24, "{:?}", checked.problems);
    let written = std::fs::read_to_string(log).unwrap();
    let (mut running, mut most) = (0_usize, 0_usize);
    for line in written.lines() {
        match line {
            "begins" => running += 1,
            _ => running -= 1,
        }
        most = most.max(running);
    }
    let processors = std::thread::available_parallelism().unwrap().get();
    assert!((1..=processors).contains(&most), "{most} at once");
}
