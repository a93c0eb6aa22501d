"""A milter on Debian's libmilter, compiled from bench/milter."""

import subprocess
from pathlib import Path

from . import StartError, end, start, tail, wait_until
from .waxwing import ROOT, TARGET

SOURCE = ROOT / "bench/milter/add_header.c"
BINARY = TARGET / "bench-milter"


class Milter:
    """A milter that adds one header field, listening on a socket."""

    def __init__(self, directory: Path):
        compile_once()
        directory.mkdir(parents=True)
        self.address = f"unix:{directory / 'add-header.sock'}"
        log = directory / "milter.log"
        self.process = start("The milter", [str(BINARY), self.address], log)
        try:
            wait_until((directory / "add-header.sock").exists, 10, lambda: f"the milter made no socket:\n{tail(log)}")
        except StartError:
            self.stop()
            raise

    def stop(self) -> None:
        end(self.process)


def compile_once() -> None:
    """The program of the source as it is now."""
    if BINARY.exists() and BINARY.stat().st_mtime > SOURCE.stat().st_mtime:
        return
    command = ["cc", "-O2", "-o", str(BINARY), str(SOURCE), "-lmilter", "-pthread"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise StartError(f"the milter does not compile:\n{run.stderr.strip()}")
