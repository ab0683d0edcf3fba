"""Totals of a build, and warnings of text that gives poor records.

What an early look can show (unknown pieces, letters harmed) is said as soon as a shard
shows it, the rest at the end; each warning is said once.
"""

import collections
from collections.abc import Callable

from tf_pretrain.config import DataConfig

SPLIT_COMMAND = (
    "python -m tf_pretrain.split_sentences --input=GLOB --output=DIR --language=en"
)
MAX_UNKNOWN = 0.03  # of the pieces; ordinary text in its own vocabulary has under 0.5 %
MAX_HARMED = 0.01  # of the letters
MAX_PADDING = 0.5
MAX_ONE_LINE = 0.5  # of the documents
COUNTS = (
    "documents",
    "one_line_documents",
    "lines",
    "examples",
    "pieces",
    "pieces_kept",
    "pieces_unknown",
    "real_tokens",
    "letters",
)
# Of the text of a task, not of its shards.
TEXT_COUNTS = ("characters_replaced", "duplicate_lines")
_MAX_EXAMPLES = 3


def totals(statistics: list[dict], data: DataConfig) -> dict:
    """Sums of the shards' statistics, and the shares that they give."""
    sums = {name: sum(shard[name] for shard in statistics) for name in COUNTS}
    harmed = collections.Counter()
    for shard in statistics:
        harmed.update(shard["letters_harmed"])
    sums["letters_harmed"] = dict(sorted(harmed.items()))
    room = sums["examples"] * data.max_seq_length
    pieces = max(1, sums["pieces"])
    return sums | {
        "kept_fraction": sums["pieces_kept"] / pieces,
        "unknown_fraction": sums["pieces_unknown"] / pieces,
        "padding_fraction": 1 - sums["real_tokens"] / max(1, room),
    }


class Warner:
    """Says each warning once.

    Args:
        data: The settings of the build.
        tokenizer_path: See `tokenization.load_tokenizer`.
        show: Called with a line; None for silence.
    """

    def __init__(self, data, tokenizer_path, show: Callable[[str], None] | None):
        self._data = data
        self._tokenizer_path = tokenizer_path
        self._show = show
        self._said = set()
        self._next_look = 1  # number of tasks

    def look(self, states: list[dict]) -> None:
        """Says what the tasks built so far show, whenever they have doubled."""
        if len(states) >= self._next_look:
            self._next_look = 2 * len(states)
            shards = [shard for state in states for shard in state["shards"]]
            self._say_early(totals(shards, self._data))

    def finish(self, statistics: list[dict], sums: dict) -> None:
        """Says the rest, given the statistics and totals of the finished build."""
        if self._show is None:
            return
        self._say_early(sums)
        if sums["characters_replaced"]:
            self._show(
                f"warning: {sums['characters_replaced']} characters could not be read "
                "and became U+FFFD (data.errors=replace), which no vocabulary knows. "
                "The right --config.data.encoding would keep them."
            )
        self._warn("padding", sums["padding_fraction"] >= MAX_PADDING, sums)
        if self._data.example_format in ("sentence_order", "next_sentence"):
            one_line = sums["one_line_documents"] > MAX_ONE_LINE * sums["documents"]
            self._warn("one_line", one_line, sums)
        if self._data.example_format == "next_sentence":
            train = [shard for shard in statistics if shard["split"] == "train"]
            alone = sum(s["examples"] for s in train if s["documents"] == 1)
            self._warn("alone", 2 * alone > sum(s["examples"] for s in train), sums)
        if self._data.example_format != "electra":
            pieces = sums["pieces"] / sums["lines"]
            self._warn("paragraphs", pieces > self._data.max_seq_length / 2, sums)

    def _say_early(self, sums):
        self._warn("unknown", sums["unknown_fraction"] > MAX_UNKNOWN, sums)
        harmed = sum(sums["letters_harmed"].values())
        self._warn("harmed", harmed > MAX_HARMED * max(1, sums["letters"]), sums)

    def _warn(self, name, is_due, sums):
        if self._show is not None and is_due and name not in self._said:
            self._said.add(name)
            self._show("warning: " + getattr(self, f"_{name}")(sums))

    def _unknown(self, sums):
        from tf_pretrain.data import tokenization  # imports NumPy, late as all of it

        tokenizer = tokenization.load_tokenizer(
            self._tokenizer_path, self._data.lower_case, self._data.strip_accents
        )
        return (
            f"{sums['unknown_fraction']:.1%} of the pieces are "
            f"{tokenizer.pieces[tokenizer.unk_id]}: the model cannot see these words. "
            + likely_cause(tokenizer)
        )

    def _harmed(self, sums):
        harmed = sums["letters_harmed"]
        parts = sorted(harmed.items(), key=lambda item: -item[1])[:_MAX_EXAMPLES]
        scripts = ", ".join(f"{n / sums['letters']:.1%} {name}" for name, n in parts)
        return (
            f"data.strip_accents changes {sum(harmed.values()) / sums['letters']:.1%} "
            f"of the letters in more than a Latin accent ({scripts}): it takes vowel "
            "signs, tones and voicing marks, and cuts Hangul into jamo. Unless the "
            "vocabulary was made for that, set --config.data.strip_accents=false and "
            "train or give a vocabulary for it."
        )

    def _padding(self, sums):
        pieces = sums["pieces"] / max(1, sums["documents"])
        return (
            f"{sums['padding_fraction']:.0%} of the records is padding: a document has "
            f"{pieces:.0f} pieces on average, and an example holds up to "
            f"{self._data.max_seq_length}. Set a smaller --config.data.max_seq_length, "
            "or leave out empty lines between texts that belong together."
        )

    def _one_line(self, sums):
        share = sums["one_line_documents"] / sums["documents"]
        return (
            f"{share:.0%} of the documents have one line: their examples are cut "
            "inside it, and their sentence label can be told from where sentences end. "
            "Write one sentence a line, and an empty line only between documents. "
            f"`{SPLIT_COMMAND}` splits paragraphs into sentences."
        )

    def _alone(self, sums):
        return (
            f"most examples are of shards that hold one document ({sums['documents']} "
            "documents in all), so that a random second segment comes from the same "
            "document. Write an empty line between documents."
        )

    def _paragraphs(self, sums):
        pieces = sums["pieces"] / sums["lines"]
        return (
            f"a line has {pieces:.0f} pieces on average, more than half an "
            f"example of {self._data.max_seq_length}: most examples are cut inside a "
            "line, and their sentence label can be told from where sentences end. "
            f"Write one sentence a line: `{SPLIT_COMMAND}` does it."
        )


