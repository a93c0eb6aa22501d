"""Benchmarks of Waxwing beside Postfix, and for receiving Haraka, delivering to Dovecot over LMTP, in one run on one machine.

    python3 -m bench            every measurement, medians of interleaved rounds (about a quarter of an hour)
    python3 -m bench --short    one cell of each kind (a few minutes)

What is compared, and what each figure means, is in README.md beside this file.

Modules: `machine` (processor time, memory, flushes, from /proc and /sys), `load` (smtp-source), `servers` (private
instances of the programs), `throughput`, `single`, `relaying`, `hooks`, `swap` and `memory` (one measurement each), `report` (the table).
"""
