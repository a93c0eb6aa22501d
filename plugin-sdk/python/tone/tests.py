"""Runs cases/*.toml against logic.py in plain Python: no server, no WebAssembly."""

import json
import tomllib
import unittest
from pathlib import Path

import logic

NOW = 1795651200.0  # 2026-11-26T00:00:00Z


class Message:
    """A message with the methods of plugin-sdk/wit/message.wit that the plugin calls."""

    def __init__(self, subject: str = "", text: str = "", links: int = 0, date: str = "Wed, 25 Nov 2026 23:00:00 +0000"):
        self._subject, self._text, self._links = subject, text, links
        self._headers = {"Date": date or None}

    def subject(self) -> str:
        return self._subject

    def text(self, most: int) -> str:
        return self._text[:most]

    def urls(self, most: int) -> list[str]:
        return ["https://example.org/"] * min(self._links, most)

    def first(self, name: str) -> str | None:
        return self._headers.get(name)


class Cases(unittest.TestCase):
    def check(self, case: dict) -> None:
        settings = json.dumps(case["settings"]) if "settings" in case else ""
        if "problem" in case:
            with self.assertRaises(ValueError) as raised:
                logic.Settings.read(settings)
            self.assertEqual(str(raised.exception), case["problem"])
            return
        found = logic.judge(Message(**case["message"]), logic.Settings.read(settings), NOW)
        self.assertEqual([f"{finding.name} {finding.weight}: {', '.join(finding.evidence)}" for finding in found], case["findings"])

    def test_cases(self):
        files = sorted(Path(__file__).parent.glob("cases/*.toml"))
        self.assertTrue(files)
        for file in files:
            for case in tomllib.loads(file.read_text())["case"]:
                with self.subTest(file=file.name, case=case["name"]):
                    self.check(case)


if __name__ == "__main__":
    unittest.main()
