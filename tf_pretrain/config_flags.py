"""`--config=FILE` and `--config.FIELD=VALUE` on the command line.

A config file is Python with `get_config()` that returns a PretrainConfig (for
fine-tuning a FinetuneConfig); FILE may end in `:NAME`, which is passed to
`get_config`.
"""

import importlib.util
import inspect
from pathlib import Path

from absl import app, flags

from tf_pretrain import config as config_lib
from tf_pretrain.config import ConfigError, PretrainConfig

_PREFIX = "--config."
_overrides: dict[str, str] = {}

CONFIG = flags.DEFINE_string(
    "config",
    str(Path(__file__).parents[1] / "configs" / "quickstart.py"),
    "Config file; --config.FIELD=VALUE (say --config.train.num_steps=100) overrides "
    "one of its values.",
)


def parse_flags(argv):
    """The `flags_parser` for `absl.app.run`: sets --config.FIELD=VALUE apart."""
    kept = []
    for argument in argv:
        if argument.startswith(_PREFIX):
            field, equals, value = argument[len(_PREFIX) :].partition("=")
            if not equals:
                raise SystemExit(f"error: write {argument}=VALUE")
            _overrides[field] = value
        else:
            kept.append(argument)
    return app.parse_flags_with_usage(kept)


def config_from_flags(sections: dict | None = None, cls=PretrainConfig, task=""):
    """The config file's values with the command line's over them, checked.

    Args:
        cls: The class of the config that is needed.
        task: What `get_config` gets if it takes a `task`.
        sections: {section: {field: value}} that comes between the two: what the
            weights that a run starts from decide.

    Raises:
        ConfigError: For a file, field or value that cannot be used.
    """
    config = load_config(CONFIG.value, task)
    if not isinstance(config, cls):
        raise ConfigError(
            f"{CONFIG.value} makes a {type(config).__name__}; expected a {cls.__name__}"
        )
    values = config_lib.to_dict(config)
    for section, fields in (sections or {}).items():
        values[section].update(fields)
    for field, text in _overrides.items():
        config_lib.override(cls, values, field, text)
    return config_lib.from_dict(cls, values)


def load_config(name: str, task=""):
    """Runs `get_config` of a config file.

    Args:
        name: FILE or FILE:NAME.
        task: Passed on if `get_config` has an argument `task`.

    Raises:
        ConfigError: If there is no such file or it has no `get_config`.
    """
    name, _, argument = name.partition(":")
    path = Path(name)
    if not path.is_file():
        raise ConfigError(f"no config file {name}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, "get_config"):
        raise ConfigError(f"{name} does not define get_config()")
    arguments = [argument] if argument else []
    takes_task = "task" in inspect.signature(module.get_config).parameters
    return module.get_config(*arguments, **({"task": task} if takes_task else {}))
