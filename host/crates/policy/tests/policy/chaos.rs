//! A plugin that answers random octets and calls the host with random arguments and stale handles. Whatever it does is a fault of its step:
//! the others judge as ever, limits hold and nothing of the server's is lost.
//!
//! Seconds in `make test`; `WAXWING_CHAOS=600` makes it minutes (`make chaos`).

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use waxwing_mail::Protocol;
use waxwing_policy::{
    Attempt, Cause, Decision, LoginAttempt, MailboxChange, MailboxEvent, Offered, Operation,
    Outbound, OutboundFacts, Policy, Room, TransactionFacts, Usage,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, FlatTypes, WasmType};
use wit_parser::{
    Function, FunctionKind, Handle, InterfaceId, Resolve, Type, TypeDefKind, WorldItem, WorldKey,
};

use crate::component::{Plugin, case};
use crate::site::{Site, address, code, recipient, session, transaction};

/// Core types of the contract in the text format.
fn word(ty: WasmType) -> &'static str {
    match ty {
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
    }
}

/// A plugin with every import and every export of the contract, made of chance.
fn component() -> Vec<u8> {
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../plugin-sdk/wit");
    let (package, _) = resolve.push_dir(wit).expect("the contract");
    let world = resolve
        .select_world(&[package], Some("everything"))
        .expect("the world");
    let mut module = wat::parse_str(text(&resolve, world)).expect("the module's text");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
        .expect("metadata");
    ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .expect("a module")
        .encode()
        .expect("a component")
}

fn interfaces<'a>(
    resolve: &'a Resolve,
    items: impl IntoIterator<Item = (&'a WorldKey, &'a WorldItem)>,
) -> Vec<(String, InterfaceId)> {
    items
        .into_iter()
        .filter_map(|(key, item)| match item {
            WorldItem::Interface { id, .. } => Some((resolve.name_world_key(key), *id)),
            _ => None,
        })
        .collect()
}

fn text(resolve: &Resolve, world: wit_parser::WorldId) -> String {
    let world = &resolve.worlds[world];
    let mut imports = String::new();
    let mut calls = Vec::new();
    for (name, id) in interfaces(resolve, &world.imports) {
        for function in resolve.interfaces[id].functions.values() {
            let signature = resolve.wasm_signature(AbiVariant::GuestImport, function);
            calls.push(import(
                &mut imports,
                &name,
                &function.name,
                &signature.params,
                &signature.results,
            ));
        }
        for (ty, id) in &resolve.interfaces[id].types {
            if matches!(resolve.types[*id].kind, TypeDefKind::Resource) {
                let drop = format!("[resource-drop]{ty}");
                calls.push(import(&mut imports, &name, &drop, &[WasmType::I32], &[]));
            }
        }
    }
    let mut text = format!("(module\n{imports}{GUEST}");
    let _ = writeln!(text, "(func $any-call");
    let _ = writeln!(
        text,
        "(local $at i32) (local.set $at (i32.rem_u (call $random) (i32.const {})))",
        calls.len()
    );
    for (at, call) in calls.iter().enumerate() {
        let _ = writeln!(
            text,
            "(if (i32.eq (local.get $at) (i32.const {at})) (then {call} (return)))"
        );
    }
    text.push_str(")\n");
    for (name, id) in interfaces(resolve, &world.exports) {
        for function in resolve.interfaces[id].functions.values() {
            export(&mut text, resolve, &name, function);
        }
    }
    text.push(')');
    text
}

/// Declares an import; gives a call of it with random arguments, whose answer is kept as a handle of later calls.
fn import(
    imports: &mut String,
    interface: &str,
    function: &str,
    params: &[WasmType],
    results: &[WasmType],
) -> String {
    let alias = format!("${interface}/{function}").replace(['[', ']', ':', '@'], "_");
    let types: Vec<&str> = params.iter().map(|ty| word(*ty)).collect();
    let result = results
        .first()
        .map(|ty| format!(" (result {})", word(*ty)))
        .unwrap_or_default();
    let _ = writeln!(
        imports,
        "(import \"{interface}\" \"{function}\" (func {alias} (param {}){result}))",
        types.join(" ")
    );
    let arguments: String = types
        .iter()
        .map(|ty| format!(" (call $any-{ty})"))
        .collect();
    let call = format!("(call {alias}{arguments})");
    match results.first().map(|ty| word(*ty)) {
        None => call,
        Some("i32") => format!("(call $keep {call})"),
        Some(_) => format!("(drop {call})"),
    }
}

