"""What every benchmark shares: interleaved rounds, medians, rows of the table."""

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Settings:
    """One call of `python -m benchmarks.run`.

    Attributes:
        inputs: Text, as the program's --input.
        folder: Where what is made from the text is kept.
        data_dir: GLUE's folders; None to take sentences of the text.
        rounds: Timed rounds of each contestant.
        quick: Fewer variants of the peers.
    """

    inputs: str
    folder: str
    data_dir: str | None
    rounds: int
    quick: bool


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table: ours, a peer's, and what their ratio should be.

    Attributes:
        is_rate: More is better and ratio = ours / peer >= target; otherwise the ratio
            should be at most the target.
        note: What must be known to read it.
    """

    item: str
    ours: float
    peer_name: str
    peer: float
    unit: str
    target: float | None
    is_rate: bool = True
    note: str = ""

    @property
    def ratio(self) -> float:
        return self.ours / self.peer

    @property
    def verdict(self) -> str:
        if self.target is None:
            return "-"
        reached = (
            self.ratio >= self.target if self.is_rate else self.ratio <= self.target
        )
        return "reached" if reached else "missed"

    def to_dict(self) -> dict:
        return dataclasses.asdict(self) | {"ratio": self.ratio, "verdict": self.verdict}


def interleave(runs: dict, rounds: int) -> dict[str, list]:
    """Calls each of {name: function} in turn, `rounds` times; {name: [results]}.

    Neighbours in time share what else the machine does, so ratios suffer less from
    it than times.
    """
    results = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            results[name].append(run())
    return results


def median(results: list[dict], key: str) -> float:
    """The median of one figure over the rounds."""
    return statistics.median(result[key] for result in results)


def format_table(rows: list[Row]) -> str:
    """The table for people, in Markdown."""
    lines = [
        "| work | ours | against | peer's | unit | ratio | target | verdict |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        target = "-"
        if row.target is not None:
            target = f"{'≥' if row.is_rate else '≤'} {row.target:g}"
        lines.append(
            f"| {row.item} | {row.ours:.4g} | {row.peer_name} | {row.peer:.4g} | "
            f"{row.unit} | {row.ratio:.3g} | {target} | {row.verdict} |"
        )
    notes = dict.fromkeys(f"{r.item}: {r.note}" for r in rows if r.note)
    return "\n".join(lines + [""] + [f"- {note}" for note in notes])
