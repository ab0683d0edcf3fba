"""Shows an example on the terminal: words below each other, and a table of the masks.

Rich handles colours. It leaves them out if the terminal has none or NO_COLOR is set.
Everything that is shown by a colour is also shown by a word or a sign.
"""

from rich.cells import cell_len
from rich.console import Group
from rich.table import Table
from rich.text import Text

from tf_pretrain.inspection.example import Example

OTHER = "*"  # behind a drawn word that is not the text's
_MASKED, _SAME, _OTHER = "bold magenta", "green", "bold red"
_GAP = 1
_WIDEST = 100  # columns; longer lines are hard to read


def shown(piece: str) -> str:
    """A piece without SentencePiece's mark of a space."""
    return piece.replace("\u2581", "") or "\u2581"


def shown_places(example: Example) -> list[int]:
    """The tokens that are shown: all but [CLS] and the last [SEP]."""
    return list(range(1, len(example.original) - 1))


def words(example: Example, width: int) -> Group:
    """The text, its masks, the words that fill them, and the discriminator's marks."""
    rows = {"text": [Text(shown(piece)) for piece in example.original]}
    if any(example.chosen):
        styles = [_MASKED if c else "" for c in example.chosen]
        rows["masked"] = _styled(example.masked, styles)
    if any(example.chosen) and example.sampled:
        rows["filled in"] = _filled(example)
    if example.replaced_probability:
        rows["replaced? %"] = [
            Text(f"{100 * p:.0f}", _suspicion(p)) for p in example.replaced_probability
        ]
    return Group(*_bands(rows, shown_places(example), min(width, _WIDEST)))


def masks(example: Example) -> Table:
    """A line for each mask: guesses, sample, and whether the sample was detected."""
    table = Table(box=None, padding=(0, 3, 0, 0), show_edge=False, pad_edge=False)
    table.add_column("masked word", style=_MASKED)
    table.add_column("likeliest guesses")
    is_filled = example.sampled is not None
    if is_filled:
        table.add_column("drawn")
        table.add_column("replaced?")
    for place, guesses in enumerate(example.guesses):
        if not guesses:
            continue
        likeliest = (f"{shown(word)} {100 * share:.0f} %" for word, share in guesses)
        cells = [Text(shown(example.original[place])), Text(", ".join(likeliest))]
        if is_filled:
            cells += [_filled(example)[place], _verdict(example, place)]
        table.add_row(*cells)
    return table


def _verdict(example, place):
    """The discriminator's probability for one token, and its rank among all."""
    places = shown_places(example)
    probability = example.replaced_probability[place]
    rank = 1 + sum(example.replaced_probability[i] > probability for i in places)
    text = f"{100 * probability:.0f} %, {_ordinal(rank)} of {len(places)} words"
    return Text(text, _suspicion(probability))


def _ordinal(number):
    endings = {1: "st", 2: "nd", 3: "rd"}
    ending = "th" if number % 100 in (11, 12, 13) else endings.get(number % 10, "th")
    return f"{number}{ending}"


def _filled(example):
    """The words that the discriminator reads, with a sign where they differ."""
    pieces, styles = [], []
    for place, piece in enumerate(example.original):
        drawn, label = example.sampled[place], example.replaced[place]
        is_other = drawn is not None and label == 1
        pieces.append(f"{drawn or piece}{OTHER if is_other else ''}")
        styles.append({None: "", 0: _SAME, 1: _OTHER}[label] if drawn else "")
    return _styled(pieces, styles)


def _suspicion(probability):
    if probability >= 0.5:
        return "bold red"
    return "yellow" if probability >= 0.2 else "dim"


def _styled(pieces, styles):
    return [Text(shown(p), style) for p, style in zip(pieces, styles, strict=True)]


def _bands(rows, places, width):
    """Tables of the rows, each as wide as fits; the words of a column are aligned."""
    names = 2 + max(map(cell_len, rows))
    band, used = [], names
    for place in places:
        size = _GAP + max(cell_len(cells[place].plain) for cells in rows.values())
        if band and used + size > width:
            yield _band(rows, band)
            band, used = [], names
        band.append(place)
        used += size
    yield _band(rows, band)


def _band(rows, places):
    table = Table.grid(padding=(0, _GAP, 0, 0))
    table.add_column(min_width=max(map(cell_len, rows)) + 1, no_wrap=True)
    for _ in places:
        table.add_column(no_wrap=True)
    for name, cells in rows.items():
        table.add_row(Text(name, "dim"), *(cells[place] for place in places))
    return table
