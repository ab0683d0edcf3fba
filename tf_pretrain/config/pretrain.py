"""`PretrainConfig`: all settings of one pretraining run."""

import dataclasses

from tf_pretrain.config.checks import require, require_seed
from tf_pretrain.config.data import DataConfig
from tf_pretrain.config.encoder import EncoderConfig
from tf_pretrain.config.objective import ObjectiveConfig
from tf_pretrain.config.train import TrainConfig
from tf_pretrain.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class PretrainConfig:
    """All settings of one pretraining run."""

    seed: int = 0
    model: EncoderConfig = EncoderConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    data: DataConfig = DataConfig()
    train: TrainConfig = TrainConfig()

    def __post_init__(self):
        require_seed(self.seed)
        require(
            self.data.max_seq_length <= self.model.max_position_embeddings,
            f"data.max_seq_length {self.data.max_seq_length} exceeds "
            f"model.max_position_embeddings {self.model.max_position_embeddings}",
        )
        needed = self.objective.sentence_objective
        require(
            needed == "none" or self.data.example_format == needed,
            f"objective.sentence_objective {needed!r} needs data.example_format "
            f"{needed!r}, not {self.data.example_format!r}",
        )
        require(
            needed == "none" or self.model.use_pooler,
            f"objective.sentence_objective {needed!r} needs model.use_pooler=True",
        )
        require(
            self.objective.generator_steps < self.train.num_steps,
            f"objective.generator_steps {self.objective.generator_steps} leaves none "
            f"of the train.num_steps {self.train.num_steps} for the discriminator",
        )
        if self.objective.has_generator_network:
            try:
                generator_config(self)
            except ConfigError as error:
                raise ConfigError(f"the generator: {error}") from None


def generator_config(config: PretrainConfig) -> EncoderConfig:
    """The config of the generator's encoder (Clark et al., 2020, sec. 3.2).

    Width and depth are fractions of the discriminator's. The number of heads and the
    feed-forward width follow the generator's own width (64 units a head, 4 times the
    width), as in the released code. If the generator is as wide as the discriminator,
    it has the same number of heads, so that all weights can be shared. Tied embeddings
    keep the discriminator's embedding size. In two-stage training the generator equals
    the discriminator in everything, because it is copied to it.
    """
    model, objective = config.model, config.objective
    if objective.weight_tying == "all":
        return model
    if objective.generator_training == "two_stage":
        return dataclasses.replace(model, use_pooler=False)
    hidden_size = int(round(model.hidden_size * objective.generator_hidden_size))
    heads = max(1, hidden_size // 64)
    if hidden_size == model.hidden_size:
        heads = model.num_attention_heads
    num_layers = int(round(model.num_hidden_layers * objective.generator_layers))
    tied = objective.weight_tying == "embeddings"
    return dataclasses.replace(
        model,
        hidden_size=hidden_size,
        embedding_size=model.embedding_size if tied else hidden_size,
        num_hidden_layers=num_layers,
        num_attention_heads=heads,
        intermediate_size=4 * hidden_size,
        num_hidden_groups=min(model.num_hidden_groups, num_layers),
        use_pooler=False,
    )
