"""`build_objective` builds the network that a config describes."""

from tf_pretrain.config import PretrainConfig
from tf_pretrain.models.ablations import AllTokensMLM, ReplaceMLM
from tf_pretrain.models.generator_training import AdversarialGenerator, TwoStage
from tf_pretrain.models.objectives import MaskedLM, Objective, ReplacedTokenDetection

_CLASSES = {
    "masked_lm": MaskedLM,
    "replace_mlm": ReplaceMLM,
    "all_tokens_mlm": AllTokensMLM,
}
# Replaced-token detection, by how its generator learns.
_DETECTION = {
    "joint": ReplacedTokenDetection,
    "two_stage": TwoStage,
    "adversarial": AdversarialGenerator,
}


def build_objective(config: PretrainConfig, dtype=None) -> Objective:
    """Builds the objective that a config describes, with new random weights.

    Args:
        config: Its `model` and `objective` say what is built.
        dtype: Keras dtype or policy, e.g. "mixed_bfloat16".
    """
    if config.objective.name == "replaced_token_detection":
        return _DETECTION[config.objective.generator_training](config, dtype=dtype)
    return _CLASSES[config.objective.name](config, dtype=dtype)
