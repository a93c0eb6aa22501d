#!/usr/bin/env python3
"""Refuses a dependency whose licence does not go with MIT OR Apache-2.0 in one binary.

    tools/licences.py           checks what Cargo.lock names; prints every offender, exit 1 if any
    tools/licences.py --list    prints the licences in use and how many packages have each

The licence is an SPDX expression; OR lets us choose, AND asks for both.
"""

import collections
import json
import re
import subprocess
import sys

ALLOWED = {"MIT", "MIT-0", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "0BSD", "Zlib", "Unlicense", "CC0-1.0",
           "Unicode-3.0", "BSL-1.0"}
ALLOWED_EXCEPTIONS = {"LLVM-exception"}


def allowed(expression: str) -> bool:
    """Whether an SPDX expression can be satisfied with ALLOWED. Cargo's old `A/B` means `A OR B`."""
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))
    value, rest = either(tokens)
    return value and not rest


def either(tokens: list[str]) -> tuple[bool, list[str]]:
    value, tokens = both(tokens)
    while tokens and tokens[0] == "OR":
        more, tokens = both(tokens[1:])
        value = value or more
    return value, tokens


def both(tokens: list[str]) -> tuple[bool, list[str]]:
    value, tokens = one(tokens)
    while tokens and tokens[0] == "AND":
        more, tokens = one(tokens[1:])
        value = value and more
    return value, tokens


def one(tokens: list[str]) -> tuple[bool, list[str]]:
    if not tokens:
        return False, []
    if tokens[0] == "(":
        value, tokens = either(tokens[1:])
        return (value, tokens[1:]) if tokens[:1] == [")"] else (False, tokens)
    value, tokens = tokens[0] in ALLOWED, tokens[1:]
    if tokens[:1] == ["WITH"]:
        value, tokens = value and tokens[1:2] != [] and tokens[1] in ALLOWED_EXCEPTIONS, tokens[2:]
    return value, tokens


def main() -> int:
    metadata = json.loads(subprocess.run(["cargo", "metadata", "--format-version", "1", "--locked"],
                                         check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout)
    packages = [(package["name"], package["version"], package["license"] or "none stated") for package in metadata["packages"]]
    if "--list" in sys.argv[1:]:
        for licence, count in collections.Counter(licence for _, _, licence in packages).most_common():
            print(f"{count:5}  {licence}")
    offenders = [package for package in packages if not allowed(package[2])]
    for name, version, licence in offenders:
        print(f"licences: {name} {version} is under {licence}, which does not go with MIT OR Apache-2.0", file=sys.stderr)
    if not offenders:
        print(f"licences: {len(packages)} packages, all compatible")
    return 1 if offenders else 0


if __name__ == "__main__":
    sys.exit(main())
