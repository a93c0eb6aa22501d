//! What wit-bindgen makes of the contract in `plugin-sdk/wit`: the one file of generated code.
//!
//! The imports are generated once, in [`imports`]. Every interface that a plugin may export has a world and a
//! module of its own, which shares the types of [`imports`]; so a component exports what its author implements
//! and nothing else, and imports what it calls and nothing else.
#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::semicolon_if_nothing_returned,
    clippy::undocumented_unsafe_blocks,
    clippy::unwrap_used,
    dead_code,
    reason = "generated code"
)]

/// What the host provides.
pub mod imports {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package waxwing:sdk;
            world imports {
                import waxwing:policy/types@0.1.0;
                import waxwing:policy/session@0.1.0;
                import waxwing:policy/envelope@0.1.0;
                import waxwing:policy/credentials@0.1.0;
                import waxwing:policy/directory@0.1.0;
                import waxwing:policy/kv@0.1.0;
                import waxwing:policy/auth-results@0.1.0;
                import waxwing:policy/dns@0.1.0;
                import waxwing:policy/dnsbl@0.1.0;
                import waxwing:policy/http@0.1.0;
                import waxwing:policy/passwords@0.1.0;
                import waxwing:policy/vacation@0.1.0;
                import waxwing:policy/findings@0.1.0;
                import waxwing:policy/actions@0.1.0;
                import waxwing:policy/log@0.1.0;
                import waxwing:policy/metrics@0.1.0;
                import waxwing:policy/runtime@0.1.0;
                import waxwing:policy/message@0.1.0;
                import waxwing:policy/outbound@0.1.0;
                import waxwing:policy/mailbox-events@0.1.0;
            }
        ",
        world: "waxwing:sdk/imports",
        runtime_path: "::waxwing_plugin::rt",
        generate_all,
    });
    pub use waxwing::policy::*;
}

/// A plugin that exports `hook-connect`.
pub mod connect {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package waxwing:sdk; world exports-hook-connect { export waxwing:policy/hook-connect@0.1.0; }",
        world: "waxwing:sdk/exports-hook-connect",
        runtime_path: "::waxwing_plugin::rt",
        pub_export_macro: true,
        export_macro_name: "export_connect",
        with: {
            "waxwing:policy/types@0.1.0": crate::bindings::imports::types,
            "waxwing:policy/session@0.1.0": crate::bindings::imports::session,
        },
    });
    pub use exports::waxwing::policy::hook_connect::*;
}

/// A plugin that exports `hook-ehlo`.
pub mod ehlo {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package waxwing:sdk; world exports-hook-ehlo { export waxwing:policy/hook-ehlo@0.1.0; }",
        world: "waxwing:sdk/exports-hook-ehlo",
        runtime_path: "::waxwing_plugin::rt",
        pub_export_macro: true,
        export_macro_name: "export_ehlo",
        with: {
            "waxwing:policy/types@0.1.0": crate::bindings::imports::types,
            "waxwing:policy/session@0.1.0": crate::bindings::imports::session,
        },
    });
    pub use exports::waxwing::policy::hook_ehlo::*;
}

/// A plugin that exports `hook-authenticate`.
pub mod authenticate {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package waxwing:sdk; world exports-hook-authenticate { export waxwing:policy/hook-authenticate@0.1.0; }",
        world: "waxwing:sdk/exports-hook-authenticate",
        runtime_path: "::waxwing_plugin::rt",
        pub_export_macro: true,
        export_macro_name: "export_authenticate",
        with: {
            "waxwing:policy/types@0.1.0": crate::bindings::imports::types,
            "waxwing:policy/session@0.1.0": crate::bindings::imports::session,
            "waxwing:policy/credentials@0.1.0": crate::bindings::imports::credentials,
        },
    });
    pub use exports::waxwing::policy::hook_authenticate::*;
}

