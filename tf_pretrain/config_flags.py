"""`--config=FILE` and `--config.FIELD=VALUE` on the command line.

A config file is Python with `get_config()` that returns a PretrainConfig; FILE may
end in `:NAME`, which is passed to `get_config`.
"""

import importlib.util
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


def config_from_flags() -> PretrainConfig:
    """The config file's values with the command line's over them, checked.

    Raises:
        ConfigError: For a file, field or value that cannot be used.
    """
    values = config_lib.to_dict(load_config(CONFIG.value))
    for field, text in _overrides.items():
        config_lib.override(PretrainConfig, values, field, text)
    return config_lib.from_dict(PretrainConfig, values)


def load_config(name: str) -> PretrainConfig:
    """Runs `get_config` of a config file.

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
    return module.get_config(argument) if argument else module.get_config()
