"""The whole run: which measurements, on which sides, in which order; every figure goes into one table."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Callable

from . import calls, hooks, jmap, machine, memory, milter, pair, reading, relaying, shadow, single, slow, swap, throughput
from .load import Load
from .report import Table
from .servers import Side, StartError
from .servers.cyrus import Cyrus
from .servers.dovecot import Dovecot
from .servers.haraka import HarakaDovecot
from .servers.milter import Milter
from .servers.postfix import PostfixDovecot
from .servers.waxwing import ROOT, Waxwing

PARTS = ["memory", "swap", "throughput", "relaying", "slow", "hooks", "calls", "milter", "shadow", "reading", "jmap", "start"]
# What brings its own servers.
ALONE = {"relaying", "shadow", "reading", "jmap"}

POSTFIX = PostfixDovecot.name
HARAKA = HarakaDovecot.name
SHIPPED = "Waxwing"
ACCEPTING = "Waxwing, accepting policy"

# Takes what an account is meant to get, and asks nothing else: what a policy costs is seen against it.
ACCEPTING_POLICY = '[[step]]\nplugin = "accepting"\ngrants = ["credentials", "directory"]\nisolation = "{isolation}"\n'
# The same and a header field on top.
STAMPING_POLICY = ACCEPTING_POLICY + '[[step]]\nplugin = "stamping"\ngrants = ["message", "actions"]\n'
SHIPPED_POLICY = ROOT / "config/policy.toml"
# The largest of the shipped plugins.
SWAPPED_PLUGIN = "rules"

SMALL, LARGE = 4 * 1024, 60 * 1024
# Postfix makes a process for each session and by default 100 of them; its cost per session does not depend on the number.
POSTFIX_SESSIONS = 90
# What Haraka is measured under, too.
HARAKA_LOADS = {Load(sessions, SMALL) for sessions in (1, 10, 50)}
# More sessions than the processes of Postfix.
CROWD = Load(200, SMALL)
RELAYED = Load(50, SMALL)

# Where no other size is asked for.
MAILBOXES = [10_000]

# Turns of a pair for each round of the table. 24 turns (the short form) know the figure to within 4 in a hundred, 75 to within 2.
TURNS = 12

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    loads: list[Load]
    costs: list[Load]
    """Under which of the loads the cost of the shipped policy is measured."""
    rounds: int
    swaps: int
    sessions: int
    header_rounds: int
    slow_peers: int
    mailboxes: list[int]
    """How many messages each mailbox has that mail is read from."""
    parts: list[str] = field(default_factory=lambda: list(PARTS))

    @staticmethod
    def full() -> "Plan":
        loads = [Load(sessions, size) for size in (SMALL, LARGE) for sessions in (1, 10, 50)]
        loads.append(Load(10, SMALL, reuse=True))
        return Plan(loads, costs=loads, rounds=5, swaps=15, sessions=5000, header_rounds=20,
                    slow_peers=10_000, mailboxes=MAILBOXES)

    @staticmethod
    def short() -> "Plan":
        few, many = (Load(sessions, SMALL) for sessions in (10, 50))
        return Plan([few, many], costs=[few], rounds=2, swaps=5, sessions=1000, header_rounds=5,
                    slow_peers=1000, mailboxes=MAILBOXES)

    def with_rounds(self, rounds: int) -> "Plan":
        return replace(self, rounds=rounds)

    def with_mailboxes(self, mailboxes: list[int]) -> "Plan":
        return replace(self, mailboxes=mailboxes)

    def with_parts(self, parts: list[str]) -> "Plan":
        return replace(self, parts=parts)


def run(plan: Plan, directory: Path, progress: Progress) -> Table:
    """Starts the three sides, if they are needed, measures what the plan says, and ends them whatever happens."""
    table = Table([POSTFIX, HARAKA, SHIPPED, ACCEPTING], machine.description() | {"file system": machine.filesystem(directory)},
                  beside=[HARAKA])
    sides: list[Side] = []
    try:
        if not ALONE.issuperset(plan.parts):
            start(sides, directory, progress)
        # In this order: memory of servers that have done nothing yet, then what needs them warm.
        for part in PARTS:
            if part in plan.parts:
                STEPS[part](plan, sides, directory, table, progress)
    finally:
        for side in sides:
            side.stop()
    return table


def start(sides: list[Side], directory: Path, progress: Progress) -> None:
    """The three sides, each put to `sides` as soon as it is to be ended."""
    progress("starting Postfix and Dovecot")
    sides.append(PostfixDovecot(directory / "rival"))
    progress("starting Waxwing with the shipped policy")
    sides.append(Waxwing(directory / "shipped", SHIPPED, SHIPPED_POLICY))
    progress("starting Waxwing with the empty accepting policy")
    sides.append(Waxwing(directory / "accepting", ACCEPTING, ACCEPTING_POLICY.format(isolation="pooled")))


def measure_memory(plan: Plan, sides: list[Side], _directory: Path, table: Table, progress: Progress) -> None:
    """Idle servers, then idle sessions."""
    wanted = {POSTFIX: min(POSTFIX_SESSIONS, plan.sessions), SHIPPED: plan.sessions, ACCEPTING: plan.sessions}
    found = {side.name: memory.measure(side, wanted[side.name], progress) for side in sides}
    table.add("idle server", "MiB", {name: figures.idle_bytes / 2**20 for name, figures in found.items()})
    table.add("an idle SMTP session", "KiB", {name: figures.session_bytes / 1024 for name, figures in found.items()})
    _, shipped, _ = sides
    secured = memory.measure(shipped, plan.sessions, progress, shipped.ports["submissions"])
    table.add("an idle session under TLS", "KiB", {SHIPPED: secured.session_bytes / 1024})


def measure_throughput(plan: Plan, sides: list[Side], directory: Path, table: Table, progress: Progress) -> None:
    """Every load against every side, what the shipped policy costs of the rate, and single messages."""
    rival, shipped, accepting = sides
    haraka = start_haraka(directory, progress)
    try:
        for load in plan.loads:
            some = [rival, *haraka, shipped, accepting] if load in HARAKA_LOADS else sides
            add_throughput(load, throughput.compare(some, load, plan.rounds, directory, progress), table)
            if load in plan.costs:
                add_cost(load, pair.compare(accepting, shipped, load, TURNS * plan.rounds, directory, progress), table)
        add_throughput(CROWD, throughput.compare([shipped], CROWD, plan.rounds, directory, progress), table)
        found = single.compare([rival, *haraka, shipped, accepting], plan.rounds, progress)
        table.add("one session at a time, 4 KB: from the connection to the 250, p50", "ms", found)
    finally:
        for side in haraka:
            side.stop()


def start_haraka(directory: Path, progress: Progress) -> list[Side]:
    """Haraka in front of a Dovecot; nothing where it cannot run, such as on an old Node.js."""
    progress("starting Haraka and Dovecot")
    try:
        return [HarakaDovecot(directory / "haraka")]
    except StartError as error:
        progress(f"measuring without Haraka: {error}")
        return []


def add_throughput(load: Load, found: dict[str, throughput.Figures], table: Table) -> None:
    """The rows of one load."""
    table.add(f"{load.title}: into mailboxes", "messages/s",
              {name: figures.per_second for name, figures in found.items()}, more_is_better=True)
    table.add(f"{load.title}: answered by 250", "messages/s",
              {name: figures.answered_per_second for name, figures in found.items()}, more_is_better=True)
    table.add(f"{load.title}: processor time", "ms/message", {name: figures.cpu_ms for name, figures in found.items()})
    table.add(f"{load.title}: disk flushes", "per message", {name: figures.flushes for name, figures in found.items()})
    if haraka := found.get(HARAKA):
        ours = {name: figures for name, figures in found.items() if name in (SHIPPED, ACCEPTING)}
        table.add(f"{load.title}: times the rate of {HARAKA}", "", {name: figures.per_second / haraka.per_second for name, figures in ours.items()})
        table.add(f"{load.title}: {HARAKA}'s processor time over ours", "", {name: haraka.cpu_ms / figures.cpu_ms for name, figures in ours.items()})


def add_cost(load: Load, cost: pair.Cost, table: Table) -> None:
    """The rows of what the shipped policy costs under one load."""
    table.add(f"{load.title}: rate lost to the shipped policy", "%", {SHIPPED: cost.rate_lost})
    table.add(f"{load.title}: at least, 19 times of 20", "%", {SHIPPED: cost.least})
    table.add(f"{load.title}: at most, 19 times of 20", "%", {SHIPPED: cost.most})
    table.add(f"{load.title}: processor time of the shipped policy", "µs/message", {SHIPPED: cost.cpu_added_us})


def measure_relaying(plan: Plan, _sides: list[Side], directory: Path, table: Table, progress: Progress) -> None:
    """What comes in and goes on to `smtp-sink`, beside Postfix."""
    progress("starting Postfix and Waxwing, which relay")
    started: list[Side] = []
    try:
        started.append(relaying.postfix(directory / "relaying-postfix"))
        started.append(relaying.waxwing(directory / "relaying-waxwing", SHIPPED, SHIPPED_POLICY))
        found = relaying.compare(started, RELAYED, plan.rounds, directory, progress)
    finally:
        for side in reversed(started):
            side.stop()
    table.add(f"relaying, {RELAYED.title}: taken by the next server", "messages/s",
              {name: figures.per_second for name, figures in found.items()}, more_is_better=True)
    table.add(f"relaying, {RELAYED.title}: processor time", "ms/message", {name: figures.cpu_ms for name, figures in found.items()})
    table.add(f"relaying, {RELAYED.title}: disk flushes", "per message", {name: figures.flushes for name, figures in found.items()})


def measure_swap(plan: Plan, sides: list[Side], _directory: Path, table: Table, progress: Progress) -> None:
    """From saving to the first message judged."""
    rival, shipped, _ = sides
    found = {side.name: swap.rules(side, plan.swaps, progress) for side in (rival, shipped)}
    table.add("a rule saved, until it judges", "ms", {name: figures.median_ms for name, figures in found.items()})
    table.add("a rule saved, worst", "ms", {name: figures.worst_ms for name, figures in found.items()})
    (shipped.policy / "rules" / "bench.toml").unlink()
    plugin = swap.plugins(shipped, SWAPPED_PLUGIN, plan.swaps, progress)
    table.add("a plugin saved, until it judges", "ms", {SHIPPED: plugin.median_ms})
    table.add("a plugin saved, worst", "ms", {SHIPPED: plugin.worst_ms})


def measure_slow(plan: Plan, sides: list[Side], _directory: Path, table: Table, progress: Progress) -> None:
    """Single messages beside peers that are in the middle of something."""
    _, shipped, _ = sides
    found = slow.measure(shipped, plan.slow_peers, 1000, progress)
    table.add("a message, p99", "ms", {SHIPPED: found.usual_p99_ms})
    table.add(f"a message beside {found.peers} slow peers, p99", "ms", {SHIPPED: found.beset_p99_ms})


def measure_hooks(_plan: Plan, sides: list[Side], _directory: Path, table: Table, progress: Progress) -> None:
    """Calls of all shipped plugins; then the same small plugin with instances reused and fresh."""
    _, shipped, accepting = sides
    all_calls = hooks.measure(shipped, "shipped policy", progress)
    pooled = hooks.measure(accepting, "accepting policy, instances reused", progress)
    hooks.set_policy(accepting, ACCEPTING_POLICY.format(isolation="call"))
    fresh = hooks.measure(accepting, "accepting policy, an instance a call", progress)
    hooks.set_policy(accepting, ACCEPTING_POLICY.format(isolation="pooled"))
    table.add("all plugin calls for a message", "µs", {SHIPPED: all_calls.per_message_us, ACCEPTING: pooled.per_message_us})
    table.add("a hook call", "µs", {SHIPPED: all_calls.mean_us, ACCEPTING: pooled.mean_us})
    table.add("a hook call with a fresh instance", "µs", {ACCEPTING: fresh.mean_us})


def measure_calls(_plan: Plan, sides: list[Side], _directory: Path, table: Table, progress: Progress) -> None:
    """Calls of plugins without a server, beside wasmtime's own; and plugins in other languages."""
    _, shipped, _ = sides
    calls.add(calls.measure(shipped.plugins, progress), SHIPPED, table)