/// A plugin that exports `hook-login`.
pub mod login {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package waxwing:sdk; world exports-hook-login { export waxwing:policy/hook-login@0.1.0; }",
        world: "waxwing:sdk/exports-hook-login",
        runtime_path: "::waxwing_plugin::rt",
        pub_export_macro: true,
        export_macro_name: "export_login",
        with: {
            "waxwing:policy/types@0.1.0": crate::bindings::imports::types,
            "waxwing:policy/session@0.1.0": crate::bindings::imports::session,
        },
    });
    pub use exports::waxwing::policy::hook_login::*;
}

/// A plugin that exports `hook-mail-from`.
pub mod mail_from {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package waxwing:sdk; world exports-hook-mail-from { export waxwing:policy/hook-mail-from@0.1.0; }",
        world: "waxwing:sdk/exports-hook-mail-from",
        runtime_path: "::waxwing_plugin::rt",
        pub_export_macro: true,
        export_macro_name: "export_mail_from",
        with: {
            "waxwing:policy/types@0.1.0": crate::bindings::imports::types,
            "waxwing:policy/session@0.1.0": crate::bindings::imports::session,
            "waxwing:policy/envelope@0.1.0": crate::bindings::imports::envelope,
        },
    });
    pub use exports::waxwing::policy::hook_mail_from::*;
}

/// A plugin that exports `hook-rcpt-to`.
pub mod rcpt_to {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package waxwing:sdk; world exports-hook-rcpt-to { export waxwing:policy/hook-rcpt-to@0.1.0; }",
        world: "waxwing:sdk/exports-hook-rcpt-to",
        runtime_path: "::waxwing_plugin::rt",
        pub_export_macro: true,
        export_macro_name: "export_rcpt_to",
        with: {
            "waxwing:policy/types@0.1.0": crate::bindings::imports::types,
            "waxwing:policy/session@0.1.0": crate::bindings::imports::session,
            "waxwing:policy/envelope@0.1.0": crate::bindings::imports::envelope,
        },
    });
    pub use exports::waxwing::policy::hook_rcpt_to::*;
}

/// A plugin that exports `hook-data`.
pub mod data {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package waxwing:sdk; world exports-hook-data { export waxwing:policy/hook-data@0.1.0; }",
        world: "waxwing:sdk/exports-hook-data",
        runtime_path: "::waxwing_plugin::rt",
        pub_export_macro: true,
        export_macro_name: "export_data",
        with: {
            "waxwing:policy/types@0.1.0": crate::bindings::imports::types,
            "waxwing:policy/session@0.1.0": crate::bindings::imports::session,
            "waxwing:policy/envelope@0.1.0": crate::bindings::imports::envelope,
        },
    });
    pub use exports::waxwing::policy::hook_data::*;
}

/// A plugin that exports `hook-message`.
pub mod message {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package waxwing:sdk; world exports-hook-message { export waxwing:policy/hook-message@0.1.0; }",
        world: "waxwing:sdk/exports-hook-message",
        runtime_path: "::waxwing_plugin::rt",
        pub_export_macro: true,
        export_macro_name: "export_message",
        with: {
            "waxwing:policy/types@0.1.0": crate::bindings::imports::types,
            "waxwing:policy/session@0.1.0": crate::bindings::imports::session,
            "waxwing:policy/envelope@0.1.0": crate::bindings::imports::envelope,
            "waxwing:policy/message@0.1.0": crate::bindings::imports::message,
            "waxwing:policy/actions@0.1.0": crate::bindings::imports::actions,
        },
    });
    pub use exports::waxwing::policy::hook_message::*;
}

/// A plugin that exports `hook-verdict`.
pub mod verdict {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package waxwing:sdk; world exports-hook-verdict { export waxwing:policy/hook-verdict@0.1.0; }",
        world: "waxwing:sdk/exports-hook-verdict",
        runtime_path: "::waxwing_plugin::rt",
        pub_export_macro: true,
        export_macro_name: "export_verdict",
        with: {
            "waxwing:policy/types@0.1.0": crate::bindings::imports::types,
            "waxwing:policy/session@0.1.0": crate::bindings::imports::session,
            "waxwing:policy/envelope@0.1.0": crate::bindings::imports::envelope,
        },
    });
    pub use exports::waxwing::policy::hook_verdict::*;
}

