"""The heads of fine-tuned networks in Hugging Face's classes.

`...ForQuestionAnswering` has start and end logits, each a linear function of a state;
`...ForTokenClassification` the same for classes; `...ForMultipleChoice` one logit of
the pooled state (ALBERT, BERT), or of a summary (ELECTRA);
`...ForSequenceClassification` logits of the pooled state (ALBERT, BERT), or of a dense
layer and the GELU behind [CLS] (ELECTRA), which no head here has.
"""

import numpy as np

from tf_pretrain.interchange.finetuned_networks import (
    ClassifierConfig,
    MultipleChoiceConfig,
    QuestionAnswererConfig,
    TaggerConfig,
)
from tf_pretrain.interchange.pretrained import InterchangeError

SUFFIXES = {
    "classifier": "ForSequenceClassification",
    "question_answerer": "ForQuestionAnswering",
    "tagger": "ForTokenClassification",
    "multiple_choice": "ForMultipleChoice",
}
# What makes ELECTRA's summary the state of [CLS] itself.
_PLAIN_SUMMARY = {
    "summary_type": "first",
    "summary_use_proj": False,
    "summary_activation": "linear",
}


def check_is_theirs(model, family: str) -> None:
    """Raises InterchangeError, with the reason, if no class has the network's head.

    Args:
        model: What describes the network, see finetuned_networks.py.
        family: "electra", "bert" or "albert".
    """
    kind = model.kind
    name = f"{family.capitalize()}{SUFFIXES[kind]}"
    reason = None
    if kind == "question_answerer":
        is_conditional = model.head == "albert" and model.may_be_unanswerable
        if model.head == "joint" or is_conditional:
            reason = f"it predicts the end from the start, which {name} does not"
        elif model.has_answerability and model.head != "albert":
            reason = f"it has an answerability classifier, which {name} has not"
    elif kind == "classifier" and family == "electra":
        reason = f"{name} has one more dense layer, with the GELU"
    elif kind in ("multiple_choice", "classifier"):
        reads = "first_token" if family == "electra" else "pooled"
        if model.head != reads:
            reason = f"its head is {model.head!r}, but {name} reads {reads!r}"
    if reason:
        raise InterchangeError(f"it cannot be written for Hugging Face: {reason}")


def tensors_of(model, weights) -> dict[str, np.ndarray]:
    """The head's tensors by their names.

    Args:
        weights: {our path: array}.
    """
    head = {
        path.removeprefix("task_specific/"): value
        for path, value in weights.items()
        if path.startswith("task_specific/")
    }
    if model.kind != "question_answerer":
        name, kernel, bias = "classifier", head["kernel"], head["bias"]
    elif model.head == "albert":
        name = "qa_outputs"
        kernel, bias = head["start_and_end/kernel"], head["start_and_end/bias"]
    else:
        name, sides = "qa_outputs", ("start", "end")
        kernel, bias = (
            np.concatenate([head[f"{side}/{part}"] for side in sides], axis=-1)
            for part in ("kernel", "bias")
        )
    return {f"{name}.weight": np.ascontiguousarray(kernel.T), f"{name}.bias": bias}


def weights_of(model, tensors) -> dict[str, np.ndarray]:
    """The head's weights by our paths, from their tensors."""
    name = "qa_outputs" if model.kind == "question_answerer" else "classifier"
    missing = [x for x in (f"{name}.weight", f"{name}.bias") if x not in tensors]
    if missing:
        raise InterchangeError(f"the file lacks {missing[0]}")
    kernel = np.ascontiguousarray(tensors[f"{name}.weight"].T)
    head = {"kernel": kernel, "bias": tensors[f"{name}.bias"]}
    if model.kind == "question_answerer" and model.head == "albert":
        head = {f"start_and_end/{part}": value for part, value in head.items()}
    elif model.kind == "question_answerer":
        head = {
            f"{side}/{part}": np.ascontiguousarray(value[..., i : i + 1])
            for part, value in head.items()
            for i, side in enumerate(("start", "end"))
        }
    return {f"task_specific/{path}": value for path, value in head.items()}


def settings_of(model, family: str) -> dict:
    """The fields of `config.json` that belong to the head."""
    settings = {}
    if model.kind in ("tagger", "classifier"):
        labels = dict(enumerate(model.class_names or ["LABEL_0"]))
        settings |= {
            "id2label": {str(number): name for number, name in labels.items()},
            "label2id": {name: number for number, name in labels.items()},
        }
    if model.kind == "classifier":
        is_regression = model.class_names is None
        problem = "regression" if is_regression else "single_label_classification"
        settings["problem_type"] = problem
    if model.kind in ("multiple_choice", "classifier"):
        rate = "classifier_dropout_prob" if family == "albert" else "classifier_dropout"
        settings[rate] = model.dropout
    if model.kind == "multiple_choice" and family == "electra":
        settings |= _PLAIN_SUMMARY
    return settings


def model_of(values, family, encoder, source):
    """What describes the head of a folder that another program wrote, or None.

    Args:
        values: `config.json`.
        family: "electra", "bert" or "albert".
        encoder: The EncoderConfig.
        source: What messages call the folder.

    Raises:
        InterchangeError: If the head here is not the same function.
    """
    architecture = (values.get("architectures") or [""])[0]
    length = encoder.max_position_embeddings
    if architecture.endswith(SUFFIXES["question_answerer"]):
        # No file says whether questions may have no answer. With a threshold of 0 there
        # is none where [CLS] scores higher than the best answer (Devlin et al., 2019).
        return QuestionAnswererConfig(
            source,
            encoder,
            length,
            head="independent",
            has_answerability=False,
            null_threshold=0.0,
        )
    labels = values.get("id2label") or {"0": "LABEL_0", "1": "LABEL_1"}
    names = tuple(labels[number] for number in sorted(labels, key=int))
    if architecture.endswith(SUFFIXES["tagger"]):
        return TaggerConfig(source, encoder, names, length, segment_id=0)
    if architecture.endswith(SUFFIXES["classifier"]):
        if family == "electra":
            return None  # one more dense layer; its encoder can be read alone
        if values.get("problem_type") == "multi_label_classification":
            raise InterchangeError(
                f"{source}: its classes do not exclude each other, as they do in every "
                "head here"
            )
        return ClassifierConfig.foreign(source, encoder, names, "pooled")
    if architecture.endswith(SUFFIXES["multiple_choice"]):
        head = "pooled"
        if family == "electra":
            head = "first_token"
            # Their defaults are another dense layer and the GELU.
            found = {
                "summary_type": values.get("summary_type", "first"),
                "summary_use_proj": values.get("summary_use_proj", True),
                "summary_activation": values.get("summary_activation", "gelu")
                or "linear",
            }
            if found != _PLAIN_SUMMARY:
                raise InterchangeError(
                    f"{source}: its head has a summary with a dense layer and an "
                    f"activation ({found}), which no head here has"
                )
        return MultipleChoiceConfig(source, encoder, length, head=head)
    return None
