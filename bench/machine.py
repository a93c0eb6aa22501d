"""What the kernel counts for us: processor time and memory of process trees, flushes of a disk.

All of it is read from /proc and /sys, which costs microseconds and needs no tracer in the measured programs.
"""

import os
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def children() -> dict[int, list[int]]:
    """Every process of the machine under its parent."""
    tree: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            fields = stat_fields(int(entry.name))
            if fields:
                tree.setdefault(int(fields[1]), []).append(int(entry.name))
    return tree


def descendants(roots: list[int]) -> list[int]:
    """The processes of `roots` and all below them that are alive."""
    tree, found, waiting = children(), [], list(roots)
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting.extend(tree.get(pid, []))
    return found


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state (field 3) on; none if the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    # The name in parentheses may hold anything, so count from its end.
    return text.rpartition(")")[2].split()


def cpu_seconds(roots: list[int]) -> float:
    """User and system time of the process trees so far, of children that ended too.

    A child that was waited for is in its parent's cutime and cstime, so the sum over the living tree misses nothing.
    """
    ticks = 0
    for pid in descendants(roots):
        fields = stat_fields(pid)
        if fields:
            ticks += sum(int(field) for field in fields[11:15])  # utime stime cutime cstime
    return ticks / TICKS_PER_SECOND


def memory_bytes(roots: list[int]) -> int:
    """Proportional set size of the process trees: a page shared by several is counted once."""
    total = 0
    for pid in descendants(roots):
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        for line in rollup.splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def flushes(directory: Path) -> int | None:
    """Cache flushes that the disk under `directory` has completed; none where the kernel does not say.

    The whole machine's flushes: meaningful only while nothing else writes.
    """
    device = os.stat(directory).st_dev
    try:
        fields = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat").read_text().split()
    except FileNotFoundError:
        return None
    return int(fields[15]) if len(fields) > 15 else None


def description() -> dict[str, str]:
    """The machine in a few words, for the head of the table."""
    cpu = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), "unknown processor")
    kernel = os.uname()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"processor": cpu, "cores": str(os.cpu_count()), "memory": f"{memory:.0f} GiB",
            "kernel": f"{kernel.sysname} {kernel.release}"}


def filesystem(directory: Path) -> str:
    """The type of the file system that holds `directory`."""
    path, best, found = str(directory.resolve()), "", "unknown"
    for line in Path("/proc/mounts").read_text().splitlines():
        _, point, kind, *_ = line.split()
        if (path + "/").startswith(point.rstrip("/") + "/") and len(point) >= len(best):
            best, found = point, kind
    return found