/// A plugin that exports `hook-route-inbound`.
pub mod route_inbound {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package waxwing:sdk; world exports-hook-route-inbound { export waxwing:policy/hook-route-inbound@0.1.0; }",
        world: "waxwing:sdk/exports-hook-route-inbound",
        runtime_path: "::waxwing_plugin::rt",
        pub_export_macro: true,
        export_macro_name: "export_route_inbound",
        with: {
            "waxwing:policy/types@0.1.0": crate::bindings::imports::types,
            "waxwing:policy/session@0.1.0": crate::bindings::imports::session,
            "waxwing:policy/envelope@0.1.0": crate::bindings::imports::envelope,
        },
    });
    pub use exports::waxwing::policy::hook_route_inbound::*;
}

/// A plugin that exports `hook-quota`.
pub mod quota {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package waxwing:sdk; world exports-hook-quota { export waxwing:policy/hook-quota@0.1.0; }",
        world: "waxwing:sdk/exports-hook-quota",
        runtime_path: "::waxwing_plugin::rt",
        pub_export_macro: true,
        export_macro_name: "export_quota",
        with: {
            "waxwing:policy/types@0.1.0": crate::bindings::imports::types,
        },
    });
    pub use exports::waxwing::policy::hook_quota::*;
}

/// A plugin that exports `hook-quota-limits`.
pub mod quota_limits {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package waxwing:sdk; world exports-hook-quota-limits { export waxwing:policy/hook-quota-limits@0.1.0; }",
        world: "waxwing:sdk/exports-hook-quota-limits",
        runtime_path: "::waxwing_plugin::rt",
        pub_export_macro: true,
        export_macro_name: "export_quota_limits",
        with: {
            "waxwing:policy/types@0.1.0": crate::bindings::imports::types,
        },
    });
    pub use exports::waxwing::policy::hook_quota_limits::*;
}

/// A plugin that exports `hook-deliver`.
pub mod deliver {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package waxwing:sdk; world exports-hook-deliver { export waxwing:policy/hook-deliver@0.1.0; }",
        world: "waxwing:sdk/exports-hook-deliver",
        runtime_path: "::waxwing_plugin::rt",
        pub_export_macro: true,
        export_macro_name: "export_deliver",
        with: {
            "waxwing:policy/types@0.1.0": crate::bindings::imports::types,
            "waxwing:policy/session@0.1.0": crate::bindings::imports::session,
            "waxwing:policy/envelope@0.1.0": crate::bindings::imports::envelope,
            "waxwing:policy/message@0.1.0": crate::bindings::imports::message,
            "waxwing:policy/actions@0.1.0": crate::bindings::imports::actions,
        },
    });
    pub use exports::waxwing::policy::hook_deliver::*;
}

/// A plugin that exports `hook-submit`.
pub mod submit {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package waxwing:sdk; world exports-hook-submit { export waxwing:policy/hook-submit@0.1.0; }",
        world: "waxwing:sdk/exports-hook-submit",
        runtime_path: "::waxwing_plugin::rt",
        pub_export_macro: true,
        export_macro_name: "export_submit",
        with: {
            "waxwing:policy/types@0.1.0": crate::bindings::imports::types,
            "waxwing:policy/session@0.1.0": crate::bindings::imports::session,
            "waxwing:policy/envelope@0.1.0": crate::bindings::imports::envelope,
            "waxwing:policy/message@0.1.0": crate::bindings::imports::message,
            "waxwing:policy/actions@0.1.0": crate::bindings::imports::actions,
            "waxwing:policy/outbound@0.1.0": crate::bindings::imports::outbound,
        },
    });
    pub use exports::waxwing::policy::hook_submit::*;
}

