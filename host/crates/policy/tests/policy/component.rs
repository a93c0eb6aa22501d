//! Plugins made on the spot: core modules in text, turned into components with the contract's types.
//!
//! A hook's body is WAT that leaves the address of its answer. Address 1024 holds zeros, which is `ok(pass)` in every hook.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Where the answer `ok(pass)` lies.
pub(crate) const PASS: u32 = 1024;

/// The functions of each exported interface: name and core parameters.
const EXPORTS: [(&str, &[(&str, &str)]); 21] = [
    ("lifecycle", &[("init", "i32 i32")]),
    ("settings-check", &[("validate", "i32 i32")]),
    ("self-test", &[("run", "")]),
    ("hook-connect", &[("on-connect", "i32")]),
    ("hook-ehlo", &[("on-ehlo", "i32 i32 i32")]),
    ("hook-authenticate", &[("check", "i32 i32")]),
    (
        "hook-login",
        &[
            ("before", "i32 i32 i32 i32 i32"),
            ("after", "i32 i32 i32 i32 i32 i32 i32"),
            ("failed", "i32 i32 i32 i32 i32"),
        ],
    ),
    ("hook-mail-from", &[("on-mail-from", "i32 i32")]),
    (
        "hook-rcpt-to",
        &[(
            "on-rcpt-to",
            "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32",
        )],
    ),
    ("hook-data", &[("on-data", "i32 i32")]),
    ("hook-message", &[("on-message", "i32 i32 i32 i32")]),
    ("hook-verdict", &[("on-verdict", "i32 i32 i32 i32")]),
    (
        "hook-route-inbound",
        &[("resolve", "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32")],
    ),
    ("hook-quota", &[("check", "i32 i32 i32 i64 i64 i64 i64")]),
    ("hook-quota-limits", &[("limits-of", "i32 i32")]),
    (
        "hook-deliver",
        &[(
            "on-deliver",
            "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32",
        )],
    ),
    ("hook-submit", &[("on-submit", "i32 i32 i32 i32")]),
    (
        "hook-route-outbound",
        &[(
            "plan-for",
            "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32",
        )],
    ),
    (
        "hook-delivery-result",
        &[(
            "on-result",
            "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32",
        )],
    ),
    ("hook-mailbox", &[("on-events", "i32")]),
    ("hook-tick", &[("on-tick", "i64")]),
];

/// A handle among a hook's parameters: parameter, interface, resource.
type Borrow = (u32, &'static str, &'static str);

/// The handles that a hook borrows, which it has to give back.
const BORROWS: [(&str, &[Borrow]); 15] = [
    ("hook-connect", &[(0, "session", "connection")]),
    ("hook-ehlo", &[(0, "session", "connection")]),
    (
        "hook-authenticate",
        &[
            (0, "session", "connection"),
            (1, "credentials", "credentials"),
        ],
    ),
    ("hook-login", &[(0, "session", "connection")]),
    (
        "hook-mail-from",
        &[(0, "session", "connection"), (1, "envelope", "envelope")],
    ),
    (
        "hook-rcpt-to",
        &[(0, "session", "connection"), (1, "envelope", "envelope")],
    ),
    (
        "hook-data",
        &[(0, "session", "connection"), (1, "envelope", "envelope")],
    ),
    (
        "hook-message",
        &[
            (0, "session", "connection"),
            (1, "envelope", "envelope"),
            (2, "message", "message"),
            (3, "actions", "message-actions"),
        ],
    ),
    (
        "hook-verdict",
        &[(0, "session", "connection"), (1, "envelope", "envelope")],
    ),
    ("hook-route-inbound", &[(0, "envelope", "envelope")]),
    (
        "hook-deliver",
        &[
            (0, "envelope", "envelope"),
            (14, "message", "message"),
            (15, "actions", "delivery-actions"),
        ],
    ),
    (
        "hook-submit",
        &[
            (0, "envelope", "envelope"),
            (1, "message", "message"),
            (2, "actions", "message-actions"),
            (3, "outbound", "submission"),
        ],
    ),
    (
        "hook-route-outbound",
        &[
            (0, "envelope", "envelope"),
            (12, "outbound", "attempt"),
            (13, "outbound", "plan"),
        ],
    ),
    (
        "hook-delivery-result",
        &[(0, "envelope", "envelope"), (12, "outbound", "attempt")],
    ),
    ("hook-mailbox", &[(0, "mailbox-events", "batch")]),
];

