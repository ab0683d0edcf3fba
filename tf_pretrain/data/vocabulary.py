"""Trains a WordPiece or SentencePiece vocabulary on the user's own text."""

import collections
import io
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from tf_pretrain import storage
from tf_pretrain.config import PretrainConfig
from tf_pretrain.data import plain_normalization, tokenization
from tf_pretrain.data.characters import UNKNOWN_CHAR, stands_alone
from tf_pretrain.data.text_sample import read_sample, sample_documents
from tf_pretrain.data.tokenization import VocabularyError

_MAX_LINE_CHARS = 10_000
_SCORE_GRID = 1024
BATCH_LINES = 1000
CHARACTER_COVERAGE = 0.99995  # Lan et al.'s; the rest is unknown
MIN_FREQUENCY = 2  # of a merge, in WordPiece
# Lan et al.'s user symbols, each always a piece of its own (README of ALBERT).
USER_SYMBOLS = ("(", ")", '"', "-", ".", "–", "£", "€")


def prepare_tokenizer(config: PretrainConfig, inputs, vocab, folder) -> None:
    """Puts the tokenizer of a run into a folder, unless it is there already.

    Args:
        inputs: Text to train on if no vocabulary is given, see `text.iter_documents`.
        vocab: Vocabulary file, tokenizer folder or Tokenizer; None to train one of
            `model.vocab_size` pieces.
        folder: The folder of the records; made if missing.

    Raises:
        VocabularyError: If the folder holds another tokenizer than the one given, or
            the vocabulary cannot be used.
    """
    data = config.data
    is_there = (storage.path(folder) / tokenization.SETTINGS_FILE).exists()
    if vocab is None and not is_there:
        print(f"training a {data.tokenizer} vocabulary", flush=True)
        train_vocabulary(
            read_sample(inputs, data, config.seed),
            data.tokenizer,
            config.model.vocab_size,
            folder,
            data.lower_case,
            data.strip_accents,
            config.seed,
        )
    elif vocab is None:
        found = tokenization.load_tokenizer(folder)
        print(f"using the vocabulary in {folder}: {found.vocab_size} pieces")
    else:
        given = tokenization.load_tokenizer(vocab, data.lower_case, data.strip_accents)
        if not is_there:
            given.save(folder)
        elif tokenization.load_tokenizer(folder).fingerprint != given.fingerprint:
            raise VocabularyError(f"{folder} holds another tokenizer than {vocab}")


def train_vocabulary(
    documents: Iterable[list[str]],
    kind: str,
    vocab_size: int,
    output_folder,
    lower_case: bool = True,
    strip_accents: bool = True,
    seed: int = 0,
) -> Path:
    """Trains a vocabulary and saves it as `Tokenizer.save` does.

    The text is normalised as the tokenizer will do it. Of more than
    `text_sample.MAX_SAMPLE_CHARS` characters a uniform sample of documents of at most
    this size is used, so memory does not grow with the corpus. The same input gives
    the same bytes.

    Args:
        documents: Lists of lines; read once, to the end.
        kind: "wordpiece": greedy merges, [PAD], [UNK], [CLS], [SEP], [MASK] = 0 to 4;
            "sentencepiece": ALBERT's unigram model, <pad> 0, <unk> 1, [CLS] 2, [SEP] 3,
            [MASK] 4, and user symbols.
        vocab_size: Number of pieces; if the text is too small to fill it, a warning is
            given and the vocabulary is smaller.
        output_folder: Where the vocabulary file and `tokenizer.json` are written.
        lower_case: Lower-case the text.
        strip_accents: Remove combining marks.
        seed: Decides which documents are sampled.

    Returns:
        Path of the vocabulary file.

    Raises:
        VocabularyError: If there is no text, or vocab_size does not even hold the
            characters of the text.
    """
    classes = {
        "wordpiece": (tokenization.WordPieceTokenizer, _train_wordpiece),
        "sentencepiece": (tokenization.SentencePieceTokenizer, _train_sentencepiece),
    }
    if kind not in classes:
        raise VocabularyError(f"kind is {kind!r}; expected one of {tuple(classes)}")
    tokenizer_class, train = classes[kind]
    sample = sample_documents(documents, seed)
    if not sample:
        raise VocabularyError("no text to train a vocabulary on")
    content = train(_normalized(sample, kind, lower_case, strip_accents), vocab_size)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, tokenizer_class.file_name)
        path.write_bytes(content)
        tokenizer = tokenizer_class(path, lower_case, strip_accents)
    if tokenizer.vocab_size < vocab_size:
        warnings.warn(
            f"the text gives only {tokenizer.vocab_size} pieces, not {vocab_size}; "
            f"set --config.model.vocab_size={tokenizer.vocab_size}",
            stacklevel=2,
        )
    tokenizer.save(output_folder)
    return storage.path(output_folder) / tokenizer.file_name


