"""Tables 3 and 5: ELECTRA beside other models, and its pretraining."""

import re

from docs.course import words as course_words
from docs.course.measured import Measured
from docs.course.parts import Parts
from docs.course.printed import number, power, rows, times
from tf_pretrain.config.files import CONFIGS, load_config
from tf_pretrain.models import flops, sizes
from tf_pretrain.tables.definitions import papers

GLUE = ("CoLA", "SST", "MRPC", "STS", "QQP", "MNLI", "QNLI", "RTE")
_TASKS = tuple((task, number) for task in GLUE)
SIZES = {"Small": "electra_small", "Base": "electra_base", "Large": "electra_large"}
AUC, GLUE_MEAN = "held-out replaced_token_auc", "glue"


def t3(language: str) -> str:
    """ELECTRA and other models: small ones, large ones, and our runs."""
    words = course_words.of(language)
    parts = Parts(words)
    _small_models(parts, words)
    _large_models(parts, words)
    _lab_runs(parts, words)
    return parts.markdown()


def _small_models(parts, words):
    columns = (
        ("params_M", number),
        ("train_flops", power),
        ("infer_flops", power),
        ("train_speedup_x", times),
        ("train_time_hardware", lambda text: _hardware(text, words)),
        ("glue_dev_avg", number),
    )
    printed = rows(
        "electra", "table1", columns, lambda row: _model(row["model"], words)
    )
    for cells, row in zip(
        printed, papers.table("electra", "table1")["rows"], strict=True
    ):
        cells += _counted(row["model"])
    header = ["model", "parameters_m", "training_flops", "inference_flops", "speed_up"]
    header += ["hardware", "glue_mean", "our_parameters_m", "our_training_flops"]
    parts.add(
        "t3_small",
        [*header, "our_inference_flops"],
        printed,
        parts.paper("electra", 1, "glue_dev_median_10"),
        words["computed_columns"],
    )


def _large_models(parts, words):
    parts.add(
        "t3_large",
        ["model", "parameters_m", "training_flops", "glue_mean"],
        rows(
            "electra",
            "table2",
            (("params_M", number), ("train_flops", power), ("avg", number)),
            lambda row: _model(row["model"], words),
            has_tasks=False,
        ),
        parts.paper("electra", 2, "glue_dev_median_10"),
    )


def _lab_runs(parts, words):
    ours = Measured("electra_table1-lab")
    names = (
        "ELECTRA",
        "ELECTRA, 1/2",
        "ELECTRA, 1/4",
        "BERT",
        "BERT, 1/2",
        "BERT, 1/4",
    )
    parts.add(
        "t3_ours",
        ["model", "steps", "glue_five", "STS-B", "auc"],
        [
            [
                course_words.row_name(name, words),
                f"{ours.steps(name):,}",
                *(
                    parts.value(ours, name, score)
                    for score in (GLUE_MEAN, "STS-B", AUC)
                ),
            ]
            for name in (*names, "no pretraining")
        ],
        parts.ours(ours),
        words["lab_floor"],
    )


def _counted(model):
    """Our counts of a printed model: parameters, FLOPs of the run and of one text."""
    names = {"BERT-Small": "bert_small", "BERT-Base": "bert_base"}
    names |= {f"ELECTRA-{size}": file for size, file in SIZES.items()}
    found = re.fullmatch(r"([\w-]+)(?: ([\d.]+)% trained)?", model)
    if found is None or found[1] not in names:
        return ["–", "–", "–"]
    config = load_config(f"{CONFIGS}/{names[found[1]]}.py")
    share = float(found[2] or 100) / 100
    return [
        f"{sizes.paper_parameters(config) / 1e6:.2f}",
        power(share * flops.training_flops(config), 3),
        power(flops.inference_flops(config.model, 128), 3),
    ]


def _hardware(text, words):
    """ "4 d, 16x TPUv3" in the words of a language."""
    amount, unit, devices, device = re.fullmatch(
        r"(\d+) ([dh]), (\d+)x (.*)", text
    ).groups()
    return words[f"hardware_{unit}"].format(
        amount=amount, devices=devices, device=device
    )


def _model(name, words):
    return course_words.model_name(name, words)


def t5(language: str) -> str:
    """ELECTRA by data set: GLUE's tasks, the text, and the parts of the method."""
    words = course_words.of(language)
    parts = Parts(words)
    _by_task(parts, words)
    _by_text(parts, words)
    _by_part(parts, words)
    return parts.markdown()


def _by_task(parts, words):
    kept = ("BERT (ours)", "ELECTRA-400K", "ELECTRA-1.75M")
    parts.add(
        "t5_tasks",
        ["model", *GLUE, "mean"],
        rows(
            "electra",
            "table2",
            (*_TASKS, ("avg", number)),
            lambda row: _model(row["model"], words),
            lambda row: row["model"] in kept,
        ),
        parts.paper("electra", 2, "glue_dev_median_10", "glue_metrics"),
    )


def _by_text(parts, words):
    parts.add(
        "t5_text",
        ["model", *GLUE],
        rows(
            "electra",
            "readme_expected_dev",
            _TASKS,
            lambda row: words[_TEXTS[row["model"]]],
            lambda row: row["model"] in _TEXTS,
        ),
        parts.paper("electra", "readme", "glue_dev_seeds"),
    )


def _by_part(parts, words):
    ours = Measured("electra_table5-lab")
    printed = papers.table("electra", "table5")["rows"]
    parts.add(
        "t5_method",
        ["model", "glue_mean", "our_sts", "our_auc"],
        [
            [
                course_words.row_name(name, words),
                number(value),
                parts.value(ours, name, "STS-B"),
                parts.value(ours, name, AUC),
            ]
            for name, value in (
                *((row["model"], row["glue_dev_avg"]) for row in printed),
                ("no pretraining", None),
            )
        ],
        parts.paper("electra", 5, "glue_dev"),
        parts.ours(ours),
    )


_TEXTS = {
    "ELECTRA-Small-OWT (1M steps, OpenWebText)": "small_owt",
    "ELECTRA-Small (Small++)": "small_pp",
    "ELECTRA-Base (Base++)": "base_pp",
    "ELECTRA-Large": "large_xlnet",
}