/// Host functions that bodies may call, and what they are called in bodies.
const IMPORTS: [(&str, &str, &str, &str); 24] = [
    ("findings", "add", "$add", "(param i32 i32 f64 i32 i32 i32)"),
    ("findings", "total", "$total", "(result f64)"),
    ("log", "log", "$log", "(param i32 i32 i32 i32 i32)"),
    ("runtime", "generation", "$generation", "(result i64)"),
    (
        "session",
        "[method]connection.age-ms",
        "$age",
        "(param i32) (result i64)",
    ),
    (
        "session",
        "[method]connection.pass-ahead",
        "$pass-ahead",
        "(param i32 i32 i32)",
    ),
    (
        "envelope",
        "[method]envelope.leads-to",
        "$leads-to",
        "(param i32 i32 i32)",
    ),
    (
        "envelope",
        "[method]envelope.recipient-count",
        "$recipients",
        "(param i32) (result i32)",
    ),
    (
        "actions",
        "[method]message-actions.add-header",
        "$add-header",
        "(param i32 i32 i32 i32 i32 i32)",
    ),
    (
        "actions",
        "[method]delivery-actions.keep",
        "$keep",
        "(param i32 i32 i32 i32)",
    ),
    (
        "actions",
        "[method]message-actions.change-header",
        "$change-header",
        "(param i32 i32 i32 i32 i32 i32 i32)",
    ),
    (
        "actions",
        "[method]message-actions.add-recipient",
        "$add-recipient",
        "(param i32 i32 i32 i32 i32 i32)",
    ),
    (
        "actions",
        "[method]message-actions.remove-recipient",
        "$remove-recipient",
        "(param i32 i32 i32)",
    ),
    (
        "actions",
        "[method]message-actions.change-sender",
        "$change-sender",
        "(param i32 i32 i32 i32 i32 i32 i32)",
    ),
    (
        "message",
        "[method]message.subject",
        "$subject",
        "(param i32 i32)",
    ),
    (
        "envelope",
        "[method]envelope.sender",
        "$sender",
        "(param i32 i32)",
    ),
    (
        "outbound",
        "[method]submission.sign",
        "$sign",
        "(param i32 i32 i32 i32 i32 i32)",
    ),
    (
        "outbound",
        "[method]submission.seal",
        "$seal",
        "(param i32 i32 i32 i32 i32 i32)",
    ),
    (
        "outbound",
        "[method]plan.mx-of",
        "$mx-of",
        "(param i32 i32 i32 i32)",
    ),
    (
        "mailbox-events",
        "[method]batch.count",
        "$events",
        "(param i32) (result i32)",
    ),
    ("runtime", "monotonic-ns", "$now", "(result i64)"),
    (
        "kv",
        "increment",
        "$increment",
        "(param i32 i32 i32 i64 i32 i64 i32)",
    ),
    (
        "directory",
        "owns",
        "$owns",
        "(param i32 i32 i32 i32 i32 i32 i32)",
    ),
    (
        "credentials",
        "[method]credentials.verify",
        "$verify",
        "(param i32 i32 i32 i32)",
    ),
];

/// A plugin to be built.
#[derive(Clone, Default)]
pub(crate) struct Plugin {
    worlds: Vec<&'static str>,
    bodies: BTreeMap<(&'static str, &'static str), String>,
    imports: Vec<&'static str>,
    data: Vec<(u32, Vec<u8>)>,
    next: u32,
    version: &'static str,
    manifest: Option<String>,
    more: String,
    pages: u32,
    utf16: bool,
}

impl Plugin {
    /// A plugin without a hook.
    pub(crate) fn new() -> Self {
        Self {
            next: 4096,
            version: "1.0.0",
            pages: 2,
            ..Self::default()
        }
    }

    /// A hook with a body. `world` is the hook's name; for hooks with several functions, all get the body.
    pub(crate) fn hook(mut self, hook: &'static str, body: &str) -> Self {
        self.worlds.push(match hook {
            "settings-check" => "checked-settings",
            "self-test" => "self-testing",
            other => Box::leak(format!("{other}-plugin").into_boxed_str()),
        });
        let interface: &str = match hook {
            "settings-check" | "self-test" => hook,
            other => Box::leak(format!("hook-{other}").into_boxed_str()),
        };
        let (interface, functions) = EXPORTS
            .iter()
            .find(|(name, _)| *name == interface)
            .expect("a known hook");
        for (function, _) in *functions {
            self.bodies.insert((interface, function), body.to_owned());
        }
        self
    }

