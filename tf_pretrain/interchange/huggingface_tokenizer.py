"""Our tokenizers as Hugging Face's `tokenizer.json`, and back from their files.

The library's own BERT and ALBERT tokenizers give other ids than the originals for a
few texts. Here the originals' clean-up is spelled out in the library's elements, the
same steps as in `tf_pretrain.data.normalization`. Special tokens written in a text are
recognised, as is usual there; `split_special_tokens=True` cuts them like other text,
as the originals do.
"""

import json
import tempfile
from pathlib import Path

import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, processors

from tf_pretrain.data import tokenization
from tf_pretrain.data.normalization import (
    CONTROL,
    MAX_WORD_LENGTH,
    STANDS_ALONE,
    UNKNOWN_CHAR,
    combining_marks,
)
from tf_pretrain.data.tokenization import META_SYMBOL, Tokenizer
from tf_pretrain.interchange.pretrained import InterchangeError, peek_json, read_json

_TOKENIZER_FILE = "tokenizer.json"
_SETTINGS_FILE = "tokenizer_config.json"
_SPECIAL_TOKENS = ("pad", "unk", "cls", "sep", "mask")

_BERT_SPACE = r"[\p{Z}\t\n\r]"
_PYTHON_SPACE = r"[\p{Z}\t\n\v\f\r\x{1C}-\x{1F}\x{85}]"
# Unicode's rule for the sigma that ends a word, which the library's lower-casing, one
# character after the other, does not see.
_CASED = r"[\p{Cased}&&[^\p{Case_Ignorable}]]"
_FINAL_SIGMA = rf"(?<={_CASED}\p{{Case_Ignorable}}*)Σ(?!\p{{Case_Ignorable}}*{_CASED})"
_UNIGRAM = 1  # SentencePiece's TrainerSpec.ModelType


def write(tokenizer: Tokenizer, folder, max_length: int) -> None:
    """Writes `tokenizer.json`, its settings and the vocabulary into a folder.

    Raises:
        InterchangeError: If the SentencePiece model is not a unigram model.
    """
    folder = Path(folder)
    tokenizer.save(folder)  # the vocabulary; its tokenizer.json is replaced below
    if tokenizer.kind == "wordpiece":
        fast = _wordpiece(tokenizer)
    else:
        fast = _unigram(tokenizer, folder / tokenizer.file_name)
    tokens = {
        f"{name}_token": tokenizer.id_to_piece(getattr(tokenizer, f"{name}_id"))
        for name in _SPECIAL_TOKENS
    }
    cls, sep = tokens["cls_token"], tokens["sep_token"]
    fast.post_processor = processors.TemplateProcessing(
        single=f"{cls}:0 $A:0 {sep}:0",
        pair=f"{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1",
        special_tokens=[(cls, tokenizer.cls_id), (sep, tokenizer.sep_id)],
    )
    fast.add_special_tokens(list(tokens.values()))
    fast.save(str(folder / _TOKENIZER_FILE))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **tokens,
        "do_lower_case": tokenizer.lower_case,
        "strip_accents": tokenizer.strip_accents,
        "keep_accents": not tokenizer.strip_accents,  # the same, as ALBERT's class says
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        "model_max_length": max_length,
    }
    text = json.dumps(settings, indent=2, ensure_ascii=False)
    (folder / _SETTINGS_FILE).write_text(text + "\n", encoding="utf-8")


def _wordpiece(tokenizer):
    """ELECTRA's tokenizer, without special tokens."""
    vocab = {tokenizer.id_to_piece(i): i for i in range(tokenizer.vocab_size)}
    fast = tokenizers.Tokenizer(
        models.WordPiece(
            vocab,
            unk_token=tokenizer.id_to_piece(tokenizer.unk_id),
            max_input_chars_per_word=MAX_WORD_LENGTH,
        )
    )
    steps = [_replace(CONTROL, ""), _replace(_BERT_SPACE, " ")]
    if tokenizer.lower_case:
        steps += _lower_case()
        if tokenizer.strip_accents:
            steps += [normalizers.NFD(), _replace(r"\p{Mn}", "")]
    fast.normalizer = normalizers.Sequence(steps)
    fast.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Split(Regex(STANDS_ALONE), "isolated"),
        ]
    )
    fast.decoder = decoders.WordPiece(prefix="##")
    return fast


