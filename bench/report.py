"""The table that `make bench` prints, and the same figures as JSON."""

import json
from dataclasses import dataclass, field

MISSING = "–"


@dataclass(frozen=True)
class Row:
    """One measurement: a figure for each side it exists for, in one unit."""

    title: str
    unit: str
    values: dict[str, float]
    more_is_better: bool = False


@dataclass
class Table:
    """Rows in the order of measurement. The others are held against the first side, or the better of the first ones."""

    sides: list[str]
    head: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    compared: bool = True
    """Whether the text says how many times better the other sides are."""
    beside: list[str] = field(default_factory=list)
    """Sides that it says nothing of."""
    rivals: int = 1
    """How many of the first sides the others are held against, row by row against the best of them."""
    more: list["Table"] = field(default_factory=list)
    """Tables of other sides, printed after this one."""

    def add(self, title: str, unit: str, values: dict[str, float | None], more_is_better: bool = False) -> None:
        """Adds a row; a side without a figure is left out or None."""
        found = {side: value for side, value in values.items() if value is not None}
        self.rows.append(Row(title, unit, found, more_is_better))

    def text(self) -> str:
        """An aligned table, valid Markdown too; the last columns say how many times better than the first side, or than the better of the first."""
        ours = [side for side in self.sides[self.rivals:] if side not in self.beside] if self.compared else []
        times = "times better" if self.rivals == 1 else "times the better of the others"
        lines = [["", "", *self.sides, *(f"{side}: {times}" for side in ours)]]
        for row in self.rows:
            figures = [figure(row.values.get(side)) for side in self.sides]
            lines.append([row.title, row.unit, *figures, *(figure(self.better(row, side)) for side in ours)])
        widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
        rule = ["-" * width if column < 2 else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
        lines.insert(1, rule)
        body = "\n".join("| " + " | ".join(aligned(line, widths)) + " |" for line in lines)
        text = "\n".join(f"{name}: {value}" for name, value in self.head.items()) + "\n\n" + body
        return "\n\n".join([text, *(table.text() for table in self.more)])

    def better(self, row: Row, side: str) -> float | None:
        """How many times better `side` is than the best of the first sides; none without a figure to compare, or where one is nothing."""
        bases, value = [row.values[rival] for rival in self.sides[:self.rivals] if rival in row.values], row.values.get(side)
        if not bases or not all(bases) or not value:
            return None
        base = max(bases) if row.more_is_better else min(bases)
        return value / base if row.more_is_better else base / value

    def json(self) -> str:
        """Everything, for programs that compare runs."""
        return json.dumps(self.plain(), indent=2, ensure_ascii=False)

    def plain(self) -> dict:
        """Everything, in lists and dictionaries."""
        rows = [{"title": row.title, "unit": row.unit, "more_is_better": row.more_is_better, "values": row.values}
                for row in self.rows]
        return {"head": self.head, "sides": self.sides, "rows": rows, "more": [table.plain() for table in self.more]}


def figure(value: float | None) -> str:
    """Three significant digits, or all digits of a larger number."""
    if value is None:
        return MISSING
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def aligned(line: list[str], widths: list[int]) -> list[str]:
    """Texts to the left, figures to the right."""
    return [cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths))]