/// A plugin that exports `hook-route-outbound`.
pub mod route_outbound {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package waxwing:sdk; world exports-hook-route-outbound { export waxwing:policy/hook-route-outbound@0.1.0; }",
        world: "waxwing:sdk/exports-hook-route-outbound",
        runtime_path: "::waxwing_plugin::rt",
        pub_export_macro: true,
        export_macro_name: "export_route_outbound",
        with: {
            "waxwing:policy/types@0.1.0": crate::bindings::imports::types,
            "waxwing:policy/session@0.1.0": crate::bindings::imports::session,
            "waxwing:policy/envelope@0.1.0": crate::bindings::imports::envelope,
            "waxwing:policy/outbound@0.1.0": crate::bindings::imports::outbound,
        },
    });
    pub use exports::waxwing::policy::hook_route_outbound::*;
}

/// A plugin that exports `hook-delivery-result`.
pub mod delivery_result {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package waxwing:sdk; world exports-hook-delivery-result { export waxwing:policy/hook-delivery-result@0.1.0; }",
        world: "waxwing:sdk/exports-hook-delivery-result",
        runtime_path: "::waxwing_plugin::rt",
        pub_export_macro: true,
        export_macro_name: "export_delivery_result",
        with: {
            "waxwing:policy/types@0.1.0": crate::bindings::imports::types,
            "waxwing:policy/session@0.1.0": crate::bindings::imports::session,
            "waxwing:policy/envelope@0.1.0": crate::bindings::imports::envelope,
            "waxwing:policy/outbound@0.1.0": crate::bindings::imports::outbound,
        },
    });
    pub use exports::waxwing::policy::hook_delivery_result::*;
}

/// A plugin that exports `hook-mailbox`.
pub mod mailbox {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package waxwing:sdk; world exports-hook-mailbox { export waxwing:policy/hook-mailbox@0.1.0; }",
        world: "waxwing:sdk/exports-hook-mailbox",
        runtime_path: "::waxwing_plugin::rt",
        pub_export_macro: true,
        export_macro_name: "export_mailbox",
        with: {
            "waxwing:policy/types@0.1.0": crate::bindings::imports::types,
            "waxwing:policy/mailbox-events@0.1.0": crate::bindings::imports::mailbox_events,
        },
    });
    pub use exports::waxwing::policy::hook_mailbox::*;
}

/// A plugin that exports `hook-tick`.
pub mod tick {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package waxwing:sdk; world exports-hook-tick { export waxwing:policy/hook-tick@0.1.0; }",
        world: "waxwing:sdk/exports-hook-tick",
        runtime_path: "::waxwing_plugin::rt",
        pub_export_macro: true,
        export_macro_name: "export_tick",
        with: {
            "waxwing:policy/types@0.1.0": crate::bindings::imports::types,
        },
    });
    pub use exports::waxwing::policy::hook_tick::*;
}

/// A plugin that exports `lifecycle`.
pub mod lifecycle {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package waxwing:sdk; world exports-lifecycle { export waxwing:policy/lifecycle@0.1.0; }",
        world: "waxwing:sdk/exports-lifecycle",
        runtime_path: "::waxwing_plugin::rt",
        pub_export_macro: true,
        export_macro_name: "export_lifecycle",
        with: {
        },
    });
    pub use exports::waxwing::policy::lifecycle::*;
}

/// A plugin that exports `settings-check`.
pub mod settings_check {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package waxwing:sdk; world exports-settings-check { export waxwing:policy/settings-check@0.1.0; }",
        world: "waxwing:sdk/exports-settings-check",
        runtime_path: "::waxwing_plugin::rt",
        pub_export_macro: true,
        export_macro_name: "export_settings_check",
        with: {
        },
    });
    pub use exports::waxwing::policy::settings_check::*;
}

/// A plugin that exports `self-test`.
pub mod self_test {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package waxwing:sdk; world exports-self-test { export waxwing:policy/self-test@0.1.0; }",
        world: "waxwing:sdk/exports-self-test",
        runtime_path: "::waxwing_plugin::rt",
        pub_export_macro: true,
        export_macro_name: "export_self_test",
        with: {
        },
    });
    pub use exports::waxwing::policy::self_test::*;
}