/// Exports a function: keeps its handles, makes some calls, gives back most of what it borrowed, and answers anything.
fn export(text: &mut String, resolve: &Resolve, interface: &str, function: &Function) {
    assert_eq!(
        function.kind,
        FunctionKind::Freestanding,
        "hooks are functions"
    );
    let signature = resolve.wasm_signature(AbiVariant::GuestExport, function);
    let params: Vec<&str> = signature.params.iter().map(|ty| word(*ty)).collect();
    let name = format!("{interface}#{}", function.name);
    let result = signature.results.first().map(|ty| word(*ty));
    let _ = writeln!(
        text,
        "(func (export \"{name}\") (param {}) {} (local $left i32) (call $begin)",
        params.join(" "),
        result
            .map(|ty| format!("(result {ty})"))
            .unwrap_or_default()
    );
    let (mut keeps, mut drops) = (String::new(), String::new());
    let mut at = 0;
    for param in &function.params {
        let mut storage = [WasmType::I32; 32];
        let mut flat = FlatTypes::new(&mut storage);
        resolve.push_flat(&param.ty, &mut flat);
        if let Some((module, resource)) = borrowed(resolve, &param.ty) {
            let _ = write!(keeps, "(call $keep (local.get {at}))");
            let alias =
                format!("${module}/[resource-drop]{resource}").replace(['[', ']', ':', '@'], "_");
            let _ = write!(
                drops,
                "(if (i32.rem_u (call $random) (i32.const 50)) (then (call {alias} (local.get {at}))))"
            );
        }
        at += flat.to_vec().len();
    }
    // What a load calls must come through, or nothing else is ever called.
    let calm = ["lifecycle", "settings-check", "self-test"]
        .iter()
        .any(|name| interface.contains(name));
    if calm {
        let _ = writeln!(text, "(i32.const 1024))");
    } else {
        let _ = writeln!(
            text,
            "{keeps} (local.set $left (i32.and (call $random) (i32.const 7)))\n\
             (block $done (loop $more (br_if $done (i32.eqz (local.get $left))) (call $any-call) (local.set $left (i32.sub (local.get $left) (i32.const 1))) (br $more)))\n\
             {drops} {})",
            match result {
                Some("i32") => "(call $answer)",
                Some("i64") => "(i64.const 0)",
                Some("f64") => "(f64.const 0)",
                Some("f32") => "(f32.const 0)",
                _ => "",
            }
        );
    }
    if signature.retptr {
        let _ = writeln!(text, "(func (export \"cabi_post_{name}\") (param i32))");
    }
}

/// The interface and the resource of a borrowed handle.
fn borrowed(resolve: &Resolve, ty: &Type) -> Option<(String, String)> {
    let Type::Id(id) = ty else { return None };
    let TypeDefKind::Handle(Handle::Borrow(mut resource)) = resolve.types[*id].kind else {
        return None;
    };
    while let TypeDefKind::Type(Type::Id(inner)) = resolve.types[resource].kind {
        resource = inner;
    }
    let resource = &resolve.types[resource];
    let wit_parser::TypeOwner::Interface(owner) = resource.owner else {
        return None;
    };
    Some((resolve.id_of(owner)?, resource.name.clone()?))
}

/// Chance, and what it is applied to: octets from 4096 to 65536 are random, and every so often new.
const GUEST: &str = r#"
(memory (export "memory") 2)
(global $seed (mut i64) (i64.const 0x9e3779b97f4a7c15))
(global $heap (mut i32) (i32.const 65536))
(global $kept (mut i32) (i32.const 0))
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local i32)
  ;; Now and then an address that is none.
  (if (i32.eqz (i32.rem_u (call $random) (i32.const 200))) (then (return (call $random))))
  (local.set 4 (i32.and (i32.add (global.get $heap) (i32.const 15)) (i32.const -16)))
  (global.set $heap (i32.add (local.get 4) (local.get 3)))
  (if (i32.gt_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536)))
    (then (drop (memory.grow (i32.add (i32.div_u (local.get 3) (i32.const 65536)) (i32.const 1))))))
  (local.get 4))
