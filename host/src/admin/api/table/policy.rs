//! Plugins and rule files.

use waxwing_store::Area;

use super::{change, get, line, text};
use crate::admin::Request;
use crate::admin::api::body;
use crate::admin::api::route::{Route, Shape, Verb};
use crate::admin::rules::RuleRequest;

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
        "/plugins/{step}/promote",
        "promote",
        "Let a step that is tried out enforce",
        Area::Policy,
        |call| {
            Ok(Request::PluginPromote {
                step: call.place(0),
            })
        },
    )
    .gives(200, "Serves"),
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
