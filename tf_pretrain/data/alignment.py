"""Which character of a cleaned text came from which character of the original.

ALBERT's program finds the longest common subsequence of both, near the diagonal
(`squad_utils.py` of the released code). `serving.question_answering.alignment` does the
same in an exported graph.
"""

import array
import bisect

import numpy as np

_UP, _LEFT, _MATCH = 0, 1, 2
# Cells of the table, one byte each. A text whose clean-up changes its length by so much
# that it needs more, such as a megabyte of blanks, is not aligned.
MAX_CELLS = 2**28


def align(text, cleaned, clean_char):
    """Pairs of matching characters.

    Args:
        text: The original text, n characters.
        cleaned: What its clean-up made of it, with a space in front, m characters.
        clean_char: From a character to what the clean-up makes of it.

    Returns:
        int [pairs, 2], rising: places in `text` and in `cleaned`. None if not more than
        0.8 of the text's characters have a partner.
    """
    chars = [clean_char(char) for char in text]
    if all(len(char) == 1 for char in chars) and "".join(chars) == cleaned[1:]:
        # Each character became one: nothing else matches as many.
        places = np.arange(len(text))
        return np.stack([places, places + 1], axis=1) if len(text) else None
    # Characters as numbers; those that became none or several match nothing.
    wanted = np.array([ord(c) if len(c) == 1 else -1 for c in chars])
    glued = np.array([ord(c) for c in cleaned], np.int64)
    distance = abs(len(text) - len(cleaned)) + 5
    for width in (distance, 2 * distance):
        if len(text) * 2 * width > MAX_CELLS:
            return None
        matched, pairs = _longest_common_subsequence(wanted, glued, width)
        if matched > 0.8 * len(text):
            return pairs
    return None


def _longest_common_subsequence(text, cleaned, width):
    """Its length at the end, and its pairs, within `width` of the diagonal.

    On a tie, dropping a character of the text goes before dropping one of `cleaned`,
    and both before a match. Outside of the band all lengths count as 0.
    """
    n, m = len(text), len(cleaned)
    if n == 0 or m == 0:
        return 0, np.zeros((0, 2), np.int64)
    # Row i holds columns i - width .. i + width - 1, so column j is cell j - i + width.
    moves = np.full((n, 2 * width), -1, np.int8)
    above = np.zeros(2 * width + 2, np.int32)  # row i - 1, shifted to row i's cells
    for i in range(n):
        low, high = max(0, i - width), min(m, i + width)
        if low >= high:
            above = np.zeros_like(above)
            continue
        cells = slice(low - i + width, high - i + width)
        is_match = cleaned[low:high] == text[i]
        # In row i - 1, column j is cell j - i + 1 + width.
        up = above[cells.start + 1 : cells.stop + 1]
        diagonal = above[cells].copy()
        if low == 0:
            diagonal[0] = 0
        found = np.maximum(up, np.where(is_match, diagonal + 1, 0))
        lengths = np.maximum.accumulate(found)
        left = np.concatenate([[0], lengths[:-1]])
        best = np.maximum(up, left)
        move = np.where(left > up, _LEFT, _UP if i else -1)
        moves[i, cells] = np.where(is_match & (diagonal + 1 > best), _MATCH, move)
        above = np.zeros_like(above)
        above[cells] = lengths
    last = m - 1 - (n - 1) + width
    matched = int(above[last]) if 0 <= last < 2 * width else 0
    return matched, _trace_back(moves, n, m, width)


def _trace_back(moves, n, m, width):
    pairs, i, j = [], n - 1, m - 1
    while i >= 0 and j >= 0 and 0 <= j - i + width < 2 * width:
        move = moves[i, j - i + width]
        if move == -1:
            break
        if move == _MATCH:
            pairs.append((i, j))
        i -= move != _LEFT
        j -= move != _UP
    return np.array(pairs[::-1], np.int64).reshape(-1, 2)


class PartialMap:
    """From places in one text to places in another, where only some have a partner.

    A place without one takes its answer from the nearest places that have one: the
    first character of a range goes right behind its neighbour in front, the last one
    right before its neighbour behind, if there is a gap between these two partners.

    Args:
        size: Number of places.
        pairs: int [pairs, 2], rising: a place and its partner.
    """

    def __init__(self, size, pairs):
        self._size = size
        # Arrays of Python's own, which take little memory and are fast to bisect.
        self._places = array.array("i", pairs[:, 0].tolist())
        self._partners = array.array("i", pairs[:, 1].tolist())

    def start(self, place, target_size=None) -> int:
        """The partner of the first character of a range.

        Args:
            place: Where it stands.
            target_size: Length of the other text, to go beyond the last partner.
        """
        front, rear = self._neighbours(place)
        if front == rear:
            return front
        if front is None:
            return 0
        if rear is None:
            has_room = target_size is not None and front < target_size - 1
            return front + 1 if has_room else front
        return front + 1 if rear > front + 1 else rear

    def end(self, place, target_size=None) -> int:
        """The partner of the last character of a range; as `start`."""
        front, rear = self._neighbours(place)
        if front == rear:
            return front
        if front is None:
            return max(rear - 1, 0)
        if rear is None:
            has_room = target_size is not None and front < target_size - 1
            return target_size - 1 if has_room else front
        return rear - 1 if rear > front + 1 else front

    def _neighbours(self, place):
        """The partners of the nearest places at or before, and at or behind it."""
        index = bisect.bisect_left(self._places, place)
        if index < len(self._places) and self._places[index] == place:
            return self._partners[index], self._partners[index]
        front = self._partners[index - 1] if index else None
        rear = self._partners[index] if index < len(self._places) else None
        return front, rear
