"""WordPiece and SentencePiece behind one interface, with the original papers' ids.

All work on text is done by C++ ops of TensorFlow and TensorFlow Text, so the same code
builds records, runs inside `tf.data` and is exported in a SavedModel.

tensorflow_text's own BERT tokenizers lower-case by NFKC case folding and split words
at control characters, which changes the ids of about 1 % of ordinary lines. Here the
text is normalised step by step as the released code does (`model/tokenization.py` of
ELECTRA, `tokenization.py` of ALBERT; see `normalization`), and only then handed to the
fast encoder.

Known differences from the released code:

* Unicode tables are those of the installed TensorFlow (ICU and RE2), not of the Python
  interpreter. They differ in characters that one of the two does not know yet.
* Where two cuts of a word score the same ("666" as "66" "6" or "6" "66"), the
  SentencePiece inside tensorflow_text may take the other one than the Python package:
  2 of 12,000 Wikipedia paragraphs.
* SentencePiece vocabularies without a "," piece: an unknown piece that ends in a digit
  and a comma stays one unknown piece; the original makes it two.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import sentencepiece
import tensorflow as tf
import tensorflow_text as tf_text

from tf_pretrain.config import UserError
from tf_pretrain.data import atomic_files
from tf_pretrain.data.normalization import (
    MAX_WORD_LENGTH,
    normalize_for_sentencepiece,
    normalize_for_wordpiece,
)

SETTINGS_FILE = "tokenizer.json"
META_SYMBOL = "\u2581"  # SentencePiece's mark of a space


class VocabularyError(UserError, ValueError):
    """A vocabulary file that cannot be used; the message names file and reason."""


class Tokenizer(tf.Module):
    """What both tokenizers share.

    Attributes:
        kind: "wordpiece" or "sentencepiece".
        vocab_size: Number of pieces V.
        pad_id, unk_id, cls_id, sep_id, mask_id: Ids of the special tokens.
        is_word_start: bool [V]; False for pieces that continue a word.
        lower_case: Whether text is lower-cased.
        strip_accents: Whether combining marks are removed.
    """

    kind: str
    file_name: str  # of the vocabulary, in a folder that `save` wrote
    special_pieces: tuple[str, ...]  # padding, unknown, class, separator, mask

    def __init__(self, path, content, pieces, is_word_start, lower_case, strip_accents):
        super().__init__(name=self.kind)
        missing = [piece for piece in self.special_pieces if piece not in set(pieces)]
        if missing:
            raise VocabularyError(f"{path} lacks the special tokens {missing}")
        self.lower_case = lower_case
        self.strip_accents = strip_accents
        self.vocab_size = len(pieces)
        ids = [pieces.index(piece) for piece in self.special_pieces]
        self.pad_id, self.unk_id, self.cls_id, self.sep_id, self.mask_id = ids
        self.is_word_start = np.array([is_word_start(piece) for piece in pieces])
        self.is_word_start[ids] = True
        self._content = content
        self._pieces = tuple(pieces)

    def tokenize_tensor(self, strings) -> tf.RaggedTensor:
        """Ids of each string by graph ops: string [B] -> int32 [B, (pieces)].

        No special token is added.
        """
        raise NotImplementedError

    def tokenize(self, lines) -> tuple[np.ndarray, np.ndarray]:
        """Ids of many lines at once.

        Args:
            lines: Strings; B of them.

        Returns:
            ids: int32 [N], of all lines one after another, without special tokens.
            row_splits: int64 [B + 1]; line i is ids[row_splits[i]:row_splits[i + 1]].
        """
        ragged = self.tokenize_tensor(tf.constant(lines, tf.string, [len(lines)]))
        return ragged.values.numpy(), ragged.row_splits.numpy()

    def id_to_piece(self, piece_id: int) -> str:
        """The vocabulary entry of one id."""
        return self._pieces[piece_id]

    def detokenize(self, ids) -> str:
        """Readable text of a row of ids; special tokens are shown by name."""
        raise NotImplementedError

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what decides the ids: vocabulary, casing and accents."""
        settings = f"{self.kind} {self.lower_case} {self.strip_accents} ".encode()
        return hashlib.sha256(settings + self._content).hexdigest()

    def save(self, folder) -> None:
        """Writes the vocabulary and `tokenizer.json` for `load_tokenizer`."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "kind": self.kind,
            "lower_case": self.lower_case,
            "strip_accents": self.strip_accents,
        }
        with atomic_files.replacing(folder / self.file_name) as temporary:
            temporary.write_bytes(self._content)
        # Last: its presence says that the tokenizer is complete.
        atomic_files.write_json(folder / SETTINGS_FILE, settings)


class WordPieceTokenizer(Tokenizer):
    """BERT's tokenizer as ELECTRA has it: clean, split at punctuation, longest match.

    As in the released code, accents are stripped only from lower-cased text.

    Args:
        path: `vocab.txt`, one piece a line.
        lower_case: Lower-case the text.
        strip_accents: Remove combining marks (category Mn after NFD); only where text
            is lower-cased.

    Raises:
        VocabularyError: If the file is empty, repeats a piece or lacks a special token.
    """

    kind = "wordpiece"
    file_name = "vocab.txt"
    special_pieces = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

    def __init__(self, path, lower_case=True, strip_accents=True):
        content = Path(path).read_bytes()
        pieces = _read_pieces(path, content)
        super().__init__(
            path,
            content,
            pieces,
            lambda piece: not piece.startswith("##"),
            lower_case,
            strip_accents and lower_case,  # one fingerprint for what gives the same ids
        )
        if set(pieces) == set(self.special_pieces):
            raise VocabularyError(f"{path} has special tokens and nothing else")
        self._encoder = tf_text.FastWordpieceTokenizer(
            pieces,
            token_out_type=tf.int32,
            # In bytes; the limit in characters is set in `normalization`.
            max_bytes_per_word=4 * MAX_WORD_LENGTH,
        )

    def tokenize_tensor(self, strings):
        return self._encoder.tokenize(
            normalize_for_wordpiece(strings, self.lower_case, self.strip_accents)
        )

    def detokenize(self, ids):
        text = " ".join(self._pieces[i] for i in ids)
        return text.replace(" ##", "")


class SentencePieceTokenizer(Tokenizer):
    """ALBERT's tokenizer: NFKD, no combining marks, lower case, unigram pieces.

    A piece of several characters that ends in a digit and a comma is encoded again
    without the comma, which then becomes a piece of its own, as XLNet and ALBERT do.

    Args:
        path: A SentencePiece model.
        lower_case: Lower-case the text.
        strip_accents: NFKD and removal of combining marks; the original always does it.

    Raises:
        VocabularyError: If the model is unreadable or lacks a special token.
    """

    kind = "sentencepiece"
    file_name = "spiece.model"
    special_pieces = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")

    def __init__(self, path, lower_case=True, strip_accents=True):
        content = Path(path).read_bytes()
        try:
            processor = sentencepiece.SentencePieceProcessor(model_proto=content)
        except RuntimeError as error:
            raise VocabularyError(
                f"{path} is no readable SentencePiece model: {error}"
            ) from error
        pieces = [processor.id_to_piece(i) for i in range(processor.vocab_size())]
        super().__init__(
            path, content, pieces, _is_start_piece, lower_case, strip_accents
        )

        # The op that holds the model is made inside a graph: one made eagerly would be
        # lost when TensorFlow's seed is set or Keras' session is cleared.
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def encode(strings):
            encoder = tf_text.SentencepieceTokenizer(content, out_type=tf.int32)
            return encoder.tokenize(strings)

        self._encode = encode
        self._make_replacements(processor)

    def _make_replacements(self, processor):
        """Tabulates what becomes of each piece that ends in a digit and a comma."""
        rows = {}
        for piece_id, piece in enumerate(self._pieces):
            if len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit():
                parts = processor.encode(
                    piece[:-1].replace(META_SYMBOL, ""), out_type=str
                )
                if piece[0] != META_SYMBOL and parts[0].startswith(META_SYMBOL):
                    parts[0] = parts[0][1:]
                parts = [part for part in parts if part] + [","]
                rows[piece_id] = [processor.piece_to_id(part) for part in parts]
        self._has_replacements = bool(rows)
        table = tf.ragged.constant(
            [rows.get(i, [i]) for i in range(self.vocab_size)], dtype=tf.int32
        )
        self._replacement_values = table.values
        self._replacement_splits = table.row_splits

    def tokenize_tensor(self, strings):
        pieces = self._encode(
            normalize_for_sentencepiece(strings, self.lower_case, self.strip_accents)
        )
        return self._replace(pieces) if self._has_replacements else pieces

    def _replace(self, pieces):
        table = tf.RaggedTensor.from_row_splits(
            self._replacement_values, self._replacement_splits, validate=False
        )
        replaced = tf.gather(table, pieces.values)  # [N, (1 or more)]
        splits = tf.gather(replaced.row_splits, pieces.row_splits)
        return tf.RaggedTensor.from_row_splits(replaced.values, splits, validate=False)

    def detokenize(self, ids):
        text = "".join(
            self._pieces[i]
            if self._pieces[i] not in self.special_pieces
            else f"{META_SYMBOL}{self._pieces[i]}"
            for i in ids
        )
        return text.replace(META_SYMBOL, " ").strip()


def load_tokenizer(path, lower_case=True, strip_accents=True) -> Tokenizer:
    """Makes the tokenizer of a vocabulary; the kind is found by looking.

    Args:
        path: `vocab.txt`, a SentencePiece model, or a folder that `Tokenizer.save`
            wrote; the folder's `tokenizer.json` then overrides the two settings. A
            Tokenizer is returned as it is.
        lower_case: Lower-case the text.
        strip_accents: Remove combining marks.

    Raises:
        VocabularyError: If there is no such vocabulary or it cannot be used.
    """
    if isinstance(path, Tokenizer):
        return path
    path = Path(path)
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


def is_tokenizer_folder(path) -> bool:
    """Whether `Tokenizer.save` wrote a tokenizer there."""
    return _read_settings(Path(path)) is not None


def _read_settings(folder):
    """What `Tokenizer.save` wrote, or None; Hugging Face uses the same file name."""
    try:
        settings = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    is_ours = isinstance(settings, dict) and "kind" in settings
    return settings if is_ours else None


def _read_pieces(path, content):
    """The lines of a `vocab.txt`, checked."""
    try:
        lines = content.decode("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise VocabularyError(f"{path} is not UTF-8: {error}") from error
    pieces = [line.strip() for line in lines]
    if pieces == [""]:
        raise VocabularyError(f"{path} is empty")
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

    Besides pieces with the meta symbol and single punctuation marks, every piece with
    a character other than a-z and these marks counts, e.g. digits.
    """
    marks = set('!"#$%&()*+,-./:;?@[\\]^_`{|}~')
    letters = set("abcdefghijklmnopqrstuvwxyz")
    return (
        piece.startswith((META_SYMBOL, "<"))
        or piece in marks
        or not all(char.lower() in letters | marks for char in piece)
    )
