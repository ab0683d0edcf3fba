"""The heads of fine-tuned networks in checkpoints of the original TF1 programs.

ELECTRA's program keeps a head under `task_specific/` and the task's name; ALBERT's and
BERT's programs have fixed names (`finetune/qa/qa_tasks.py`, `finetune/tagging/
tagging_tasks.py`, `finetune/classification/classification_tasks.py`; `squad_utils.py`,
`race_utils.py`, `classifier_utils.py`; `run_squad.py`, `run_classifier.py` of the
released code).
"""

import re

import numpy as np

from tf_pretrain.interchange.finetuned_networks import (
    ClassifierConfig,
    MultipleChoiceConfig,
    QuestionAnswererConfig,
    TaggerConfig,
)
from tf_pretrain.interchange.pretrained import InterchangeError

# Ours inside of `task_specific/` -> theirs; "^T" marks those stored as [out, in].
_ALBERT_CONDITIONAL = {
    "start": "start_logits/dense",
    "end_hidden": "end_logits/dense_0",
    "layer_norm": "end_logits/LayerNorm",
    "end": "end_logits/dense_1",
    "answerability_hidden": "answer_class/dense_0",
    "answerability": "answer_class/dense_1",
}
_ALBERT_INDEPENDENT = {
    "start_and_end/kernel": "cls/squad/output_weights^T",
    "start_and_end/bias": "cls/squad/output_bias",
}
_POOLED = {"kernel": "output_weights^T", "bias": "output_bias"}
_TAGGING_SCOPE = "task_specific/chunk"
# ELECTRA's scopes whose names are not those of GLUE in lower case.
_SCOPES = {"SST-2": "sst", "STS-B": "sts"}
_STS_SCALE = 5.0  # its program divides the scores of "sts" by it
# Beginnings of the names of all these heads.
STARTS = (
    "task_specific/",
    "cls/squad/",
    "start_logits/",
    "output_weights",
)


def names_of(model, program: str) -> dict[str, str]:
    """{our variable's path: its name in a checkpoint of the program}.

    Args:
        model: What describes the network, see finetuned_networks.py.
        program: "electra", "bert" or "albert".

    Raises:
        InterchangeError: If the program has no such head.
    """
    if model.kind == "question_answerer" and model.head != "albert":
        names = _electra_spans(model) if program == "electra" else None
    elif model.kind == "question_answerer" and model.may_be_unanswerable:
        names = _with_parts(_ALBERT_CONDITIONAL) if program == "albert" else None
    elif model.kind == "question_answerer":
        names = _ALBERT_INDEPENDENT if program in ("albert", "bert") else None
    elif model.kind == "tagger":
        names = _dense(_TAGGING_SCOPE) if program == "electra" else None
    elif model.kind == "multiple_choice":
        is_albert = program == "albert" and model.head == "pooled"
        names = _POOLED if is_albert else None
    elif model.head == "pooled":
        names = _POOLED if program in ("albert", "bert") else None
    else:
        scope = _SCOPES.get(model.task) or re.sub(
            r"[^a-z0-9_]", "_", model.task.lower()
        )
        names = _dense(f"task_specific/{scope}") if program == "electra" else None
    if names is None:
        head = f" with head {model.head!r}" if hasattr(model, "head") else ""
        raise InterchangeError(
            f"{program.upper()}'s TensorFlow 1 program has no {model.kind}{head}"
        )
    return {f"task_specific/{ours}": theirs for ours, theirs in names.items()}


def _dense(scope):
    return {part: f"{scope}/dense/{part}" for part in ("kernel", "bias")}


def _electra_spans(model):
    scope = f"task_specific/{'squad' if model.may_be_unanswerable else 'squadv1'}"
    layers = {"start": "dense", "end": "dense_1"}
    if model.head == "joint":
        layers["end_hidden"] = "qa_hidden"
    if model.has_answerability and model.head == "joint":
        layers |= {"answerability_hidden": "dense_2", "answerability": "dense_3"}
    elif model.has_answerability:
        layers["answerability"] = "dense_2"
    return _with_parts({ours: f"{scope}/{name}" for ours, name in layers.items()})