(func $random (result i32)
  (global.set $seed (i64.xor (global.get $seed) (i64.shl (global.get $seed) (i64.const 13))))
  (global.set $seed (i64.xor (global.get $seed) (i64.shr_u (global.get $seed) (i64.const 7))))
  (global.set $seed (i64.xor (global.get $seed) (i64.shl (global.get $seed) (i64.const 17))))
  (i32.wrap_i64 (i64.shr_u (global.get $seed) (i64.const 24))))
;; Stirs the clock in, so that instances differ, and renews the octets.
(func $begin (local $at i32)
  (global.set $seed (i64.or (i64.xor (global.get $seed) (call $clock)) (i64.const 1)))
  (global.set $heap (i32.const 65536))
  (local.set $at (i32.const 4096))
  (loop $more
    (i32.store (local.get $at) (call $any-i32))
    (local.set $at (i32.add (local.get $at) (i32.const 4)))
    (br_if $more (i32.lt_u (local.get $at) (i32.const 8192)))))
;; Handles and answers of before: the last 64.
(func $keep (param i32)
  (i32.store (i32.add (i32.const 2048) (i32.shl (i32.and (global.get $kept) (i32.const 63)) (i32.const 2))) (local.get 0))
  (global.set $kept (i32.add (global.get $kept) (i32.const 1))))
(func $any-i32 (result i32) (local $kind i32)
  (local.set $kind (i32.and (call $random) (i32.const 15)))
  (if (i32.lt_u (local.get $kind) (i32.const 4)) (then (return (i32.and (call $random) (i32.const 3)))))
  (if (i32.lt_u (local.get $kind) (i32.const 8)) (then (return (i32.add (i32.const 4096) (i32.and (call $random) (i32.const 0xffc))))))
  (if (i32.lt_u (local.get $kind) (i32.const 12)) (then (return (i32.load (i32.add (i32.const 2048) (i32.and (call $random) (i32.const 0xfc)))))))
  (if (i32.eq (local.get $kind) (i32.const 12)) (then (return (i32.and (call $random) (i32.const 255)))))
  (if (i32.eq (local.get $kind) (i32.const 13)) (then (return (i32.const -1))))
  (call $random))
(func $any-i64 (result i64)
  (if (result i64) (i32.and (call $random) (i32.const 1))
    (then (i64.extend_i32_s (call $any-i32)))
    (else (drop (call $random)) (global.get $seed))))
(func $any-f64 (result f64) (f64.reinterpret_i64 (call $any-i64)))
(func $any-f32 (result f32) (f32.reinterpret_i32 (call $any-i32)))
;; Mostly `ok` of something, else anything, else an address that is none.
(func $answer (result i32) (local $at i32)
  (local.set $at (i32.add (i32.const 4096) (i32.and (call $random) (i32.const 0xff0))))
  (if (i32.and (call $random) (i32.const 3))
    (then (i32.store (local.get $at) (i32.const 0))
          (i32.store8 offset=4 (local.get $at) (i32.and (call $random) (i32.const 7)))))
  (if (i32.eqz (i32.rem_u (call $random) (i32.const 30))) (then (return (call $random))))
  (local.get $at))
(func $clock (result i64) (call $waxwing_policy/runtime_0.1.0/monotonic-ns))
"#;

/// Goes once through everything that a policy is asked; the chaos step passes or fails, the other decides.
async fn round(policy: &Policy) {
    let mut session = session(policy);
    session.connect().await;
    session.ehlo("client.example", true).await;
    session
        .login(LoginAttempt {
            mechanism: "PLAIN".into(),
            user: "alice@waxwing.test".into(),
            authorise_as: String::new(),
            offered: Offered::Password("x".into()),
        })
        .await;
    let usage = Usage {
        bytes: 1,
        messages: 1,
    };
    let room = Room {
        account: "alice@waxwing.test",
        limited: false,
        operation: Operation::Append,
        current: usage,
        adding: usage,
    };
    session.quota(&room).await;
    let _ = session.quota_limits("alice@waxwing.test").await;
    let mut one = transaction(policy);
    one.mail_from().await;
    one.rcpt_to(&recipient("alice@waxwing.test")).await;
    one.data().await;
    one.message(Bytes::from_static(
        b"Subject: a\r\nContent-Type: text/html\r\n\r\n<a href=\"http://x.example/\">x</a>\r\n",
    ))
    .await;
    one.route(0).await;
    one.deliver(0, "alice@waxwing.test", false).await;
    assert!(one.ledger().score.is_finite());
    let facts = OutboundFacts {
        transaction: TransactionFacts {
            queue_id: "q1".into(),
            sender: waxwing_mail::ReversePath::Address(address("alice@waxwing.test")),
            params: Vec::new(),
            declared_size: None,
            smtputf8: false,
        },
        identity: None,
        recipients: vec![recipient("carol@example.net")],
        tags: Vec::new(),
    };
    let mut out = Outbound::new(policy.current(), facts);
    let content = Bytes::from_static(b"Subject: a\r\n\r\nb\r\n");
    out.submit(content, Cause::Submitted).await;
    out.plan(0, Attempt::default()).await;
    out.result(0, Attempt::default()).await;
    policy.tell(|| MailboxEvent {
        at: 1,
        account: "alice@waxwing.test".into(),
        protocol: Protocol::Imap,
        session: "s1".into(),
        change: MailboxChange::Login,
    });
}