def _normalized(documents, kind, lower_case, strip_accents) -> Iterator[str]:
    """The lines of all documents, normalised as `Tokenizer.tokenize` will do it."""
    name = f"normalize_for_{kind}"
    lines = [line for document in documents for line in document]
    if not tokenization.has_graph_ops():
        normalize = getattr(plain_normalization, name)
        yield from (normalize(line, lower_case, strip_accents) for line in lines)
        return

    import tensorflow as tf

    from tf_pretrain.data import normalization

    normalize = getattr(normalization, name)
    for start in range(0, len(lines), BATCH_LINES):
        batch = tf.constant(lines[start : start + BATCH_LINES])
        for line in normalize(batch, lower_case, strip_accents).numpy():
            yield line.decode("utf-8")


def _train_wordpiece(lines, vocab_size):
    """The content of `vocab.txt`."""
    import tokenizers  # whoever brings a vocabulary needs it not

    lines = list(lines)
    special_pieces = list(tokenization.WordPieceTokenizer.special_pieces)
    alphabet, dropped = _alphabet(lines)
    if not alphabet:
        raise VocabularyError("the text has no characters to make a vocabulary of")
    continuing = [f"##{char}" for char in alphabet if not stands_alone(char)]
    # The trainer numbers characters in the order of a randomly seeded hash table, and
    # breaks ties by number. Fixed first pieces make its result a function of the text.
    first_pieces = special_pieces + alphabet + continuing
    if len(first_pieces) > vocab_size:
        raise VocabularyError(
            f"vocab_size is {vocab_size}; the characters of the text and the special "
            f"tokens alone are {len(first_pieces)} pieces: set "
            f"--config.model.vocab_size to more than {len(first_pieces)}"
        )
    model = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token="[UNK]"))
    # The text is normalised already; only Chinese characters are still to be split.
    model.normalizer = tokenizers.normalizers.BertNormalizer(
        clean_text=False, strip_accents=False, lowercase=False
    )
    model.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    trainer = tokenizers.trainers.WordPieceTrainer(
        vocab_size=vocab_size,
        min_frequency=MIN_FREQUENCY,
        special_tokens=first_pieces,
        show_progress=False,
    )
    to_blank = dict.fromkeys(map(ord, dropped), " ")
    model.train_from_iterator((line.translate(to_blank) for line in lines), trainer)
    ids = model.get_vocab()
    return "".join(f"{piece}\n" for piece in sorted(ids, key=ids.get)).encode()


def _alphabet(lines):
    """The characters that get a piece, and those that do not; both sorted.

    Kept are ASCII characters and the most frequent others up to CHARACTER_COVERAGE.
    """
    counts = collections.Counter()
    for line in lines:
        counts.update(line)
    del counts[" "]
    total, covered, kept = counts.total(), 0, []
    for char, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        is_kept = char.isascii() or covered < CHARACTER_COVERAGE * total
        if is_kept and char != UNKNOWN_CHAR:
            kept.append(char)
        covered += count
    return sorted(kept), sorted(set(counts) - set(kept))


def _short_lines(lines):
    """The lines, longer ones in pieces: SentencePiece fails on, or never ends with, one
    line of a million characters without spaces."""
    for line in lines:
        for start in range(0, len(line), _MAX_LINE_CHARS):
            yield line[start : start + _MAX_LINE_CHARS]


def _train_sentencepiece(lines, vocab_size):
    """The serialised model."""
    import sentencepiece

    pad, unknown, *control_symbols = tokenization.SentencePieceTokenizer.special_pieces
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=_short_lines(lines),
            model_writer=model,
            model_type="unigram",
            vocab_size=vocab_size,
            hard_vocab_limit=False,
            character_coverage=CHARACTER_COVERAGE,
            max_sentence_length=4 * _MAX_LINE_CHARS,  # bytes
            pad_id=0,
            pad_piece=pad,
            unk_id=1,
            unk_piece=unknown,
            bos_id=-1,
            eos_id=-1,
            control_symbols=control_symbols,
            user_defined_symbols=list(USER_SYMBOLS),
            minloglevel=2,
        )
    except RuntimeError as error:
        raise VocabularyError(
            f"no SentencePiece vocabulary of {vocab_size} pieces "
            f"(--config.model.vocab_size): {error}"
        ) from error
    return _with_exact_scores(model.getvalue())


def _with_exact_scores(model):
    """The serialised model with scores that are multiples of 1 / _SCORE_GRID.

    SentencePiece adds the scores of a line in float32, and Hugging Face's library in
    float64. Sums of up to 8,192 such scores are exact in both, so both break ties
    between cuts of a word in the same way, and give the same ids.
    """
    from sentencepiece import sentencepiece_model_pb2

    proto = sentencepiece_model_pb2.ModelProto.FromString(model)
    for piece in proto.pieces:
        piece.score = round(piece.score * _SCORE_GRID) / _SCORE_GRID
    return proto.SerializeToString()
