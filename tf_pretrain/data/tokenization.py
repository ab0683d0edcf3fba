"""WordPiece and SentencePiece behind one interface, with the original papers' ids.

A vocabulary (its pieces, special ids and fingerprint) needs no TensorFlow. The code
that splits text into ids is created when it is first used. `graph_tokenization` has it
as graph operations, which also run inside `tf.data` and in exported SavedModels.
`plain_tokenization` has it without TensorFlow.
"""

import codecs
import functools
import hashlib
import json

import numpy as np

from tf_pretrain import atomic_files, storage
from tf_pretrain.errors import UserError

SETTINGS_FILE = "tokenizer.json"
META_SYMBOL = "\u2581"  # SentencePiece's mark of a space


class VocabularyError(UserError, ValueError):
    """A vocabulary file that cannot be used; the message names file and reason."""


class Tokenizer:
    """Base class of both tokenizers.

    Attributes:
        kind: "wordpiece" or "sentencepiece".
        pieces: The V vocabulary entries, in the order of their ids.
        vocab_size: Number of pieces V.
        pad_id, unk_id, cls_id, sep_id, mask_id: Ids of the special tokens.
        is_word_start: bool [V]; False for pieces that continue a word.
        lower_case: Whether text is lower-cased.
        strip_accents: Whether combining marks are removed.
        content: Bytes of the vocabulary file.
    """

    kind: str
    file_name: str  # of the vocabulary, in a folder that `save` wrote
    special_pieces: tuple[str, ...]  # padding, unknown, class, separator, mask
    how_to_get_them: str  # what to do about a vocabulary without them

    def __init__(self, path, content, pieces, is_word_start, lower_case, strip_accents):
        missing = [piece for piece in self.special_pieces if piece not in set(pieces)]
        if missing:
            raise VocabularyError(
                f"{path} lacks the special tokens {missing}; {self.how_to_get_them}"
            )
        self.lower_case = lower_case
        self.strip_accents = strip_accents
        self.vocab_size: int = len(pieces)
        ids = [pieces.index(piece) for piece in self.special_pieces]
        self.pad_id, self.unk_id, self.cls_id, self.sep_id, self.mask_id = ids
        self.is_word_start = np.array([is_word_start(piece) for piece in pieces])
        self.is_word_start[ids] = True
        self.content = content
        self.pieces = tuple(pieces)

    @functools.cached_property
    def graph(self):
        """The same tokenizer as graph operations: a tf.Module, created at first use."""
        from tf_pretrain.data import graph_tokenization  # imports TensorFlow

        return graph_tokenization.make(self)

    @functools.cached_property
    def plain(self):
        """The same tokenizer without TensorFlow, created at first use."""
        from tf_pretrain.data import plain_tokenization

        return plain_tokenization.make(self)

    def tokenize_tensor(self, strings):
        """Ids of each string, computed by graph operations, without special tokens.

        Args:
            strings: string tensor [B].

        Returns:
            tf.RaggedTensor, int32 [B, (pieces)].
        """
        return self.graph.tokenize_tensor(strings)

    def tokenize(self, lines) -> tuple[np.ndarray, np.ndarray]:
        """Ids of many lines at once.

        TensorFlow is used if it is Keras' backend. Otherwise it is not even imported.

        Args:
            lines: B strings.

        Returns:
            ids: int32 [N], of all lines one after another, without special tokens.
            row_splits: int64 [B + 1]. Line i is ids[row_splits[i]:row_splits[i + 1]].
        """
        return (self.graph if has_graph_ops() else self.plain).tokenize(lines)

    def id_to_piece(self, piece_id: int) -> str:
        """The vocabulary entry of one id."""
        return self.pieces[piece_id]

    def detokenize(self, ids) -> str:
        """Readable text of a row of ids. Special tokens are shown by name."""
        raise NotImplementedError

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that affects the ids: vocabulary, casing and accents."""
        settings = f"{self.kind} {self.lower_case} {self.strip_accents} ".encode()
        return hashlib.sha256(settings + self.content).hexdigest()

    def save(self, folder) -> None:
        """Writes the vocabulary and `tokenizer.json` for `load_tokenizer`."""
        folder = storage.path(folder)
        storage.make_folder(folder)
        settings = {
            "kind": self.kind,
            "lower_case": self.lower_case,
            "strip_accents": self.strip_accents,
        }
        with atomic_files.replacing(folder / self.file_name) as temporary:
            temporary.write_bytes(self.content)
        # Written last: its presence means that the tokenizer is complete.
        atomic_files.write_json(folder / SETTINGS_FILE, settings)


class WordPieceTokenizer(Tokenizer):
    """BERT's tokenizer as in ELECTRA: clean, split at punctuation, longest match.

    As in the released code, accents are removed only if text is lower-cased.

    Args:
        path: `vocab.txt`, one piece in each line.
        lower_case: Lower-case the text.
        strip_accents: Remove combining marks (category Mn after NFD), if text is
            lower-cased.

    Raises:
        VocabularyError: If the file is empty, repeats a piece or lacks a special token.
    """

    kind = "wordpiece"
    file_name = "vocab.txt"
    special_pieces = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    how_to_get_them = (
        "a vocabulary in BERT's form has each on a line of its own, usually in place "
        "of an [unused] piece"
    )

    def __init__(self, path, lower_case=True, strip_accents=True):
        content = storage.path(path).read_bytes().removeprefix(codecs.BOM_UTF8)
        pieces = _read_pieces(path, content)
        super().__init__(
            path,
            content,
            pieces,
            lambda piece: not piece.startswith("##"),
            lower_case,
            strip_accents and lower_case,  # equal ids give equal fingerprints
        )
        if set(pieces) == set(self.special_pieces):
            raise VocabularyError(f"{path} has special tokens and nothing else")

    def detokenize(self, ids):
        text = " ".join(self.pieces[i] for i in ids)
        return text.replace(" ##", "")


class SentencePieceTokenizer(Tokenizer):
    """ALBERT's tokenizer: NFKD, no combining marks, lower case, unigram pieces.

    If a piece of several characters ends in a digit and a comma, it is encoded again
    without the comma, and the comma becomes a piece of its own, as in XLNet and ALBERT.

    Args:
        path: A SentencePiece model.
        lower_case: Lower-case the text.
        strip_accents: Apply NFKD and remove combining marks. The original always does
            this.

    Attributes:
        processor: The model in the `sentencepiece` package.

    Raises:
        VocabularyError: If the model is unreadable or lacks a special token.
    """

    kind = "sentencepiece"
    file_name = "spiece.model"
    special_pieces = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")
    how_to_get_them = (
        "they are set when a model is trained. Train one here by leaving out --vocab, "
        "with --config.data.tokenizer=sentencepiece, or use spm_train "
        "--pad_id=0 --pad_piece='<pad>' --unk_id=1 --bos_id=-1 --eos_id=-1 "
        "--control_symbols='[CLS],[SEP],[MASK]'"
    )

    def __init__(self, path, lower_case=True, strip_accents=True):
        import sentencepiece  # not needed for WordPiece

        content = storage.path(path).read_bytes()
        try:
            processor = sentencepiece.SentencePieceProcessor(model_proto=content)
        except RuntimeError as error:
            raise VocabularyError(
                f"{path} is not a readable SentencePiece model: {error}"
            ) from error
        pieces = [processor.id_to_piece(i) for i in range(processor.vocab_size())]
        super().__init__(
            path, content, pieces, _is_start_piece, lower_case, strip_accents
        )
        self.processor = processor

    @functools.cached_property
    def replacements(self) -> dict[int, list[int]]:
        """The ids that replace each piece that ends in a digit and a comma."""
        rows = {}
        for piece_id, piece in enumerate(self.pieces):
            if len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit():
                parts = self.processor.encode(
                    piece[:-1].replace(META_SYMBOL, ""), out_type=str
                )
                if piece[0] != META_SYMBOL and parts[0].startswith(META_SYMBOL):
                    parts[0] = parts[0][1:]
                parts = [part for part in parts if part] + [","]
                rows[piece_id] = [self.processor.piece_to_id(part) for part in parts]
        return rows

    def detokenize(self, ids):
        text = "".join(
            self.pieces[i]
            if self.pieces[i] not in self.special_pieces
            else f"{META_SYMBOL}{self.pieces[i]}"
            for i in ids
        )
        return text.replace(META_SYMBOL, " ").strip()


def load_tokenizer(path, lower_case=True, strip_accents=True) -> Tokenizer:
    """Loads the tokenizer of a vocabulary, whose kind is detected.

    Args:
        path: `vocab.txt`, a SentencePiece model, or a folder that `Tokenizer.save`
            wrote. The folder's `tokenizer.json` then overrides the two settings. A
            Tokenizer is returned unchanged.
        lower_case: Lower-case the text.
        strip_accents: Remove combining marks.

    Raises:
        VocabularyError: If there is no such vocabulary or it cannot be used.
    """
    if isinstance(path, Tokenizer):
        return path
    path = storage.path(path)
    if path.is_dir():
        settings = _read_settings(path)
        if settings is None:
            raise VocabularyError(
                f"folder {path} has no {SETTINGS_FILE} of ours; give the vocabulary "
                "file in it"
            )
        kinds = {cls.kind: cls for cls in (WordPieceTokenizer, SentencePieceTokenizer)}
        cls = kinds[settings["kind"]]
        path = path / cls.file_name
        lower_case, strip_accents = settings["lower_case"], settings["strip_accents"]
    if not path.is_file():
        raise VocabularyError(f"there is no vocabulary {path}")
    # A serialised model holds floats, and thus zero bytes; text holds none.
    is_model = path.suffix == ".model" or b"\0" in path.read_bytes()
    cls = SentencePieceTokenizer if is_model else WordPieceTokenizer
    return cls(path, lower_case, strip_accents)


@functools.cache
def has_graph_ops() -> bool:
    """Whether Keras runs on TensorFlow and tensorflow_text is installed."""
    import keras  # takes seconds, and is not needed to inspect a vocabulary

    if keras.config.backend() != "tensorflow":
        return False
    try:
        import tensorflow_text  # noqa: F401
    except ImportError:
        return False
    return True


def is_tokenizer_folder(path) -> bool:
    """Whether `Tokenizer.save` wrote a tokenizer there."""
    return _read_settings(storage.path(path)) is not None


def _read_settings(folder):
    """Reads what `Tokenizer.save` wrote, or returns None.

    Hugging Face uses the same file name for another format.
    """
    try:
        settings = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    is_ours = isinstance(settings, dict) and "kind" in settings
    return settings if is_ours else None


def _read_pieces(path, content):
    """The lines of a `vocab.txt`, checked; the number of a line is its piece's id.

    Blank lines at the end are left out. One elsewhere keeps its id, which no text gets,
    as in the original programs.
    """
    try:
        lines = content.decode("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise VocabularyError(f"{path} is not UTF-8: {error}") from error
    pieces = [line.strip() for line in lines]
    if pieces == [""]:
        raise VocabularyError(f"{path} is empty")
    while len(pieces) > 1 and not pieces[-1]:
        pieces.pop()
    blank = [number for number, piece in enumerate(pieces, start=1) if not piece]
    if len(blank) > 1:
        raise VocabularyError(
            f"{path} has blank lines, for example {blank[0]} and {blank[1]}; a line's "
            "number is the id of its piece. If the weights were trained with these "
            "lines, fill them with names such as [unused1]; if not, remove them"
        )
    first_line = {}
    for number, piece in enumerate(pieces, start=1):
        if piece in first_line:
            raise VocabularyError(
                f"{path} has the piece {piece!r} in line {first_line[piece]} and again "
                f"in line {number}"
            )
        first_line[piece] = number
    return pieces


def _is_start_piece(piece):
    """ALBERT's rule for the first piece of a word (`create_pretraining_data.py`).

    Such pieces are those with the meta symbol, single punctuation marks, and every
    piece with another character than a-z and these marks, for example a digit.
    """
    marks = set('!"#$%&()*+,-./:;?@[\\]^_`{|}~')
    letters = set("abcdefghijklmnopqrstuvwxyz")
    return (
        piece.startswith((META_SYMBOL, "<"))
        or piece in marks
        or not all(char.lower() in letters | marks for char in piece)
    )
