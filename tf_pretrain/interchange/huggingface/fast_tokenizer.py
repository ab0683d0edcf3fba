"""Our tokenizers, built from the elements of Hugging Face's `tokenizers` library.

The library's own BERT and ALBERT tokenizers give other ids than the originals for a few
texts. Here the clean-up of the originals is built from single steps, the same as in
`tf_pretrain.data.normalization`.
"""

import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, processors

from tf_pretrain.data.characters import (
    CONTROL,
    MAX_WORD_LENGTH,
    STANDS_ALONE,
    UNKNOWN_CHAR,
    combining_marks,
)
from tf_pretrain.data.tokenization import META_SYMBOL
from tf_pretrain.interchange.huggingface import charsmap
from tf_pretrain.interchange.pretrained import InterchangeError

_BERT_SPACE = r"[\p{Z}\t\n\r]"
_PYTHON_SPACE = r"[\p{Z}\t\n\v\f\r\x{1C}-\x{1F}\x{85}]"
# Unicode's rule for the sigma at the end of a word. The library lower-cases one
# character after the other and does not apply it.
_CASED = r"[\p{Cased}&&[^\p{Case_Ignorable}]]"
_FINAL_SIGMA = rf"(?<={_CASED}\p{{Case_Ignorable}}*)Σ(?!\p{{Case_Ignorable}}*{_CASED})"
_UNIGRAM = 1  # SentencePiece's TrainerSpec.ModelType


def build(tokenizer, path) -> tokenizers.Tokenizer:
    """Builds the tokenizer without special tokens.

    Args:
        tokenizer: One of our tokenizers.
        path: Its vocabulary file.

    Raises:
        InterchangeError: If the SentencePiece model is not a unigram model.
    """
    if tokenizer.kind == "wordpiece":
        return _wordpiece(tokenizer)
    return _unigram(tokenizer, path)


def add_special_tokens(fast, tokenizer, tokens) -> None:
    """Puts [CLS] and [SEP] around texts, and recognises all special tokens in them.

    Args:
        fast: From `build`.
        tokenizer: One of our tokenizers.
        tokens: {"cls_token": its name, ...} for all special tokens.
    """
    cls, sep = tokens["cls_token"], tokens["sep_token"]
    fast.post_processor = processors.TemplateProcessing(
        single=f"{cls}:0 $A:0 {sep}:0",
        pair=f"{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1",
        special_tokens=[(cls, tokenizer.cls_id), (sep, tokenizer.sep_id)],
    )
    fast.add_special_tokens(list(tokens.values()))


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
        raise InterchangeError(f"{path} is not a unigram model, as ALBERT's is")
    pieces = [(_unless_cut(piece.piece), piece.score) for piece in model.pieces]
    fast = tokenizers.Tokenizer(models.Unigram(pieces, unk_id=tokenizer.unk_id))
    steps = [_replace(r"\x00", UNKNOWN_CHAR), _replace(_PYTHON_SPACE, " ")]
    if tokenizer.strip_accents:
        steps += [normalizers.NFKD(), _replace(combining_marks(), "")]
    if tokenizer.lower_case:
        steps += _lower_case()
    steps += charsmap.steps(model.normalizer_spec)
    fast.normalizer = normalizers.Sequence(steps)
    # Control symbols are not pieces of text. Removing their first character hides them.
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

    ALBERT splits these again before the comma (see `tokenization`). A blank, which no
    cleaned text contains, keeps them from being found; their ids stay.
    """
    is_cut = len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit()
    return f"{piece[:-1]} ," if is_cut else piece


def _replace(pattern, text):
    return normalizers.Replace(Regex(pattern), text)


def _lower_case():
    return [_replace(_FINAL_SIGMA, "ς"), normalizers.Lowercase()]


def _escape(text):
    return "".join(char if char.isalnum() else f"\\{char}" for char in text)
