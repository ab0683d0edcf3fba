"""Presets of keras-hub: `ElectraBackbone`, `BertBackbone` and `AlbertBackbone`.

How the classes (keras-hub 0.32) differ from our encoder:

* All compute the tanh form of GELU. ELECTRA has the exact one, and so have the
  weights of the ELECTRA presets that keras-hub publishes: they were converted.
* `ElectraBackbone` has a pooler, which ELECTRA does not have. In the published presets
  it has random initial values, because their conversion does not set it.
* `AlbertBackbone` always has a projection from E to H; ALBERT only where E differs.
* One dropout rate, one initializer, and no heads.

Their tokenizers give the same ids on plain text only. On the 179 hard strings of
`tests/golden/tokenization` ElectraTokenizer, lower-cased and without accents, differs
in 55: it folds case by NFKC, splits at control characters and not at unusual spaces.
AlbertTokenizer normalises nothing, so the user must do this before. Then it differs in
6, mostly because it keeps pieces like "1999," whole.

A preset that `write` made also holds `pretrain_config.json`, our config with what
`config.json` cannot say; `read` takes it from there.
"""

import dataclasses
import json
import tempfile
from pathlib import Path

import numpy as np

from tf_pretrain import config as config_lib
from tf_pretrain.data.tokenization import WordPieceTokenizer
from tf_pretrain.interchange.keras_hub import names as keras_hub_names
from tf_pretrain.interchange.pretrained import (
    InterchangeError,
    Pretrained,
    read_json,
    variable_shapes,
)

_WEIGHTS_FILE = "model.weights.h5"


def read(path) -> Pretrained:
    """Reads the backbone, and the tokenizer if the preset has one.

    Nothing in the preset is deserialised: its class is compared with the known
    ones, and its settings are read as plain numbers.

    Raises:
        InterchangeError: If it holds another class, or files are damaged or do not
            fit together.
    """
    path, notes = Path(path), []
    family, settings = keras_hub_names.read_backbone_config(path / "config.json")
    config = keras_hub_names.read_config(path, family, settings, notes)
    file = path / _WEIGHTS_FILE
    backbone = _build_backbone(family, config.model, path / "config.json")
    _load_weights(backbone, file)
    theirs = {v.path: np.array(v.numpy(), np.float32) for v in backbone.weights}

    weights, taken = {}, set()
    for ours, shape in variable_shapes(config).items():
        name = keras_hub_names.name_of(ours, config, family)
        if name is not None:
            weights[ours] = theirs[name].reshape(shape)
            taken.add(name)
    unused = [name for name in theirs if name not in taken]
    if family.projection and config.model.embedding_size == config.model.hidden_size:
        unused = [name for name in unused if not name.startswith(family.projection)]
        _check_is_identity(theirs, family, config.model.hidden_size, file)
    # Heads of a keras-hub task, say AlbertMaskedLM.
    unused += [p.name for p in [path / "task.weights.h5"] if p.exists()]
    pretrained = Pretrained(
        config,
        weights,
        f"keras-hub preset {path} ({family.backbone})",
        _read_tokenizer(path, family, config.data, notes),
        unused=unused,
        notes=notes,
    )
    pretrained.check()
    return pretrained


def read_tokenizer(path, notes: list[str]):
    """The preset's Tokenizer, or None; `notes` receives what was assumed."""
    path = Path(path)
    family, settings = keras_hub_names.read_backbone_config(path / "config.json")
    config = keras_hub_names.read_config(path, family, settings, [])
    return _read_tokenizer(path, family, config.data, notes)


def write(pretrained: Pretrained, folder) -> list[str]:
    """Writes the encoder and the tokenizer as a preset, for `from_preset(folder)`.

    An encoder that shares all becomes an AlbertBackbone; one without sharing a
    BertBackbone if it is of BERT's family, otherwise an ElectraBackbone. Where
    keras-hub has a pooler and the encoder has none, its kernel is the identity and its
    bias 0: the pooled output is tanh of [CLS].

    Args:
        folder: An empty folder.

    Returns:
        What was left behind or differs there, one sentence each.

    Raises:
        InterchangeError: If keras-hub cannot express the encoder.
    """
    folder, model = Path(folder), pretrained.config.model
    family, notes = keras_hub_names.choose_family(pretrained)
    prefix = keras_hub_names.encoder_prefix(pretrained.config)
    theirs = {}
    for ours in variable_shapes(pretrained.config):
        name = keras_hub_names.name_of(ours, pretrained.config, family)
        if name is not None:
            if ours not in pretrained.weights:
                raise InterchangeError(
                    f"{pretrained.source} lacks {ours}; keras-hub needs the whole "
                    "encoder"
                )
            theirs[name] = pretrained.weights[ours]
    if not model.use_pooler:
        theirs |= _identity(keras_hub_names.POOLER, model.hidden_size)
        notes.append(
            "the model has no pooler: keras-hub's is the identity, so its pooled "
            "output is tanh of [CLS]"
        )
    if family is keras_hub_names.ALBERT and model.embedding_size == model.hidden_size:
        theirs |= _identity(family.projection, model.hidden_size)

    backbone = _build_backbone(family, model, pretrained.source)
    for variable in backbone.weights:
        variable.assign(theirs[variable.path].reshape(variable.shape))
    backbone.save_to_preset(str(folder))
    config = _write_tokenizer(pretrained, family, folder, notes)
    text = json.dumps(config_lib.to_dict(config), indent=2)
    (folder / keras_hub_names.SETTINGS_FILE).write_text(text + "\n", encoding="utf-8")

    left = {p.split("/")[0] for p in pretrained.weights if not p.startswith(prefix)}
    if left:
        notes.append(f"a backbone has no place for {', '.join(sorted(left))}")
    return notes