def _with_parts(layers):
    """The variables of layers."""
    names = {}
    for ours, theirs in layers.items():
        parts = ("gamma", "beta") if ours == "layer_norm" else ("kernel", "bias")
        if theirs == "answer_class/dense_1":
            parts = ("kernel",)
        names |= {f"{ours}/{part}": f"{theirs}/{part}" for part in parts}
    return names


def transposed(name: str, value: np.ndarray):
    """(name in the checkpoint, the value as it is stored there, or as it is here)."""
    if name.endswith("^T"):
        return name.removesuffix("^T"), np.ascontiguousarray(value.T)
    return name, value


def model_of(shapes, encoder, class_names, source):
    """What describes the head that a checkpoint holds, or None without one.

    Args:
        shapes: {name: shape} of the tensors.
        encoder: The EncoderConfig.
        class_names: The tags of a tagger or the classes of a classifier, or None.
        source: What messages call the checkpoint.

    Raises:
        InterchangeError: If its form is not known, or the tags are not.
    """
    length = encoder.max_position_embeddings
    for task, may_be_unanswerable in (("squad", True), ("squadv1", False)):
        scope = f"task_specific/{task}"
        if f"{scope}/dense/kernel" in shapes:
            return _electra_model(shapes, scope, encoder, may_be_unanswerable, source)
    if f"{_TAGGING_SCOPE}/dense/kernel" in shapes:
        count = shapes[f"{_TAGGING_SCOPE}/dense/kernel"][1]
        if class_names is None or len(class_names) != count:
            raise InterchangeError(
                f"{source} has {count} tags, whose names no checkpoint holds; put "
                "label_mapping.json, {tag: number}, beside it"
            )
        return TaggerConfig("chunk", encoder, tuple(class_names), length)
    albert = {"loss_reduction": "mean"}
    if "start_logits/dense/kernel" in shapes:
        spans = {"head": "albert", "beam_size": 5, "null_threshold": 0.0, **albert}
        return QuestionAnswererConfig("SQuAD2.0", encoder, length, **spans)
    if "cls/squad/output_weights" in shapes:
        spans = {"may_be_unanswerable": False, "has_answerability": False, **albert}
        return QuestionAnswererConfig(
            "SQuAD1.1", encoder, length, head="albert", **spans
        )
    return _classifier_model(shapes, encoder, class_names, source)


def _classifier_model(shapes, encoder, class_names, source):
    """The model of a classifier, or of RACE's head, which has one output like it."""
    scopes = [re.fullmatch(r"task_specific/(\w+)/dense/kernel", n) for n in shapes]
    tasks = sorted(scope[1] for scope in scopes if scope)
    if len(tasks) > 1:
        raise InterchangeError(
            f"{source} has heads of several tasks ({', '.join(tasks)}); expected one"
        )
    if tasks:
        task, head = tasks[0], "first_token"
        count = shapes[f"task_specific/{task}/dense/kernel"][1]
    elif "output_weights" in shapes:
        task, head, count = "classification", "pooled", shapes["output_weights"][0]
    else:
        return None
    if head == "pooled" and count == 1 and encoder.parameter_sharing == "all":
        return MultipleChoiceConfig("RACE", encoder, encoder.max_position_embeddings)
    names = class_names or [str(number) for number in range(count)]
    if len(names) != count:
        raise InterchangeError(
            f"{source} has {count} classes, but label_mapping.json has {len(names)}"
        )
    scale = _STS_SCALE if task == "sts" else 1.0
    return ClassifierConfig.foreign(task, encoder, names, head, scale)


def _electra_model(shapes, scope, encoder, may_be_unanswerable, source):
    is_joint = f"{scope}/qa_hidden/kernel" in shapes
    has_hidden = f"{scope}/dense_3/kernel" in shapes
    has_answerability = f"{scope}/dense_2/kernel" in shapes
    if has_answerability and is_joint != has_hidden:
        form = "with" if has_hidden else "without"
        raise InterchangeError(
            f"{source}: its answerability classifier is {form} a hidden layer, which "
            f"the {'joint' if is_joint else 'independent'} head here does not have"
        )
    return QuestionAnswererConfig(
        "SQuAD2.0" if may_be_unanswerable else "SQuAD1.1",
        encoder,
        encoder.max_position_embeddings,
        head="joint" if is_joint else "independent",
        may_be_unanswerable=may_be_unanswerable,
        has_answerability=has_answerability,
    )