/// Rounds until the breakers of a step that answers by chance are mostly open.
const ROUNDS_OF_A_STEP: u32 = 20;

/// Loads the policy; as often as it takes, since chance may not come up.
async fn loaded(policy: &Policy) {
    for _ in 0..50 {
        let Err(problems) = policy.reload().await else {
            return;
        };
        let of_chance = |text: &str| text.starts_with("plugin `chaos`: its ");
        assert!(
            problems.iter().all(|problem| of_chance(&problem.text)),
            "{problems:?}"
        );
    }
    panic!("chance never came up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chance_breaks_nothing_but_itself() {
    let seconds = std::env::var("WAXWING_CHAOS")
        .ok()
        .and_then(|text| text.parse().ok());
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(3));
    let site = Site::new();
    site.file("plugins/chaos.wasm", &component());
    site.plugin(
        "good",
        &Plugin::new()
            .reply("mail-from", 3, 553, "good says no")
            .says("connect", &case(1)),
    );
    // Each time another step, whose breakers are closed: an open one would keep chance out.
    let policy_of = |turn: u32| {
        format!(
            "[drift]\nenabled = false\n[[step]]\nplugin = \"chaos\"\non-error = \"skip\"\ntick = \"1s\"\n\
         grants = [\"message\", \"actions\", \"kv\", \"credentials\", \"directory\", \"auth-results\", \"dns\", \"dnsbl\", \"http\", \"passwords\", \"relay\", \"vacation\"]\n\
         dnsbl = {{ zones = [\"list.test\"] }}\nhttp = {{ hosts = [\"api.test\"] }}\n\
         hooks = [\"connect\", \"ehlo\", \"login\", \"authenticate\", \"rcpt-to\", \"data\", \"message\", \"verdict\", \"route-inbound\", \"quota\", \"quota-limits\", \"deliver\", \"submit\", \"route-outbound\", \"delivery-result\", \"mailbox\", \"tick\"]\n\
         limits = {{ deadline-ms = 500, cpu-ms = 100, memory-mib = 4, host-calls = 100 }}\nsettings = {{ turn = {turn} }}\n\
         [[step]]\nplugin = \"good\"\n"
        )
    };
    site.policy(&policy_of(0));
    let policy = site.start().await;
    loaded(&policy).await;
    let running = tokio::spawn({
        let policy = policy.clone();
        async move { policy.run().await }
    });
    let (mut rounds, mut answered, mut failed) = (0_u32, 0, 0);
    while Instant::now() < end {
        if rounds % ROUNDS_OF_A_STEP == ROUNDS_OF_A_STEP - 1 {
            let chaos = &policy.status().steps[0];
            (answered, failed) = (answered + chaos.calls - chaos.faults, failed + chaos.faults);
            site.policy(&policy_of(rounds));
            loaded(&policy).await;
        }
        round(&policy).await;
        // The other step is as sound as ever.
        assert_eq!(code(&transaction(&policy).mail_from().await), 553);
        rounds += 1;
    }
    running.abort();
    let status = policy.status();
    let chaos = &status.steps[0];
    assert!(rounds > 5, "{rounds} rounds");
    let (answered, failed) = (answered + chaos.calls - chaos.faults, failed + chaos.faults);
    assert!(
        failed > 0 && answered > 0,
        "{answered} answers, {failed} faults"
    );
    assert_eq!(status.steps[1].faults, 0);
    // No more is alive than a pool keeps.
    assert!(chaos.instances <= 18, "{chaos:?}");
    assert!(matches!(
        session(&policy).connect().await,
        Decision::Pass | Decision::Refuse(_) | Decision::Disconnect(_)
    ));
}