def _identity(layer, size):
    return {
        f"{layer}kernel": np.eye(size, dtype=np.float32),
        f"{layer}bias": np.zeros(size, np.float32),
    }


def _check_is_identity(theirs, family, size, file):
    """Checks that a projection with E = H is an identity, which our encoder lacks."""
    for name, expected in _identity(family.projection, size).items():
        if name in theirs and not np.array_equal(theirs[name], expected):
            raise InterchangeError(
                f"{file}: {name} is not that of an identity, but embedding_dim equals "
                "hidden_dim, where the encoder has no projection"
            )


def _keras_hub():
    """The package, which takes seconds to import; it needs TensorFlow, too.

    Raises:
        InterchangeError: If it is not installed.
    """
    try:
        import keras_hub
    except ImportError as error:
        raise InterchangeError(
            "keras-hub's presets are read and written with keras-hub and TensorFlow: "
            f"{error}. `pip install tensorflow-text keras-hub`, or use `python -m "
            "tf_pretrain.convert` on a machine that has them"
        ) from error
    return keras_hub


def _build_backbone(family, model, source):
    """A float32 backbone with fresh weights."""
    keras_hub = _keras_hub()
    cls = getattr(keras_hub.models, family.backbone)
    arguments = {theirs: getattr(model, ours) for theirs, ours in family.fields.items()}
    try:
        return cls(**arguments, dtype="float32")
    except ValueError as error:
        raise InterchangeError(f"{source}: {error}") from None


def _load_weights(backbone, file):
    import h5py

    names = []

    def collect(name, item):
        if isinstance(item, h5py.Dataset) and "seed_generator" not in name:
            names.append(name)

    try:
        with h5py.File(file, "r") as store:
            store.visititems(collect)
        backbone.load_weights(str(file))
    except Exception as error:  # h5py raises OSError, KeyError, RuntimeError, ...
        reason = " ".join(str(error).split())
        raise InterchangeError(
            f"{file} cannot be read as what config.json describes: {reason}"
        ) from None
    # Keras skips layers of the file that the model does not have.
    if len(names) != len(backbone.weights):
        raise InterchangeError(
            f"{file} holds {len(names)} tensors, but the backbone that config.json "
            f"describes has {len(backbone.weights)}"
        )


def _read_tokenizer(path, family, data, notes):
    """The preset's vocabulary with its casing, or None."""
    file = path / "assets" / "tokenizer" / family.vocabulary
    if not file.is_file():
        return None
    lower_case, strip_accents = data.lower_case, data.strip_accents
    if family.tokenizer_class is WordPieceTokenizer:
        settings = read_json(path / "tokenizer.json").get("config") or {}
        lower_case = bool(settings.get("lowercase"))
        strip_accents = bool(settings.get("strip_accents"))
        if strip_accents and not lower_case:
            notes.append("accents are kept: they are stripped only with lower case")
    elif not (path / keras_hub_names.SETTINGS_FILE).exists():
        notes.append(
            "text is lower-cased and accents are stripped, as ALBERT does; keras-hub "
            "leaves both to whoever calls its tokenizer"
        )
    return family.tokenizer_class(file, lower_case, strip_accents)


def _write_tokenizer(pretrained, family, folder, notes):
    """Saves the tokenizer if there is one; returns the config with its settings."""
    config, tokenizer = pretrained.config, pretrained.tokenizer
    if tokenizer is None:
        return config
    if not isinstance(tokenizer, family.tokenizer_class):
        notes.append(
            f"keras-hub's {family.backbone} takes no {tokenizer.kind} vocabulary: the "
            "tokenizer is left out"
        )
        return config
    keras_hub = _keras_hub()
    cls = getattr(keras_hub.models, family.tokenizer)
    if family.tokenizer_class is WordPieceTokenizer:
        saved = cls(
            [tokenizer.id_to_piece(i) for i in range(tokenizer.vocab_size)],
            lowercase=tokenizer.lower_case,
            # As in the original, cased text keeps its accents.
            strip_accents=tokenizer.lower_case and tokenizer.strip_accents,
        )
    else:
        with tempfile.TemporaryDirectory() as temporary:
            tokenizer.save(temporary)
            saved = cls(Path(temporary, tokenizer.file_name).read_bytes())
        notes.append(
            "keras-hub's tokenizer neither lower-cases nor strips accents: do both "
            "before calling it"
        )
    saved.save_to_preset(str(folder))
    data = dataclasses.replace(
        config.data,
        lower_case=tokenizer.lower_case,
        strip_accents=tokenizer.strip_accents,
    )
    return dataclasses.replace(config, data=data)
