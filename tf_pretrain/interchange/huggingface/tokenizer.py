"""Our tokenizers as Hugging Face's `tokenizer.json`, and back from their files.

Special tokens written in a text are recognised, as is usual there;
`split_special_tokens=True` cuts them like other text, as the originals do.
"""

import json
import tempfile
from pathlib import Path

from tf_pretrain.data import tokenization
from tf_pretrain.data.tokenization import Tokenizer
from tf_pretrain.interchange.pretrained import InterchangeError, peek_json, read_json

_TOKENIZER_FILE = "tokenizer.json"
_SETTINGS_FILE = "tokenizer_config.json"
_SPECIAL_TOKENS = ("pad", "unk", "cls", "sep", "mask")


def write(tokenizer: Tokenizer, folder, max_length: int) -> None:
    """Writes `tokenizer.json`, its settings and the vocabulary into a folder.

    Raises:
        InterchangeError: If the SentencePiece model is not a unigram model.
    """
    from tf_pretrain.interchange.huggingface import (
        fast_tokenizer as huggingface_fast_tokenizer,  # and its library
    )

    folder = Path(folder)
    tokenizer.save(folder)  # the vocabulary; its tokenizer.json is replaced below
    tokens = {
        f"{name}_token": tokenizer.id_to_piece(getattr(tokenizer, f"{name}_id"))
        for name in _SPECIAL_TOKENS
    }
    fast = huggingface_fast_tokenizer.build(tokenizer, folder / tokenizer.file_name)
    huggingface_fast_tokenizer.add_special_tokens(fast, tokenizer, tokens)
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