    /// Another body for one function.
    pub(crate) fn function(
        mut self,
        interface: &'static str,
        function: &'static str,
        body: &str,
    ) -> Self {
        self.bodies.insert((interface, function), body.to_owned());
        self
    }

    /// A hook that gives a constant answer.
    pub(crate) fn says(mut self, hook: &'static str, answer: &[u8]) -> Self {
        let at = self.put(answer);
        self.hook(hook, &format!("(i32.const {at})"))
    }

    /// Lets bodies call a host function, by its name in [`IMPORTS`].
    pub(crate) fn calls(mut self, alias: &'static str) -> Self {
        let (interface, ..) = IMPORTS
            .iter()
            .find(|(_, _, name, _)| *name == alias)
            .expect("a known import");
        match *interface {
            "kv" => self.worlds.push("with-kv"),
            "actions" => self.worlds.push("with-actions"),
            "credentials" => self.worlds.push("with-credentials"),
            "directory" => self.worlds.push("with-directory"),
            _ => {}
        }
        self.imports.push(alias);
        self
    }

    /// Puts octets into the memory; gives their address.
    pub(crate) fn put(&mut self, octets: &[u8]) -> u32 {
        let at = self.next;
        self.next = (at + u32::try_from(octets.len()).unwrap() + 15) & !15;
        self.data.push((at, octets.to_vec()));
        at
    }

    /// A reply in an answer of `case`: `ok(case(reply))`.
    pub(crate) fn reply(self, hook: &'static str, case: u8, code: u16, text: &str) -> Self {
        self.reply_of(hook, case, code, text.as_bytes(), text.len())
    }

    /// The same, its text as octets and the length that is told of it.
    pub(crate) fn reply_of(
        mut self,
        hook: &'static str,
        case: u8,
        code: u16,
        text: &[u8],
        length: usize,
    ) -> Self {
        let text_at = self.put(text);
        let mut answer = vec![0, 0, 0, 0, case, 0, 0, 0];
        answer.extend(code.to_le_bytes());
        answer.extend([0; 10]);
        answer.extend(text_at.to_le_bytes());
        answer.extend(u32::try_from(length).unwrap().to_le_bytes());
        // A judgement's reason follows: empty.
        answer.extend([0; 16]);
        self.says(hook, &answer)
    }

    /// So many pages of memory at the start, two if nothing is said.
    pub(crate) fn pages(mut self, pages: u32) -> Self {
        self.pages = pages;
        self
    }

    /// Its strings are UTF-16: their lengths are in units of two octets.
    pub(crate) fn utf16(mut self) -> Self {
        self.utf16 = true;
        self
    }

    /// Fields of the module besides.
    pub(crate) fn more(mut self, text: &str) -> Self {
        self.more.push_str(text);
        self
    }

    /// A manifest, as TOML.
    pub(crate) fn manifest(mut self, text: &str) -> Self {
        self.manifest = Some(text.to_owned());
        self
    }

    /// The component.
    pub(crate) fn build(&self) -> Vec<u8> {
        let mut module = wat::parse_str(self.text()).expect("the module's text");
        let mut resolve = Resolve::default();
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../plugin-sdk/wit");
        resolve.push_dir(wit).expect("the contract");
        let mut world = "package test:plugin;\nworld plugin {\n  include waxwing:policy/base@0.1.0;\n  export waxwing:policy/lifecycle@0.1.0;\n".to_owned();
        for name in &self.worlds {
            let _ = writeln!(world, "  include waxwing:policy/{name}@0.1.0;");
        }
        world.push_str("}\n");
        let package = resolve
            .push_str("test.wit", &world)
            .expect("the plugin's world");
        let world = resolve
            .select_world(&[package], Some("plugin"))
            .expect("the plugin's world");
        let encoding = match self.utf16 {
            true => StringEncoding::UTF16,
            false => StringEncoding::UTF8,
        };
        embed_component_metadata(&mut module, &resolve, world, encoding, false).expect("metadata");
        let mut component = ComponentEncoder::default()
            .validate(true)
            .module(&module)
            .expect("a module")
            .encode()
            .expect("a component");
        custom_section(&mut component, "waxwing:version", self.version.as_bytes());
        if let Some(manifest) = &self.manifest {
            custom_section(&mut component, "waxwing:manifest", manifest.as_bytes());
        }
        component
    }

