//! Plugins and rule files.

use waxwing_policy::Candidate;
use waxwing_store::Area;

use super::{change, get, line, text};
use crate::admin::api::body;
use crate::admin::api::route::{Route, Shape, Verb};
use crate::admin::rules::RuleRequest;
use crate::admin::{PluginRequest, Request};

pub(super) static ROUTES: &[Route] = &[
    get(
        "/plugins",
        "plugins",
        "The pipeline: every step in its order, with its plugin, mode, cost and faults",
        Area::Policy,
        "Pipeline",
        |_| Ok(Request::PluginList),
    )
    .shaped(Shape::Pipeline),
    get(
        "/plugins/history",
        "pluginHistory",
        "The generations that served",
        Area::Policy,
        "History",
        |_| Ok(Request::PluginHistory),
    )
    .shaped(Shape::List),
    get(
        "/plugins/comparison",
        "comparePlugins",
        "What the steps that are tried out say, beside what serves",
        Area::Policy,
        "Comparisons",
        |call| {
            Ok(Request::PluginDiff {
                step: call.text("step"),
            })
        },
    )
    .query(&[text("step", "Only this one.")])
    .shaped(Shape::List),
    change(
        Verb::Post,
        "/plugins/rollback",
        "rollBack",
        "Go back to the generation before, or to another one, at once",
        Area::Policy,
        |call| {
            let body: body::Rollback = call.body()?;
            Ok(Request::PluginRollback {
                to: body.to,
                reason: line(body.reason, "reason")?,
            })
        },
    )
    .takes("Rollback")
    .gives(200, "Serves"),
    change(
        Verb::Post,
        "/plugins/restore",
        "restorePolicy",
        "Let policy.toml become that of the generation that serves, after going back: then it can be changed again",
        Area::Policy,
        |call| {
            Ok(Request::Plugin(PluginRequest::Restore {
                digest: call.unchanged(),
            }))
        },
    )
    .gives(200, "Amended")
    .conditional(),
    get(
        "/plugins/builds",
        "pluginBuilds",
        "The builds that lie in the plugin folders of the server",
        Area::Policy,
        "Builds",
        |_| Ok(Request::Plugin(PluginRequest::Builds)),
    )
    .shaped(Shape::List),
    change(
        Verb::Post,
        "/plugins/replay",
        "replay",
        "What recent mail would come to if a trial enforced, or a step had another build",
        Area::Policy,
        |call| {
            let body: body::Replay = call.body()?;
            let step = body.step;
            Ok(Request::Plugin(PluginRequest::Replay {
                candidate: match body.plugin {
                    Some(plugin) => Candidate::Build { step, plugin },
                    None => Candidate::Trial { step },
                },
                messages: body.messages,
            }))
        },
    )
    .takes("Replay")
    .gives(200, "Preview"),
    change(
        Verb::Post,
        "/plugins/{step}/trial",
        "tryPlugin",
        "Try a build out in a step's place: as a shadow, or as a canary that decides a share",
        Area::Policy,
        |call| {
            let body: body::Try = call.body()?;
            Ok(Request::Plugin(PluginRequest::Try {
                step: call.place(0),
                plugin: body.plugin,
                name: body.name,
                percent: body.percent,
                digest: call.unchanged(),
                build: body.build,
            }))
        },
    )
    .takes("Try")
    .gives(200, "Amended")
    .conditional(),
    change(
        Verb::Put,
        "/plugins/{step}/mode",
        "setMode",
        "Let a step count more or less: one that enforces takes the place of the one that it replaces",
        Area::Policy,
        |call| {
            let body: body::Mode = call.body()?;
            Ok(Request::Plugin(PluginRequest::Mode {
                step: call.place(0),
                mode: body.mode,
                percent: body.percent,
                digest: call.unchanged(),
                build: body.build,
            }))
        },
    )
    .takes("Mode")
    .gives(200, "Amended")
    .conditional(),
    change(
        Verb::Post,
        "/plugins/{step}/promote",
        "promote",
        "Let a step that is tried out enforce",
        Area::Policy,
        |call| {
            Ok(Request::Plugin(PluginRequest::Promote {
                step: call.place(0),
                digest: call.unchanged(),
                build: call.text("build"),
            }))
        },
    )
    .query(&[text(
        "build",
        "The digest of the step's build that was looked at: if it is another one now, nothing is done, and the status is 412.",
    )])
    .gives(200, "Amended")
    .conditional(),
    change(
        Verb::Delete,
        "/plugins/{step}",
        "withdraw",
        "Try a step out no more: it is taken out of the policy",
        Area::Policy,
        |call| {
            Ok(Request::Plugin(PluginRequest::Withdraw {
                step: call.place(0),
                digest: call.unchanged(),
            }))
        },
    )
    .gives(200, "Amended")
    .conditional(),
    get(
        "/rules",
        "rules",
        "The rule files that the policy names",
        Area::Policy,
        "RuleFiles",
        |_| Ok(Request::Rules(RuleRequest::List)),
    )
    .shaped(Shape::List),
    get(
        "/rules/{file}",
        "ruleFile",
        "A rule file: its name is one segment, with %2F for its slashes",
        Area::Policy,
        "RuleFile",
        |call| {
            Ok(Request::Rules(RuleRequest::Show {
                file: call.place(0),
            }))
        },
    ),
    change(
        Verb::Put,
        "/rules/{file}",
        "saveRuleFile",
        "Put a text into a rule file and serve it; nothing is saved that does not load",
        Area::Policy,
        |call| {
            let body: body::Save = call.body()?;
            Ok(Request::Rules(RuleRequest::Save {
                file: call.place(0),
                text: body.text,
                digest: body.digest,
            }))
        },
    )
    .takes("RuleSave")
    .gives(200, "RulesSaved"),
    change(
        Verb::Post,
        "/rules/{file}/check",
        "checkRuleFile",
        "What would be wrong with a text",
        Area::Policy,
        |call| {
            let body: body::Text = call.body()?;
            Ok(Request::Rules(RuleRequest::Check {
                file: call.place(0),
                text: body.text,
            }))
        },
    )
    .takes("RuleText")
    .gives(200, "Problems")
    .reads(Area::Policy),
    change(
        Verb::Post,
        "/rules/{file}/preview",
        "previewRuleFile",
        "What recent mail would come to with a text",
        Area::Policy,
        |call| {
            let body: body::Preview = call.body()?;
            Ok(Request::Rules(RuleRequest::Preview {
                file: call.place(0),
                text: body.text,
                messages: body.messages,
            }))
        },
    )
    .takes("RulePreview")
    .gives(200, "Preview"),
];
