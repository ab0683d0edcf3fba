"""Writes our tokenizers as Hugging Face's `tokenizer.json`, and reads their files.

Special tokens in a text are recognised, as usual in Hugging Face.
`split_special_tokens=True` splits them like other text, as the originals do.
"""

import json
import tempfile
from pathlib import Path

from tf_pretrain.data import tokenization
from tf_pretrain.data.tokenization import Tokenizer
from tf_pretrain.interchange.pretrained import InterchangeError, peek_json, read_json

TOKENIZER_FILE = "tokenizer.json"
SETTINGS_FILE = "tokenizer_config.json"
_ADDED_FILE = "added_tokens.json"
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
    fast.save(str(folder / TOKENIZER_FILE))
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
    (folder / SETTINGS_FILE).write_text(text + "\n", encoding="utf-8")


def read(folder, notes: list[str]) -> Tokenizer | None:
    """The tokenizer of a folder, or None if there is none that we can use.

    Args:
        notes: Receives what had to be assumed or could not be read.

    Raises:
        InterchangeError: If a file is damaged.
        VocabularyError: If the vocabulary cannot be used.
    """
    folder = Path(folder)
    tokenizer = _read_vocabulary(folder, notes)
    added = _added_tokens(folder)
    if tokenizer is not None:
        special = {p: tokenizer.pieces.index(p) for p in tokenizer.special_pieces}
        added = sorted(token for token, i in added.items() if special.get(token) != i)
        if added:
            notes.append(
                f"the tokenizer in {folder} was not read: the tokens {added} were "
                "added to its vocabulary. They are found in a text before it is cut, "
                "which the tokenizers here do not do; give --vocab to go on without "
                "them"
            )
            return None
    return tokenizer


def _read_vocabulary(folder, notes):
    """The tokenizer without added tokens."""
    for name in ("vocab.txt", "spiece.model"):
        if (folder / name).is_file():
            return tokenization.load_tokenizer(folder / name, *_casing(folder, notes))
    path = folder / TOKENIZER_FILE
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


def _added_tokens(folder):
    """{token: id} of tokens that are searched as a whole, special tokens included."""
    added = {}
    listed = peek_json(folder / TOKENIZER_FILE).get("added_tokens") or []
    decoder = peek_json(folder / SETTINGS_FILE).get("added_tokens_decoder") or {}
    for token in listed:
        added[token["content"]] = token["id"]
    for number, token in decoder.items():
        added[token["content"]] = int(number)
    return added | peek_json(folder / _ADDED_FILE)


def text_settings(folder) -> tuple[bool, bool] | None:
    """Whether text is lower-cased and accents are stripped; None if no file says.

    transformers 5 writes some tokenizers whose settings do not say this. Then the
    normalizer of the fast tokenizer does.
    """
    folder = Path(folder)
    path = folder / SETTINGS_FILE
    settings = read_json(path) if path.is_file() else {}
    normalizer = peek_json(folder / TOKENIZER_FILE).get("normalizer")
    if isinstance(normalizer, dict) and normalizer.get("type") == "BertNormalizer":
        named = {"do_lower_case": "lowercase", "strip_accents": "strip_accents"}
        found = {ours: normalizer.get(theirs) for ours, theirs in named.items()}
        settings = found | {k: v for k, v in settings.items() if v is not None}
    lower_case = settings.get("do_lower_case")
    if lower_case is None:
        return None
    return bool(lower_case), _strips_accents(folder, settings, lower_case)


def _casing(folder, notes):
    """Like `text_settings`, with the defaults of both of their classes."""
    said = text_settings(folder)
    if said is not None:
        return said
    notes.append(f"{SETTINGS_FILE} has no do_lower_case; taken as lower-cased")
    return True, _strips_accents(folder, peek_json(folder / SETTINGS_FILE), True)


def _strips_accents(folder, settings, lower_case):
    strip_accents = settings.get("strip_accents")
    if strip_accents is None:
        # Their defaults: BERT strips accents if it lower-cases, ALBERT always.
        is_sentencepiece = (folder / "spiece.model").is_file()
        keeps = settings.get("keep_accents", False if is_sentencepiece else None)
        strip_accents = lower_case if keeps is None else not keeps
    return bool(strip_accents)