    /// The resources that the hooks of this plugin borrow, each once.
    fn borrowed(&self) -> BTreeSet<(&'static str, &'static str)> {
        let interfaces = self.bodies.keys().map(|(interface, _)| *interface);
        interfaces
            .flat_map(borrows)
            .map(|(_, interface, resource)| (*interface, *resource))
            .collect()
    }

    fn text(&self) -> String {
        let mut text = "(module\n".to_owned();
        for (interface, name, alias, signature) in IMPORTS
            .iter()
            .filter(|import| self.imports.contains(&import.2))
        {
            let _ = writeln!(
                text,
                "(import \"waxwing:policy/{interface}@0.1.0\" \"{name}\" (func {alias} {signature}))"
            );
        }
        for (interface, resource) in self.borrowed() {
            let _ = writeln!(
                text,
                "(import \"waxwing:policy/{interface}@0.1.0\" \"[resource-drop]{resource}\" (func $drop-{resource} (param i32)))"
            );
        }
        let _ = writeln!(text, "(memory (export \"memory\") {})", self.pages);
        text.push_str(
            "(global $heap (mut i32) (i32.const 65536))\n(global $count (mut i32) (i32.const 0))\n\
             (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) (local i32)\n\
             (local.set 4 (i32.and (i32.add (global.get $heap) (i32.const 15)) (i32.const -16)))\n\
             (global.set $heap (i32.add (local.get 4) (local.get 3)))\n\
             (if (i32.gt_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536)))\n\
             (then (if (i32.lt_s (memory.grow (i32.add (i32.div_u (local.get 3) (i32.const 65536)) (i32.const 1))) (i32.const 0)) (then unreachable))))\n\
             (local.get 4))\n",
        );
        for (at, octets) in &self.data {
            let escaped: String = octets
                .iter()
                .map(|octet| format!("\\{octet:02x}"))
                .collect();
            let _ = writeln!(text, "(data (i32.const {at}) \"{escaped}\")");
        }
        for (interface, functions) in EXPORTS {
            for (function, params) in functions {
                let body = match (interface, self.bodies.get(&(interface, *function))) {
                    (_, Some(body)) => body.clone(),
                    ("lifecycle", None) => format!("(i32.const {PASS})"),
                    _ => continue,
                };
                let name = format!("waxwing:policy/{interface}@0.1.0#{function}");
                let inner = format!("${interface}-{function}");
                let _ = writeln!(text, "(func {inner} (param {params}) (result i32) {body})");
                let arguments: String = (0..params.split_whitespace().count())
                    .map(|n| format!(" (local.get {n})"))
                    .collect();
                let drops: String = borrows(interface)
                    .iter()
                    .map(|(n, _, resource)| format!(" (call $drop-{resource} (local.get {n}))"))
                    .collect();
                let _ = writeln!(
                    text,
                    "(func (export \"{name}\") (param {params}) (result i32) (call {inner}{arguments}){drops})"
                );
                let _ = writeln!(
                    text,
                    "(func (export \"cabi_post_{name}\") (param i32) (global.set $heap (i32.const 65536)))"
                );
            }
        }
        text.push_str(&self.more);
        text.push(')');
        text
    }
}

fn borrows(interface: &str) -> &'static [(u32, &'static str, &'static str)] {
    BORROWS
        .iter()
        .find(|(name, _)| *name == interface)
        .map_or(&[], |(_, borrows)| borrows)
}

fn custom_section(component: &mut Vec<u8>, name: &str, data: &[u8]) {
    let mut section = vec![u8::try_from(name.len()).unwrap()];
    section.extend(name.as_bytes());
    section.extend(data);
    component.push(0);
    // Unsigned LEB128.
    let mut length = section.len();
    while length >= 0x80 {
        component.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    component.push(u8::try_from(length).unwrap());
    component.extend(section);
}

/// `ok(case)` for a case without a payload.
pub(crate) fn case(case: u8) -> Vec<u8> {
    let mut answer = vec![0; 64];
    answer[4] = case;
    answer
}
