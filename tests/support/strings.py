"""Strings that a tokenizer may meet."""

import random
import unicodedata


def random_strings(seed, number):
    """Words, marks, controls and characters of old scripts, mixed at random.

    Only characters of Unicode 3.2 are drawn: Python and TensorFlow know them alike.
    """
    generator = random.Random(seed)
    known = [
        chr(i)
        for i in range(1, 0x2FFFF)
        if unicodedata.ucd_3_2_0.category(chr(i)) not in ("Cn", "Cs", "Co")
    ]
    accents = [char for char in known if unicodedata.decomposition(char)]
    words = "The quick BROWN re-use don't U.S. 1,000, naïve Straße ΣΊΣΥΦΟΣ ﬁne".split()
    words += ["a" * 200, "a" * 201, "é" * 200, "é" * 201, "ж" * 130 + "!" + "ж" * 130]
    parts = [
        lambda: generator.choice(words),
        lambda: generator.choice(known),
        lambda: generator.choice(accents),
        lambda: chr(generator.randrange(1, 128)),
        lambda: generator.choice(["", " ", "  ", "\t", "\u2028", "\u00a0", "\u200b"]),
    ]
    return [
        "".join(generator.choice(parts)() for _ in range(generator.randrange(1, 30)))
        for _ in range(number)
    ]
