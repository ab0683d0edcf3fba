"""Finds the letters that accent stripping harms, because they lose more than an accent.

From "é" it removes an accent that readers of many languages can do without. But it
removes vowels in Hindi and Thai, tones and vowels in Vietnamese and voicing marks in
Japanese, and it splits Hangul syllables into their letters.
"""

import collections
import functools
import unicodedata

_ASCII = bytes(range(128))
_NO_ASCII_LETTERS = bytes(i for i in range(256) if not bytes([i]).isalpha())
# Hook above, horn and dot below: Vietnamese is the only Latin script with many of
# these.
_VIETNAMESE_MARKS = frozenset("\u0309\u031b\u0323")
_VOICING_MARKS = frozenset("\u3099\u309a")


def count_harmed(documents: list[list[str]], tokenizer) -> tuple[int, dict[str, int]]:
    """Counts the letters of documents, and by script those that the tokenizer harms.

    Marks count as letters. Latin letters that lose one accent are not harmed.
    """
    if not tokenizer.strip_accents:
        return 0, {}
    text = "".join(line for document in documents for line in document)
    # Removing characters from UTF-8, whose sequences stay whole, is far faster than
    # examining each character.
    content = text.encode("utf-8", "replace")
    letters = len(content.translate(None, _NO_ASCII_LETTERS))
    beyond_ascii = content.translate(None, _ASCII).decode("utf-8")
    form = "NFD" if tokenizer.kind == "wordpiece" else "NFKD"
    harmed = collections.Counter()
    for char, count in collections.Counter(beyond_ascii).items():
        if unicodedata.category(char)[0] in "LM":
            letters += count
            if script := harmed_script(char, form):
                harmed[script] += count
    return letters, dict(sorted(harmed.items()))


@functools.cache
def harmed_script(char: str, form: str) -> str | None:
    """The script of a letter that loses more than a Latin accent, or None.

    Args:
        char: The letter.
        form: The Unicode form. "NFD": WordPiece removes characters of category Mn.
            "NFKD": SentencePiece removes characters with a combining class.
    """
    if "\uac00" <= char <= "\ud7a3":
        return "Hangul"
    parts = unicodedata.normalize(form, char)
    if form == "NFD":
        marks = {part for part in parts if unicodedata.category(part) == "Mn"}
    else:
        marks = {part for part in parts if unicodedata.combining(part)}
    if not marks:
        return None
    if marks & _VOICING_MARKS:
        return "Japanese"
    script = unicodedata.name(parts[0], "other").split()[0]
    if script in ("LATIN", "COMBINING"):
        is_vietnamese = len(marks) > 1 or marks & _VIETNAMESE_MARKS
        return "Vietnamese" if is_vietnamese else None
    return script.capitalize()
