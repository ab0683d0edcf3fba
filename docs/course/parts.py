"""The form of a generated table: lettered parts, each with its sources."""

import re

from docs.course.measured import Measured
from docs.course.printed import ABSTRACT, BY_ARITHMETIC, NONE, ONE_SOURCE
from tf_pretrain.tables.definitions.papers import PAPERS
from tf_pretrain.tables.report import markdown

_MARKS = (
    (ONE_SOURCE, "one_source"),
    (BY_ARITHMETIC, "arithmetic"),
    (ABSTRACT, "abstract"),
)


class Parts:
    """Parts A, B, ... of a table in one language, joined by `markdown`."""

    def __init__(self, words: dict[str, str]):
        self.words, self._blocks = words, []
        self._number = 0

    def add(self, title: str, header: list[str], rows: list[list[str]], *notes: str):
        """Adds a part.

        Args:
            title: Name of a word, or the text itself.
            header: Names of words, or names that are the same everywhere.
            notes: Sentences below the table: `paper`, `ours`, or free text.
        """
        letter = "ABCDEF"[self._number]
        self._number += 1
        table = markdown.table([self.words.get(n, n) for n in header], rows)
        if not any(re.search(r"\d", cell) for row in rows[:1] for cell in row[1:]):
            table = table.replace("---:", "---")  # columns of text
        marks = "".join(row[0] for row in rows)
        notes = list(notes)
        for sign, name in _MARKS:
            if sign in marks:
                notes.append(f"{sign} {self.words[name]}")
        title = self.words.get(title, title)
        found = [f"**{letter}. {title}**", table, self.words["between"].join(notes)]
        self._blocks += filter(None, found)

    def value(self, measured: Measured, row: str, score: str, digits: int = 1) -> str:
        """Median, lowest and highest, for example "43.9 (43.6 to 44.9)"."""
        found = measured.summary(row, score)
        if found is None:
            return NONE
        numbers = (found.median, found.low, found.high)
        median, low, high = (f"{number:,.{digits}f}" for number in numbers)
        return self.words["with_range"].format(median=median, low=low, high=high)

    def paper(self, paper: str, place: int | str, *kinds: str) -> str:
        """The sentences on a printed table.

        Args:
            place: Number of the table, or a word for another place.
            kinds: Words for split, metric and the like.
        """
        if isinstance(place, int):
            place = self.words["table_number"].format(number=place)
        else:
            place = self.words[place]
        text = self.words["source_paper"].format(paper=PAPERS[paper], place=place)
        return self.words["between"].join([text, *(self.words[k] for k in kinds)])

    def ours(self, measured: Measured) -> str:
        """The sentence on seeds, commits and command of our own results."""
        commits = (f"`{commit}`" for commit in measured.commits)
        return self.words["source_ours"].format(
            seeds=measured.seeds,
            commits=self.words["list_comma"].join(commits),
            command=measured.command,
            link=f"[docs/tables/{measured.table}.md](../tables/{measured.table}.md)",
        )

    def markdown(self) -> str:
        """All parts."""
        return markdown.joined(self._blocks)
