"""Trained weights that a pretraining run starts from."""

import dataclasses
import functools

from tf_pretrain.config import ConfigError, ObjectiveConfig, PretrainConfig
from tf_pretrain.config.checks import require
from tf_pretrain.config.values import overridden
from tf_pretrain.interchange.formats import read
from tf_pretrain.interchange.pretrained import (
    TOKEN_COUNTS,
    InterchangeError,
    Pretrained,
    describe_missing,
)
from tf_pretrain.runs.data import Sources

# Fields of ObjectiveConfig that weights decide; the others are the run's own.
_GENERATOR_FIELDS = ("generator_hidden_size", "generator_layers", "weight_tying")
# Fields of DataConfig that a tokenizer decides.
_TOKENIZER_FIELDS = {
    "tokenizer": "kind",
    "lower_case": "lower_case",
    "strip_accents": "strip_accents",
}
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
        """Takes from the weights what they decide: sizes, objective and vocabulary.

        A vocabulary that `sources` names is kept.

        Raises:
            ConfigError: If there is no vocabulary, or an override contradicts it.
        """
        sections, tokenizer = _decided(self.pretrained), None
        if sources.vocab is None:
            tokenizer = self.pretrained.tokenizer
            require(
                tokenizer is not None,
                f"{self.pretrained.source} has no vocabulary beside it; give --vocab",
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
        """Whether a run of this config can start from the weights.

        Raises:
            ConfigError: If no step is left to train.
            InterchangeError: If weights or moments are missing, or do not fit.
        """
        pretrained = dataclasses.replace(self.pretrained, config=config)
        try:
            pretrained.check()
        except InterchangeError as error:
            raise InterchangeError(f"{error}{self._hint()}") from None
        # A unigram generator counts the new run's text.
        missing = [path for path in pretrained.missing() if path != TOKEN_COUNTS]
        if missing and not self.initialize_missing:
            raise InterchangeError(describe_missing(pretrained, missing))
        if not self.restore_optimizer:
            return
        if not pretrained.moments:
            raise InterchangeError(
                f"{pretrained.source} holds no optimizer moments; leave out "
                "--restore_optimizer"
            )
        if pretrained.step >= config.train.num_steps:
            raise ConfigError(
                f"the weights to start from are those of step {pretrained.step}, and "
                f"train.num_steps is {config.train.num_steps}: nothing is left to "
                "train. Set a larger --config.train.num_steps and another --workdir, "
                "or leave out --restore_optimizer"
            )

    def _hint(self):
        own = [text for text in self.overrides if text.startswith(("model.", "objec"))]
        if not own:
            return ""
        names = ", ".join(f"--config.{text.partition('=')[0]}" for text in own)
        return f"; the weights decide the sizes: leave out {names}"

    def assign(self, trainer) -> int:
        """Puts the weights into the compiled trainer of a new run.

        Returns:
            The step to start from.

        Raises:
            InterchangeError: If moments are missing.
        """
        pretrained = self.pretrained
        for variable in trainer.network.trainable_variables:
            if variable.path in pretrained.weights:
                variable.assign(pretrained.weights[variable.path])
        if not self.restore_optimizer:
            return 0
        variables = trainer.trainable_variables
        lacking = [v.path for v in variables if v.path not in pretrained.moments["m"]]
        if lacking:
            raise InterchangeError(
                f"{pretrained.source} holds no optimizer moments of {lacking[0]} and "
                f"{len(lacking) - 1} more; leave out --restore_optimizer"
            )
        trainer.optimizer.set_moments(variables, pretrained.moments)
        trainer.optimizer.iterations.assign(pretrained.step)
        return pretrained.step


def _decided(pretrained):
    """The sections of a config that weights decide: {section: {field: value}}."""
    objective = pretrained.config.objective
    fields = {"name": objective.name}
    if pretrained.has_generator or objective.weight_tying == "all":
        fields |= {name: getattr(objective, name) for name in _GENERATOR_FIELDS}
    if objective.sentence_objective != ObjectiveConfig.sentence_objective:
        fields["sentence_objective"] = objective.sentence_objective
    return {"model": dataclasses.asdict(pretrained.config.model), "objective": fields}
