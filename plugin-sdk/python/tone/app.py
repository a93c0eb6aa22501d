"""The glue between the host and logic.py: settings in, findings out.

componentize-py looks in this module for a class for each interface that the world exports (plugin-sdk/wit/worlds.wit, `message-plugin`):
`Lifecycle` once for every plugin, `HookMessage` for the hook `message`. What a function gives as `result` is returned, what it answers as
error is raised as `Err`.
"""

from componentize_py_types import Err

from wit_world import exports
from wit_world.exports import hook_message
from wit_world.imports import findings, runtime

import logic

settings = logic.Settings()


class Lifecycle(exports.Lifecycle):
    def init(self, text: str) -> None:
        global settings
        try:
            settings = logic.Settings.read(text)
        except ValueError as error:
            raise Err(str(error)) from error


class HookMessage(exports.HookMessage):
    def on_message(self, conn, env, msg, act) -> hook_message.MessageDecision:
        for finding in logic.judge(msg, settings, runtime.unix_ms() / 1000):
            findings.add(finding.name, finding.weight, finding.evidence)
        return hook_message.MessageDecision_Pass()