def likely_cause(tokenizer) -> str:
    """Why a tokenizer may know so few words, and what to set before a build."""
    found = wrong_setting(tokenizer)
    if found is None:
        return (
            "Probably the vocabulary was made for another language or script, or for "
            "text of another casing; without --vocab one is trained on the text."
        )
    name, evidence = found
    return f"{evidence}: set --config.data.{name}=false and build in a new folder."


def wrong_setting(tokenizer) -> tuple[str, str] | None:
    """The setting that does not fit a vocabulary, from pieces that it never gives.

    Returns:
        "lower_case" or "strip_accents", and a sentence without its full stop that says
        which pieces are lost; None if there are few such pieces.
    """
    from tf_pretrain.data import plain_normalization

    normalize = getattr(plain_normalization, f"normalize_for_{tokenizer.kind}")
    pieces = [
        piece.removeprefix("##").strip("\u2581")
        for piece in tokenizer.pieces
        if piece not in tokenizer.special_pieces and piece[0] not in "[<"
    ]
    checks = (
        ("lower_case", (True, False), "lower-cased text never gives"),
        ("strip_accents", (True, True), "text without accents never gives"),
    )
    for name, arguments, why in checks:
        if not getattr(tokenizer, name):
            continue
        lower = [piece.lower() for piece in pieces] if arguments[1] else pieces
        lost = [
            piece
            for piece, other in zip(pieces, lower, strict=True)
            if other and "".join(normalize(other, *arguments).split()) != other
        ]
        if len(lost) > MAX_HARMED * len(pieces):
            examples = ", ".join(map(repr, lost[len(lost) // 2 :][:_MAX_EXAMPLES]))
            share = f"{len(lost)} of its {len(pieces)} pieces"
            return name, f"{share} are such as {why} ({examples})"
    return None
