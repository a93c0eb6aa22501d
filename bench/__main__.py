"""`python3 -m bench`: measures, prints PROGRESS lines while it does, and one table at the end."""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

from . import machine, suite
from .servers import StartError


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python3 -m bench", description="Waxwing beside Postfix delivering to Dovecot")
    parser.add_argument("--short", action="store_true", help="one cell of each kind, a few minutes")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of each cell (5; 2 with --short)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON, too")
    parser.add_argument("--only", choices=suite.PARTS, action="append", help="only this measurement; may be repeated")
    parser.add_argument("--mailbox", type=int, metavar="N", action="append",
                        help="messages in a mailbox that mail is read from (10000); may be repeated")
    parser.add_argument("--directory", type=Path, default=Path("/var/tmp"), help="where the servers keep their data: a real disk")
    return parser.parse_args()


def progress(text: str) -> None:
    """A line for people who wait."""
    print(f"PROGRESS {time.strftime('%H:%M:%S')} {text}", flush=True)


def main() -> int:
    options = arguments()
    # Thousands of idle sessions, on both ends.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    plan = suite.Plan.short() if options.short else suite.Plan.full()
    if options.rounds:
        plan = plan.with_rounds(options.rounds)
    if options.mailbox:
        plan = plan.with_mailboxes(options.mailbox)
    if options.only:
        plan = plan.with_parts(options.only)
    with tempfile.TemporaryDirectory(prefix="waxwing-bench-", dir=options.directory) as directory:
        Path(directory).chmod(0o755)  # the other servers work in it under accounts of their own
        if machine.filesystem(Path(directory)) == "tmpfs":
            print(f"bench: {directory} is in memory, where syncing costs nothing; give --directory", file=sys.stderr)
            return 78
        try:
            table = suite.run(plan, Path(directory), progress)
        except StartError as error:
            print(f"bench: {error}", file=sys.stderr)
            return 69
    print(table.text())
    if options.json:
        options.json.write_text(table.json() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
