"""Tests of the arithmetic of the benchmarks; `make test` runs them, no server is started."""

import json
import os
import subprocess
import unittest

from . import calls, machine, pair, relaying, slow, throughput
from .load import Load
from .report import Table, figure
from .servers import RELAYED
from .servers.sink import COUNTERS
from .servers.waxwing import ROOT


class TheTable(unittest.TestCase):
    def setUp(self):
        self.table = Table(["old", "new"], {"cores": "2"})

    def test_says_how_many_times_better_in_the_right_direction(self):
        self.table.add("rate", "messages/s", {"old": 250.0, "new": 2500.0}, more_is_better=True)
        self.table.add("cost", "ms", {"old": 6.0, "new": 0.5})
        rate, cost = self.table.text().splitlines()[-2:]
        self.assertEqual([cell.strip() for cell in rate.split("|")], ["", "rate", "messages/s", "250", "2500", "10.0", ""])
        self.assertEqual([cell.strip() for cell in cost.split("|")], ["", "cost", "ms", "6.00", "0.50", "12.0", ""])

    def test_shows_a_missing_figure_as_such_and_compares_nothing_with_it(self):
        self.table.add("hook call", "µs", {"new": 0.9, "old": None})
        cells = [cell.strip() for cell in self.table.text().splitlines()[-1].split("|")]
        self.assertEqual(cells, ["", "hook call", "µs", "–", "0.90", "–", ""])
        self.assertIsNone(self.table.better(self.table.rows[0], "new"))

    def test_is_aligned(self):
        self.table.add("a", "b", {"old": 1.0})
        self.table.add("a longer one", "b", {"old": 1234.5, "new": 2.0})
        lines = [line for line in self.table.text().splitlines() if line.startswith("|")]
        self.assertEqual(len({len(line) for line in lines}), 1)

    def test_another_table_follows_without_comparison(self):
        self.table.add("a", "b", {"old": 1.0, "new": 2.0})
        more = Table(["Rust", "Python"], {"languages": "two"}, compared=False)
        more.add("call", "µs", {"Rust": 5.0, "Python": 50.0})
        self.table.more.append(more)
        self.assertEqual([cell.strip() for cell in self.table.text().splitlines()[-1].split("|")], ["", "call", "µs", "5.00", "50.0", ""])
        self.assertEqual(json.loads(self.table.json())["more"][0]["rows"][0]["values"]["Python"], 50.0)

    def test_a_side_that_stands_beside_is_shown_and_not_compared(self):
        table = Table(["old", "other", "new"], {}, beside=["other"])
        table.add("cost", "ms", {"old": 6.0, "other": 3.0, "new": 0.5})
        self.assertEqual([cell.strip() for cell in table.text().splitlines()[-1].split("|")], ["", "cost", "ms", "6.00", "3.00", "0.50", "12.0", ""])

    def test_holds_the_last_side_against_the_better_of_the_others_in_each_row(self):
        table = Table(["one", "two", "new"], {}, rivals=2)
        table.add("rate", "messages/s", {"one": 100.0, "two": 200.0, "new": 400.0}, more_is_better=True)
        table.add("time", "ms", {"one": 8.0, "two": 12.0, "new": 4.0})
        lines = [[cell.strip() for cell in line.split("|")] for line in table.text().splitlines() if line.startswith("|")]
        self.assertEqual(lines[0], ["", "", "", "one", "two", "new", "new: times the better of the others", ""])
        self.assertEqual([line[-2] for line in lines[2:]], ["2.00", "2.00"])

    def test_holds_it_against_the_one_that_is_there(self):
        table = Table(["one", "two", "new"], {}, rivals=2)
        table.add("time", "ms", {"one": 8.0, "new": 4.0})
        self.assertEqual(table.better(table.rows[0], "new"), 2.0)
        table.add("time", "ms", {"one": 8.0, "two": 0.0, "new": 4.0})
        self.assertIsNone(table.better(table.rows[1], "new"))

    def test_figures_have_three_digits(self):
        self.assertEqual([figure(value) for value in (0.1234, 12.34, 123.4, None)], ["0.12", "12.3", "123", "–"])


