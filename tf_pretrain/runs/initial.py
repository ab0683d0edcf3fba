"""Trained weights that a pretraining run starts from."""

import dataclasses
import functools

from tf_pretrain.config import ConfigError, PretrainConfig
from tf_pretrain.config.checks import require
from tf_pretrain.config.values import overridden
from tf_pretrain.interchange import loading
from tf_pretrain.interchange.formats import read
from tf_pretrain.interchange.pretrained import InterchangeError, Pretrained
from tf_pretrain.runs.data import Sources

# Fields of DataConfig that a tokenizer decides.
_TOKENIZER_FIELDS = {
    "tokenizer": "kind",
    "lower_case": "lower_case",
    "strip_accents": "strip_accents",
}
# Ends of the names of what a run may set to other values than the weights had.
_FREE_SUFFIXES = ("dropout_prob", "initializer", "initializer_range")
DECIDED_DATA_FIELDS = tuple(f"data.{name}" for name in _TOKENIZER_FIELDS)


@dataclasses.dataclass(frozen=True)
class InitialWeights:
    """Trained weights that a run starts from.

    Attributes:
        source: Path of a pretraining workdir, an original TF1 checkpoint, a Hugging
            Face folder or a keras-hub preset (the format is detected); or a Pretrained.
        initialize_missing: Start what the source lacks (heads, ELECTRA's generator)
            at fresh values instead of refusing.
        restore_optimizer: Also restore the moments, and go on at the step that the
            source had reached; otherwise moments are zero and the schedule begins anew.
        overrides: Settings "FIELD=VALUE" that win over what the weights decide.
    """

    source: str | Pretrained
    initialize_missing: bool = False
    restore_optimizer: bool = False
    overrides: tuple[str, ...] = ()

    @functools.cached_property
    def pretrained(self) -> Pretrained:
        """The weights, read once.

        Raises:
            InterchangeError: If they cannot be read.
        """
        if isinstance(self.source, Pretrained):
            return self.source
        return read(self.source)

    def resolve(
        self, config: PretrainConfig, sources: Sources
    ) -> tuple[PretrainConfig, Sources]:
        """Fills in what the weights decide: sizes, objective and vocabulary.

        A vocabulary that `sources` names is kept.

        Raises:
            ConfigError: If there is no vocabulary, or an override contradicts it.
        """
        sections, tokenizer = loading.sections_from_weights(self.pretrained), None
        if sources.vocab is None:
            tokenizer = self.pretrained.tokenizer
            require(
                tokenizer is not None,
                f"{self.pretrained.source} has no vocabulary beside it that can be "
                "used; give --vocab",
            )
            sources = dataclasses.replace(sources, vocab=tokenizer)
            sections["data"] = {
                name: getattr(tokenizer, own) for name, own in _TOKENIZER_FIELDS.items()
            }
        config = overridden(config, self.overrides, sections)
        for name, value in sections.get("data", {}).items():
            wanted = getattr(config.data, name)
            require(
                wanted == value,
                f"data.{name} is {wanted!r}, but the vocabulary of "
                f"{self.pretrained.source} has {value!r}; leave out "
                f"--config.data.{name}, or give another vocabulary by --vocab",
            )
        return config, sources

    def check(self, config: PretrainConfig) -> None:
        """Checks that a run of this config can start from the weights.

        Raises:
            ConfigError: If no step is left to train.
            InterchangeError: If weights or moments are missing, or do not fit.
        """
        pretrained = self.pretrained
        flags = (self.initialize_missing, self.restore_optimizer)
        try:
            loading.check_fits(pretrained, config, *flags)
        except InterchangeError as error:
            raise InterchangeError(f"{error}{self._hint(config)}") from None
        if self.restore_optimizer and pretrained.step >= config.train.num_steps:
            raise ConfigError(
                f"the weights to start from are those of step {pretrained.step}, and "
                f"train.num_steps is {config.train.num_steps}: nothing is left to "
                "train. Set a larger --config.train.num_steps and another --workdir, "
                "or leave out --restore_optimizer"
            )

    def _hint(self, config):
        """A hint that names the flags which override what the weights decide."""
        sections = loading.sections_from_weights(self.pretrained)
        flags = [
            f"--config.{section}.{name}"
            for section, fields in sections.items()
            for name, value in fields.items()
            if getattr(getattr(config, section), name) != value
            and not name.endswith(_FREE_SUFFIXES)
        ]
        if not flags:
            return ""
        return f"; the weights decide the network: leave out {', '.join(flags)}"

    def assign(self, trainer, config: PretrainConfig) -> int:
        """Puts the weights into the compiled trainer of a new run.

        Returns:
            The step to start from.

        Raises:
            InterchangeError: As `check`.
        """
        flags = (self.initialize_missing, self.restore_optimizer)
        return loading.initialize(trainer, self.pretrained, config, *flags)
