"""`--config=FILE` and `--config.FIELD=VALUE` on the command line.

What a config file is, see files.py.
"""

from absl import app, flags

from tf_pretrain import config as config_lib
from tf_pretrain.config import PretrainConfig
from tf_pretrain.config.files import CONFIGS, load_config
from tf_pretrain.errors import ConfigError

_PREFIX = "--config."
_overrides: dict[str, str] = {}

CONFIG = flags.DEFINE_string(
    "config",
    str(CONFIGS / "quickstart.py"),
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