class Relaying(unittest.TestCase):
    def test_the_shipped_policy_has_a_place_for_what_it_is_given(self):
        text = relaying.policy(ROOT / "config/policy.toml", 2525)
        self.assertIn('[step.settings]\nrelay-networks = ["127.0.0.0/8"]\n', text)
        self.assertIn(f'[step.settings]\nroutes."{RELAYED}" = {{ hosts = [{{ host = "127.0.0.1", port = 2525 }}], tls = "never" }}\n', text)

    def test_counts_what_the_sink_has_taken_since(self):
        class Counts:
            name, smtp_port, count = "a side", 25, 7
            def roots(self): return []
            def taken(self): return self.count
        counts = Counts()
        side = relaying.Relaying(counts, counts)
        address = side.mailbox()
        counts.count = 10
        self.assertEqual(side.delivered(address), 3)
        self.assertEqual(COUNTERS.findall(b"sess=1 quit=0 mesg=1\rsess=1 quit=1 mesg=12\rsess=2 quit=1 me"), [b"1", b"12"])


class SlowPeers(unittest.TestCase):
    def test_one_in_a_hundred_exceeds_p99(self):
        self.assertEqual(slow.p99([float(value) for value in range(1, 101)]), 99.0)
        self.assertEqual(slow.p99([3.0, 1.0, 2.0]), 3.0)


class TheMachine(unittest.TestCase):
    def test_counts_the_processor_time_of_children_that_ended(self):
        before = machine.cpu_seconds([os.getpid()])
        subprocess.run(["sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"], check=True)
        self.assertGreater(machine.cpu_seconds([os.getpid()]), before)

    def test_finds_descendants(self):
        with subprocess.Popen(["sleep", "60"]) as child:
            self.assertIn(child.pid, machine.descendants([os.getpid()]))
            child.kill()

    def test_a_process_that_is_gone_has_no_fields(self):
        child = subprocess.Popen(["true"])
        child.wait()
        self.assertEqual(machine.stat_fields(child.pid), [])


class Calls(unittest.TestCase):
    def test_are_put_beside_wasmtimes_own_and_languages_into_a_table_of_theirs(self):
        language = {name: 1.0 for _, _, name in calls.OF_LANGUAGES} | {"name": "Rust"}
        table = Table(["old", "new"], {})
        calls.add({"bare-call-ns": 1000.0, "hook-call-ns": 2500.0, "bare-instance-ns": 20000.0, "fresh-instance-ns": 30000.0,
                   "shipped-policy-cpu-us": 120.0, "languages": [language]}, "new", table)
        ratios = [row.values["new"] for row in table.rows if "times" in row.title]
        self.assertEqual(ratios, [2.5, 1.5])
        self.assertEqual(table.more[0].sides, ["Rust"])
        self.assertEqual(len(table.more[0].rows), len(calls.OF_LANGUAGES))


class Pairs(unittest.TestCase):
    def test_the_interval_leaves_out_what_chance_would_not(self):
        # With eight values, both ends lie on one side of the median 1 time of 128.
        self.assertEqual(pair.interval([8, 1, 2, 3, 4, 5, 6, 7]), (1, 8))
        # With twelve, the third value from the end does 1 time of 26, the fourth 1 time of 7.
        self.assertEqual(pair.interval(list(range(12))), (2, 9))
        self.assertEqual(pair.interval([3, 1, 2]), (1, 3))


class Rounds(unittest.TestCase):
    def test_give_medians_a_column(self):
        rounds = [throughput.Round(100, answered, delivered, cpu, flushes)
                  for answered, delivered, cpu, flushes in [(1.0, 2.0, 0.1, 100), (0.5, 1.0, 0.3, 300), (0.25, 4.0, 0.2, 200)]]
        found = throughput.figures(rounds)
        self.assertEqual((found.per_second, found.answered_per_second, found.cpu_ms, found.flushes), (50.0, 200.0, 2.0, 2.0))

    def test_without_a_flush_counter_there_is_no_figure(self):
        self.assertIsNone(throughput.figures([throughput.Round(1, 1.0, 1.0, 0.0, None)]).flushes)

    def test_a_load_has_a_title(self):
        self.assertEqual(Load(1, 4096).title, "1 session, 4 KB")
        self.assertEqual(Load(10, 61440, reuse=True).title, "10 sessions, 60 KB, kept open")


if __name__ == "__main__":
    unittest.main()