def _unigram(tokenizer, path):
    """ALBERT's tokenizer, without special tokens; `path` is its SentencePiece model."""
    from sentencepiece import sentencepiece_model_pb2  # needs protobuf

    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString(path.read_bytes())
    if model.trainer_spec.model_type != _UNIGRAM:
        raise InterchangeError(f"{path} is no unigram model, as ALBERT's is")
    pieces = [(_unless_cut(piece.piece), piece.score) for piece in model.pieces]
    fast = tokenizers.Tokenizer(models.Unigram(pieces, unk_id=tokenizer.unk_id))
    steps = [_replace(r"\x00", UNKNOWN_CHAR), _replace(_PYTHON_SPACE, " ")]
    if tokenizer.strip_accents:
        steps += [normalizers.NFKD(), _replace(combining_marks(), "")]
    if tokenizer.lower_case:
        steps += _lower_case()
    if model.normalizer_spec.precompiled_charsmap:
        charsmap = model.normalizer_spec.precompiled_charsmap
        steps.append(normalizers.Precompiled(charsmap))
    fast.normalizer = normalizers.Sequence(steps)
    # Control symbols are no pieces of text: their first character is cut off.
    special = [tokenizer.id_to_piece(i) for i in range(tokenizer.vocab_size)]
    special = [p for p in special if p in tokenizer.special_pieces]
    begins = "|".join(f"\\{piece[0]}(?={_escape(piece[1:])})" for piece in special)
    fast.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Metaspace(META_SYMBOL, prepend_scheme="always"),
            pre_tokenizers.Split(Regex(begins), "merged_with_previous"),
        ]
    )
    fast.decoder = decoders.Metaspace(META_SYMBOL, prepend_scheme="always")
    return fast


def _unless_cut(piece):
    """The piece, unless it ends in a digit and a comma.

    ALBERT cuts these again, before the comma (see `tokenization`). A blank, which is
    in no cleaned text, keeps them from being found; their ids stay.
    """
    is_cut = len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit()
    return f"{piece[:-1]} ," if is_cut else piece


def _replace(pattern, text):
    return normalizers.Replace(Regex(pattern), text)


def _lower_case():
    return [_replace(_FINAL_SIGMA, "ς"), normalizers.Lowercase()]


def _escape(text):
    return "".join(char if char.isalnum() else f"\\{char}" for char in text)


def read(folder, notes: list[str]) -> Tokenizer | None:
    """The tokenizer of a folder, or None where there is none that we can use.

    Args:
        notes: Receives what had to be assumed, or could not be read.

    Raises:
        InterchangeError: If a file is damaged.
        VocabularyError: If the vocabulary cannot be used.
    """
    folder = Path(folder)
    for name in ("vocab.txt", "spiece.model"):
        if (folder / name).is_file():
            return tokenization.load_tokenizer(folder / name, *_casing(folder, notes))
    path = folder / _TOKENIZER_FILE
    if not path.is_file():
        return None
    model = read_json(path).get("model")
    vocab = model.get("vocab") if isinstance(model, dict) else None
    if not isinstance(vocab, dict) or model.get("type") != "WordPiece":
        notes.append(
            f"{path} is not WordPiece and was not read; the vocabulary is taken from "
            "spiece.model, which is not beside it"
        )
        return None
    pieces = sorted(vocab, key=vocab.get)
    if [vocab[piece] for piece in pieces] != list(range(len(pieces))):
        raise InterchangeError(f"{path}: ids are not 0 to {len(pieces) - 1}")
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "vocab.txt"
        file.write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")
        try:
            return tokenization.load_tokenizer(file, *_casing(folder, notes))
        except tokenization.VocabularyError as error:
            raise InterchangeError(f"{path} cannot be used: {error}") from None


def _casing(folder, notes):
    """Whether text is lower-cased, and accents stripped.

    transformers 5 writes some tokenizers whose settings do not say; then the normalizer
    of the fast tokenizer does.
    """
    path = folder / _SETTINGS_FILE
    settings = read_json(path) if path.is_file() else {}
    normalizer = peek_json(folder / _TOKENIZER_FILE).get("normalizer")
    if isinstance(normalizer, dict) and normalizer.get("type") == "BertNormalizer":
        named = {"do_lower_case": "lowercase", "strip_accents": "strip_accents"}
        found = {ours: normalizer.get(theirs) for ours, theirs in named.items()}
        settings = found | {k: v for k, v in settings.items() if v is not None}
    lower_case = settings.get("do_lower_case")
    if lower_case is None:
        lower_case = True  # the default of both of their classes
        notes.append(f"{_SETTINGS_FILE} has no do_lower_case; taken as lower-cased")
    strip_accents = settings.get("strip_accents")
    if strip_accents is None:
        # Their defaults: BERT's strips where it lower-cases, ALBERT's always.
        is_sentencepiece = (folder / "spiece.model").is_file()
        keeps = settings.get("keep_accents", False if is_sentencepiece else None)
        strip_accents = lower_case if keeps is None else not keeps
    return bool(lower_case), bool(strip_accents)
