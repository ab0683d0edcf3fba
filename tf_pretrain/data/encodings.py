"""Character encodings of text files: byte-order marks, guesses, reading as UTF-8."""

import codecs
import io

UTF8 = "utf-8"
# The longer marks first: UTF-32's begins with that of UTF-16.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, UTF8),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MIN_CERTAIN = 8  # so many multi-byte characters cannot be valid UTF-8 by coincidence
_MIN_COMMON = 0.1  # guesses with a smaller share of frequent letters are not reported
_CHINESE = "的一是不了在人有我他中大上到和你地出道也年之者以下自生，。、：；？！“”"
# The most frequent letters beyond ASCII in text of an encoding's languages. The bytes
# of one encoding are often valid in another one, but then give rare letters. Of equal
# guesses the first is taken.
_COMMON = {
    "cp1252": "éèêëàâçùûîïôöäüßñáíóúãõåøæÉÖÄÜ’‘“”–—«»£°",
    "gb18030": _CHINESE + "这来国个说们为子时会对发后学过还没见与",
    "big5": _CHINESE + "這來國個說們為子時會對發後學過還沒見與",
    "cp932": "".join(map(chr, range(0x3041, 0x30FF))) + "、。「」",
    "euc_jp": "".join(map(chr, range(0x3041, 0x30FF))) + "、。「」",
    "cp949": "이다는의에을가고하지은를기리사로한도어서자나으들대인있아해일그것",
    "cp1251": "оеаинтсрвлкмдпуяыьгзбчй",
    "koi8_r": "оеаинтсрвлкмдпуяыьгзбчй",
    "cp1253": "αεοιντσηρυςκλπμάέήίόύώ",
    "cp1250": "ąćęłńóśźżáčďéěíňřšťúůýžőűöü",
    "cp1254": "ışğçöüİŞâ",
}


def canonical(name: str) -> str:
    """One name for all the names that Python knows for an encoding.

    Raises:
        LookupError: If Python knows no text encoding of this name.
    """
    info = codecs.lookup(name)
    "".encode(name)  # fails for codecs that do not encode text, such as "hex"
    return info.name


def byte_order_mark(head: bytes) -> tuple[int, str] | None:
    """Length of the byte-order mark at the beginning of a file, and its encoding."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return len(mark), encoding
    return None


def is_certainly_utf8(head: bytes) -> bool:
    """Whether bytes are UTF-8 with enough letters beyond ASCII to be sure."""
    try:
        decoder = codecs.getincrementaldecoder(UTF8)()
        text = decoder.decode(head)  # a sequence may be cut at the end
    except UnicodeDecodeError:
        return False
    return sum(not char.isascii() for char in text) >= _MIN_CERTAIN


def unmarked_utf16(head: bytes) -> str | None:
    """The encoding if every second byte is zero, as in UTF-16 of ASCII letters."""
    size = max(1, len(head) // 2)
    even, odd = head[::2].count(0) / size, head[1::2].count(0) / size
    if max(even, odd) < 0.5 or min(even, odd) > 0.1:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def guess(block: bytes) -> str | None:
    """The most likely encoding of text that is not UTF-8, or None.

    Returns:
        An encoding's name. It is "utf-8" if the block is UTF-8 with a few damaged
        bytes.
    """
    text = block.decode(UTF8, "replace")
    bad = text.count("\ufffd")
    if sum(not char.isascii() for char in text) - bad > 10 * bad:
        return UTF8
    best, best_share = None, _MIN_COMMON
    for encoding, common in _COMMON.items():
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(block)
        except UnicodeDecodeError:
            continue
        letters = [char for char in text if not char.isascii()]
        share = sum(map(frozenset(common).__contains__, letters)) / max(1, len(letters))
        if share > best_share:
            best, best_share = encoding, share
    return best


def advice(block: bytes) -> str:
    """What to do about text that is not UTF-8, as a part of a sentence."""
    encoding = guess(block)
    if encoding == UTF8:
        return (
            "the text around it is UTF-8, so these bytes are damaged: repair them, or "
            "read them as U+FFFD with --config.data.errors=replace"
        )
    name = encoding or "NAME"
    found = f"it looks like {encoding}" if encoding else "its encoding is unknown"
    return (
        f"{found}: set --config.data.encoding={name}, or write it anew with "
        f"`iconv -f {name.upper()} -t UTF-8`"
    )


class EncodedTextError(ValueError):
    """Bytes that are invalid in the encoding.

    Attributes:
        line: Number of the line, from 1.
        byte: Number of the byte in the file, from 0.
        reason: The message of the codec.
    """

    def __init__(self, line, byte, reason):
        super().__init__(line, byte, reason)
        self.line, self.byte, self.reason = line, byte, reason


class Utf8Reader(io.RawIOBase):
    """Reads a file of any encoding as UTF-8 bytes.

    Args:
        file: Binary file.
        encoding: Its encoding.
        errors: "strict", or "replace" to read invalid bytes as U+FFFD.
        count_replaced: Called with the number of characters U+FFFD that were read.
        block_bytes: How many bytes of the file are read at a time.
    """

    def __init__(self, file, encoding, errors, count_replaced, block_bytes):
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)
        self._count = count_replaced if errors == "replace" else None
        self._block_bytes = block_bytes
        self._ready = memoryview(b"")
        self._line, self._fed = 1, 0
        self._at_end = False

    def readable(self):
        return True

    def readinto(self, buffer):
        while not self._ready and not self._at_end:
            block = self._file.read(self._block_bytes)
            self._at_end = not block
            self._fed += len(block)
            self._ready = memoryview(self._decode(block).encode(UTF8))
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def _decode(self, block):
        try:
            text = self._decoder.decode(block, self._at_end)
        except UnicodeDecodeError as error:
            # The error's object is this block after the rest of the last one.
            before = error.object[: error.start].decode(error.encoding, "replace")
            raise EncodedTextError(
                self._line + before.count("\n"),
                self._fed - len(error.object) + error.start,
                error.reason,
            ) from error
        self._line += text.count("\n")
        if self._count is not None:
            self._count(text.count("\ufffd"))
        return text
