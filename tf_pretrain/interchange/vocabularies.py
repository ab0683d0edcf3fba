"""Vocabularies that users bring, with what the files beside them say of the text."""

import dataclasses
import json
import re
from pathlib import Path

from tf_pretrain.config import DataConfig
from tf_pretrain.data import tokenization
from tf_pretrain.data.tokenization import Tokenizer
from tf_pretrain.interchange import formats
from tf_pretrain.interchange.huggingface import tokenizer as huggingface_tokenizer
from tf_pretrain.interchange.pretrained import peek_json

_HPARAMS = "hparams.json"
# Of folders of released BERTs: the original program goes by this name, too
# (google-research/bert, tokenization.py, validate_case_matches_checkpoint).
_RELEASED = re.compile(r"(?:^|_)(un)?cased_L-\d+_H-\d+")


@dataclasses.dataclass(frozen=True)
class TextSettings:
    """How a vocabulary wants its text.

    Attributes:
        lower_case: Whether it is lower-cased.
        strip_accents: Whether combining marks are removed.
        source: What says so: a file, or the name of a folder.
    """

    lower_case: bool
    strip_accents: bool
    source: str

    def __str__(self):
        case = "is lower-cased" if self.lower_case else "keeps its capitals"
        marks = "loses" if self.strip_accents else "keeps"
        return f"text {case} and {marks} its accents, as {self.source} says"


def text_settings(path) -> TextSettings | None:
    """What is said beside a vocabulary, or None where nothing is.

    Args:
        path: The vocabulary file, or the folder that holds it.
    """
    folder = Path(path)
    folder = folder if folder.is_dir() else folder.parent
    ours = folder / tokenization.SETTINGS_FILE
    if tokenization.is_tokenizer_folder(folder):
        settings = json.loads(ours.read_text(encoding="utf-8"))
        return TextSettings(
            settings["lower_case"], settings["strip_accents"], str(ours)
        )
    found = huggingface_tokenizer.text_settings(folder)
    if found is not None:
        return TextSettings(*found, str(folder / huggingface_tokenizer.SETTINGS_FILE))
    lower_case = peek_json(folder / _HPARAMS).get("do_lower_case")
    if isinstance(lower_case, bool):
        return TextSettings(lower_case, lower_case, str(folder / _HPARAMS))
    released = _RELEASED.search(folder.resolve().name)
    if released:
        lower_case = released[1] is not None
        return TextSettings(lower_case, lower_case, f"the name of {folder}")
    return None


def load(path, lower_case=True, strip_accents=True) -> Tokenizer:
    """The tokenizer of a vocabulary, or the one beside trained weights.

    Args:
        path: `vocab.txt`, a SentencePiece model, a folder of either, or trained
            weights in a format of `formats`. A Tokenizer is returned as it is.
        lower_case, strip_accents: Used where no file beside the vocabulary says.

    Raises:
        VocabularyError: If there is none, or it cannot be used.
        InterchangeError: If a file beside it is damaged.
    """
    if isinstance(path, Tokenizer) or tokenization.is_tokenizer_folder(path):
        return tokenization.load_tokenizer(path)
    path = Path(path)
    if path.is_file() and path.name != huggingface_tokenizer.TOKENIZER_FILE:
        said = text_settings(path)
        if said is not None:
            lower_case, strip_accents = said.lower_case, said.strip_accents
        return tokenization.load_tokenizer(path, lower_case, strip_accents)
    if not path.exists() and formats.recognize(path) is None:
        raise tokenization.VocabularyError(f"there is no vocabulary {path}")
    notes = []
    name = formats.recognize(path)
    if name is None:
        folder = path.parent if path.is_file() else path
        tokenizer = huggingface_tokenizer.read(folder, notes)
    else:
        tokenizer = formats.FORMATS[name].load().read_tokenizer(path, notes)
    return usable(tokenizer, path, notes)


def load_for_run(path, data: DataConfig) -> Tokenizer:
    """The tokenizer that a run is given; prints what decides how text is read.

    Args:
        path: As for `load`.
        data: Its settings count where nothing is said beside the vocabulary.

    Raises:
        VocabularyError: As `load`.
    """
    tokenizer = load(path, data.lower_case, data.strip_accents)
    said = None if isinstance(path, Tokenizer) else text_settings(path)
    if said is not None:
        print(f"vocabulary {path}: {said}", flush=True)
    return tokenizer


def usable(tokenizer: Tokenizer | None, source, notes) -> Tokenizer:
    """The tokenizer, unless there is none.

    Args:
        source, notes: Where it was looked for, and what was found there.

    Raises:
        VocabularyError: If it is None.
    """
    if tokenizer is None:
        reasons = "".join(f"; {note}" for note in notes)
        raise tokenization.VocabularyError(
            f"{source} has no vocabulary beside it that can be used{reasons}"
        )
    return tokenizer