def measure_milter(plan: Plan, sides: list[Side], directory: Path, table: Table, progress: Progress) -> None:
    """One header field added by a milter and by a plugin: both mail systems once more, with the step."""
    rival, _, accepting = sides
    progress("starting Postfix with a milter, and Waxwing with a plugin that does the same")
    started: list[Side | Milter] = []
    try:
        started.append(adding := Milter(directory / "milter"))
        started.append(filtered := PostfixDovecot(directory / "filtered", accounts=60, milters=adding.address))
        started.append(stamping := Waxwing(directory / "stamping", "Waxwing, stamping policy",
                                           STAMPING_POLICY.format(isolation="pooled")))
        found = milter.compare([milter.Pair(rival, filtered), milter.Pair(accepting, stamping)], plan.header_rounds, progress)
    finally:
        for side in reversed(started):
            side.stop()
    table.add("a message over an open session", "ms", {name: figures.without_ms for name, figures in found.items()})
    table.add("added by a milter, by a plugin, that adds one header field", "µs",
              {name: 1000 * figures.added_ms for name, figures in found.items()})


def measure_shadow(plan: Plan, _sides: list[Side], directory: Path, table: Table, progress: Progress) -> None:
    """The shipped policy with and without a copy of its dearest step in shadow."""
    progress("starting Waxwing with the shipped policy, and with a shadow step more")
    names = ["without", "with a shadow step"]
    started: list[Waxwing] = []
    try:
        started.append(Waxwing(directory / "plain", names[0], SHIPPED_POLICY))
        started.append(shadowed := Waxwing(directory / "shadowed", names[1], SHIPPED_POLICY))
        hooks.set_policy(shadowed, shadow.policy(SHIPPED_POLICY))
        found = {load: shadow.compare(started, load, plan.rounds, directory, progress)
                 for load in (Load(sessions, SMALL, reuse=True) for sessions in (1, 10))}
    finally:
        for side in reversed(started):
            side.stop()
    more = Table(names, {"a shadow step": "the shipped policy, and a copy of its step `rules` in shadow"}, compared=False)
    for load, figures in found.items():
        more.add(f"{load.title}: a message", "ms", dict(zip(names, (figures.without_ms, figures.with_ms))))
        more.add(f"{load.title}: added by the shadow step", "%", {names[1]: figures.added_percent})
    table.more.append(more)


