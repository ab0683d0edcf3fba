"""`--config=FILE` and `--config.FIELD=VALUE` on the command line."""

from collections.abc import Sequence

from absl import flags

from tf_pretrain.config.files import load_config
from tf_pretrain.config.pretrain import PretrainConfig
from tf_pretrain.config.values import from_dict, override, to_dict
from tf_pretrain.errors import ConfigError

_PREFIX = "--config."
_FIELD = "config_field"


def separate_fields(argv: Sequence[str]) -> list[str]:
    """Writes `--config.FIELD=VALUE` as `--config_field=FIELD=VALUE`, for absl."""
    return [
        f"--{_FIELD}={argument.removeprefix(_PREFIX)}"
        if argument.startswith(_PREFIX)
        else argument
        for argument in argv
    ]


class ConfigFlags:
    """The two flags of a command that takes a config.

    Args:
        known: The command's flags, to which these are added.
        default: The config file; None if the command chooses it.
    """

    def __init__(self, known: flags.FlagValues, default: str | None = None):
        self._file = flags.DEFINE_string(
            "config",
            default,
            "Config file, or the name of one of this project's. "
            "--config.FIELD=VALUE (say --config.train.num_steps=100) overrides one of "
            "its values; `python -m tf_pretrain.config` lists the fields.",
            known,
        )
        self._fields = flags.DEFINE_multi_string(
            _FIELD, [], "FIELD=VALUE: another way to write --config.FIELD=VALUE.", known
        )

    @property
    def file(self) -> str | None:
        """The config file that is named, or the default."""
        return self._file.value

    def read(
        self,
        sections: dict | None = None,
        cls: type = PretrainConfig,
        task: str = "",
        file: str | None = None,
    ):
        """The config file's values with the command line's over them, checked.

        Args:
            sections: {section: {field: value}} that comes between the two: what the
                weights that a run starts from decide.
            cls: The class of the config that is needed.
            task: What `get_config` gets if it takes a `task`.
            file: The config file if the command line names none.

        Raises:
            ConfigError: For a file, field or value that cannot be used.
        """
        file = self.file or file
        if file is None:
            raise ConfigError("there is no config file; give --config")
        config = load_config(file, task)
        if not isinstance(config, cls):
            raise ConfigError(
                f"{file} makes a {type(config).__name__}; expected a {cls.__name__}"
            )
        values = to_dict(config)
        for section, fields in (sections or {}).items():
            values[section].update(fields)
        for text in self._fields.value:
            field, equals, value = text.partition("=")
            if not equals:
                raise ConfigError(f"write {_PREFIX}{field}=VALUE")
            override(cls, values, field, value)
        return from_dict(cls, values)
