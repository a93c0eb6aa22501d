"""What calls of plugins cost beside wasmtime's own, and what plugins in other languages cost.

Measured by the program `call-costs` of the crate that runs the plugins, without a server: no socket and no disk are in these figures.
"""

import json
import os
import subprocess
from pathlib import Path

from .report import Table
from .servers import StartError
from .servers.waxwing import BENCH_PLUGINS, ROOT, TARGET

PROGRAM = TARGET / "release/examples/call-costs"
# Built by tools/languages.sh.
LANGUAGE_PLUGINS = TARGET / "language-plugins"

LANGUAGES = {"Rust": BENCH_PLUGINS / "stamping.wasm", "JavaScript": LANGUAGE_PLUGINS / "links.wasm",
             "Python": LANGUAGE_PLUGINS / "tone.wasm"}

# Title, unit and name in the program's output.
OF_LANGUAGES = [("component", "KB", "component-kb"), ("compiled", "KB", "compiled-kb"), ("compilation, once", "ms", "compile-ms"),
                ("added to a start", "ms", "start-ms"), ("a fresh instance", "µs", "instance-us"), ("a call for a message", "µs", "call-us")]


def measure(plugins: Path, progress) -> dict:
    """Runs the program; its figures. `plugins` holds those of the shipped policy and `accepting`."""
    if not PROGRAM.exists():
        raise StartError(f"{PROGRAM} is not there; `make bench` builds it")
    progress("calls of plugins, without a server")
    languages = [f"{name}={path}" for name, path in LANGUAGES.items()]
    command = [str(PROGRAM), str(ROOT / "config/policy.toml"), str(plugins), *languages]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"RUST_BACKTRACE": "1"})
    if run.returncode != 0:
        raise StartError(f"{PROGRAM.name} ended with {run.returncode}:\n{run.stderr.strip()}")
    return json.loads(run.stdout)


def add(figures: dict, side: str, table: Table) -> None:
    """The rows of calls, under `side`, and a table of languages after `table`."""
    for title, bare, whole in [("a hook that calls the host once", "bare-call-ns", "hook-call-ns"),
                               ("a fresh instance", "bare-instance-ns", "fresh-instance-ns")]:
        table.add(f"{title}: wasmtime alone", "µs", {side: figures[bare] / 1000})
        table.add(f"{title}: in the policy", "µs", {side: figures[whole] / 1000})
        table.add(f"{title}: times wasmtime's own", "", {side: figures[whole] / figures[bare]})
    table.add("processor time of the policy for a message of 4 KB", "µs", {side: figures["shipped-policy-cpu-us"]})
    languages = {found["name"]: found for found in figures["languages"]}
    part = Table(list(languages), {"plugins in other languages": "a message of 4 KB, one step"}, compared=False)
    for title, unit, name in OF_LANGUAGES:
        part.add(title, unit, {language: found[name] for language, found in languages.items()})
    table.more.append(part)