def measure_reading(plan: Plan, _sides: list[Side], directory: Path, table: Table, progress: Progress) -> None:
    """IMAP and POP3 beside Dovecot and Cyrus, on mailboxes of each size."""
    for count in plan.mailboxes:
        progress(f"starting Dovecot, Cyrus and Waxwing for mailboxes of {count} messages")
        started: list[Dovecot | Cyrus | Waxwing] = []
        try:
            started.append(Dovecot(directory / f"dovecot-{count}", directory / f"lmtp-{count}", ["reader"], client="root", reading=True))
            started.extend(start_cyrus(directory / f"cyrus-{count}", progress))
            started.append(Waxwing(directory / f"reading-{count}", SHIPPED, SHIPPED_POLICY, accounts=1))
            found = reading.compare(started, count, plan.rounds, progress)
        finally:
            for side in reversed(started):
                side.stop()
        more = Table([Dovecot.name, Cyrus.name, SHIPPED], rivals=2, head={"reading mail": f"mailboxes of {count} messages of 4 KB"})
        for row, values in found.items():
            unit, more_is_better = reading.unit(row)
            more.add(row, unit, values, more_is_better)
        table.more.append(more)


def measure_jmap(plan: Plan, _sides: list[Side], directory: Path, table: Table, progress: Progress) -> None:
    """JMAP, on mailboxes of each size."""
    for count in plan.mailboxes:
        progress(f"starting Waxwing for a mailbox of {count} messages")
        side = Waxwing(directory / f"jmap-{count}", SHIPPED, SHIPPED_POLICY, accounts=1)
        try:
            found = jmap.compare(side, count, plan.rounds, progress)
        finally:
            side.stop()
        more = Table([SHIPPED], {"JMAP": f"a mailbox of {count} messages of 4 KB"}, compared=False)
        for row, value in found.items():
            more.add(row, "ms", {SHIPPED: value})
        table.more.append(more)


def start_cyrus(directory: Path, progress: Progress) -> list[Cyrus]:
    """A Cyrus; nothing where it cannot run, such as on a system without its packages."""
    try:
        return [Cyrus(directory, ["reader"])]
    except StartError as error:
        progress(f"measuring without Cyrus: {error}")
        return []


def measure_start(_plan: Plan, sides: list[Side], _directory: Path, table: Table, progress: Progress) -> None:
    """The shipped policy's server once more, over the data that it has by now."""
    _, shipped, _ = sides
    shipped.stop()
    seconds = shipped.run()
    progress(f"start, {SHIPPED}: {1000 * seconds:.0f} ms until every listener answers")
    table.add("a second start, until every listener answers", "ms", {SHIPPED: 1000 * seconds})


STEPS = {"memory": measure_memory, "swap": measure_swap, "throughput": measure_throughput, "relaying": measure_relaying, "slow": measure_slow,
         "hooks": measure_hooks, "calls": measure_calls, "milter": measure_milter, "shadow": measure_shadow,
         "reading": measure_reading, "jmap": measure_jmap, "start": measure_start}
