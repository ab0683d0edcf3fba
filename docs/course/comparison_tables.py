"""Tables 9 and 10: ELECTRA and ALBERT side by side."""

import statistics

from docs.course import words as course_words
from docs.course.electra_tables import GLUE
from docs.course.measured import Measured
from docs.course.parts import Parts
from docs.course.printed import mark, number, power, rows
from docs.drawing import sides
from tf_pretrain.config import generator_config
from tf_pretrain.config.files import CONFIGS, load_config
from tf_pretrain.models import flops
from tf_pretrain.tables.definitions import papers

_FAMILIES = {
    "BERT-base": "bert_base.py",
    "ELECTRA-base": "electra_base.py",
    "ALBERT-base": "albert.py:base_v1",
}
_ROWS = (
    "ELECTRA",
    "BERT",
    "ALBERT, equal shape",
    "ALBERT, equal parameters",
    "no pretraining",
    "no pretraining, ALBERT",
)


def t9(language: str) -> str:
    """Published scores by protocol, and our runs at equal compute."""
    words = course_words.of(language)
    parts = Parts(words)
    _dev(parts, words)
    _test(parts, words)
    _squad_part(parts, words)
    _released(parts, words)
    _families(parts, words)
    return parts.markdown()


def _test(parts, words):
    tasks = [task for task in GLUE if task != "QNLI"] + ["WNLI"]
    parts.add(
        "t9_test",
        ["model", "training_flops", *tasks, "mean_without_qnli"],
        rows(
            "electra",
            "table3",
            (("train_flops", power), *((task, number) for task in tasks),
             ("avg_without_QNLI", number)),
            lambda row: row["model"],
            lambda row: row["model"] in ("ALBERT", "ELECTRA"),
        ),
        parts.paper("electra", 3, "glue_test_ensembles"),
    )  # fmt: skip


def _squad_part(parts, words):
    parts.add(
        "t9_squad",
        ["model", "training_flops", "squad11_em_f1", "squad20_em_f1"],
        _squad(),
        parts.paper("electra", 4, "squad_dev"),
        parts.paper("albert", 2, "albert_base_row"),
    )


def _released(parts, words):
    parts.add(
        "t9_released",
        ["model", "SST-2", "MNLI"],
        [
            *rows(
                "electra",
                "readme_expected_dev",
                (("SST", number), ("MNLI", number)),
                lambda row: f"ELECTRA-{row['model'].partition('(')[2].strip(')')}",
                lambda row: "++" in row["model"],
            ),
            *rows(
                "albert",
                "readme_v1_v2",
                (("SST2", number), ("MNLI", number)),
                lambda row: f"{row['model']} {row['version']}",
                lambda row: row["model"] == "ALBERT-base",
            ),
        ],
        parts.paper("electra", "readme"),
        parts.paper("albert", "readme", "released_dev"),
    )


def _dev(parts, words):
    """Large models on the dev sets; ALBERT's means are computed here."""
    columns = [(task, number) for task in GLUE]
    found = rows(
        "electra",
        "table2",
        [("params_M", number), ("train_flops", power), *columns, ("avg", number)],
        lambda row: "BERT-large" if row["model"] == "BERT" else row["model"],
        lambda row: row["model"] in ("BERT", "ELECTRA-400K", "ELECTRA-1.75M"),
    )
    parameters = papers.find_row("albert", "table1", {"model": "ALBERT-xxlarge"})
    test = papers.find_row("electra", "table4", {"model": "ALBERT"})
    for row in papers.table("albert", "table9")["rows"]:
        if row["set"] == "dev single" and row["model"].startswith("ALBERT"):
            mean = statistics.mean(row[task] for task in GLUE)
            longest = row["model"] == "ALBERT (1.5M)"
            found.append(
                [
                    row["model"] + mark(row),
                    number(parameters["params_M"]),
                    power(test["train_flops"] if longest else None),
                    *(number(row[task]) for task in GLUE),
                    words["computed_value"].format(value=f"{mean:.1f}"),
                ]
            )
    parts.add(
        "t9_dev",
        ["model", "parameters_m", "training_flops", *GLUE, "mean"],
        found,
        parts.paper("electra", 2, "glue_dev_median_10"),
        parts.paper("albert", 9, "albert_dev_median_5"),
        parts.paper("electra", 4, "albert_flops_note"),
    )


def _squad():
    columns = (
        ("train_flops", power),
        ("squad11_dev_em/squad11_dev_f1", number),
        ("squad20_dev_em/squad20_dev_f1", number),
    )
    wanted = ("ELECTRA-1.75M", "ALBERT", "ELECTRA-Base")
    found = rows(
        "electra",
        "table4",
        columns,
        lambda row: row["model"],
        lambda row: row["model"] in wanted,
    )
    small = rows(
        "albert",
        "table2",
        (
            ("squad11_em/squad11_f1", number),
            ("squad20_em/squad20_f1", number),
        ),
        lambda row: row["model"],
        lambda row: row["model"] == "ALBERT-base",
    )
    return [*found, *([name, "–", *scores] for name, *scores in small)]


def _families(parts, words):
    ours = Measured("families-lab")
    tasks = ("glue", "CoLA", "SST-2", "MRPC", "STS-B", "RTE")
    parts.add(
        "t9_ours",
        ["model", "our_encoder_m", "glue_five", *tasks[1:], "tokens_per_s"],
        [
            [
                course_words.row_name(name, words),
                f"{ours.summary(name, 'encoder parameters, M').median:.2f}",
                *(parts.value(ours, name, task) for task in tasks),
                parts.value(ours, name, "tokens/s", 0),
            ]
            for name in _ROWS
        ],
        parts.ours(ours),
        words["lab_floor"],
    )


def t10(language: str) -> str:
    """Design of BERT-base, ELECTRA-base and ALBERT-base, aspect by aspect."""
    words = course_words.of(language)
    parts = Parts(words)
    configs = {n: load_config(f"{CONFIGS}/{file}") for n, file in _FAMILIES.items()}
    described = []
    for aspect in ("networks", "objective", "positions", "tied", "masking", "text"):
        cells = [words[f"{aspect}_{n.partition('-')[0].lower()}"] for n in configs]
        weight = configs["ELECTRA-base"].objective.discriminator_weight
        cells = [cell.format(weight=weight) for cell in cells]
        described.append([words[f"aspect_{aspect}"], *cells])
    header = ["aspect", *_FAMILIES]
    parts.add("t10_words", header, described, words["t10_words_note"])
    counted = [
        [words[aspect], *(count(config) for config in configs.values())]
        for aspect, count in _COUNTS.items()
    ]
    parts.add(
        "t10_counts",
        header,
        counted,
        words["t10_counts_note"].format(length=sides.LENGTH, batch=sides.BATCH),
    )
    return parts.markdown()


def _widths(model):
    return (
        f"{model.vocab_size:,}; {model.embedding_size}; {model.hidden_size}; "
        f"{model.num_hidden_layers}; {model.num_attention_heads}"
    )


def _generator_widths(config):
    if not config.objective.has_generator_network:
        return "–"
    return _widths(generator_config(config))


_COUNTS = {
    "count_widths": lambda config: _widths(config.model),
    "count_generator": _generator_widths,
    "count_kept": lambda config: f"{sides.kept(config):,}",
    "count_dropped": lambda config: f"{sides.dropped(config):,}",
    "count_disk": lambda config: f"{4 * sides.kept(config) / 1e6:,.0f} MB",
    "count_products": lambda config: power(
        flops.encoder_matmul_flops(config.model, sides.LENGTH), 3
    ),
    "count_electra_flops": lambda config: power(
        flops.inference_flops(config.model, sides.LENGTH), 3
    ),
    "count_memory": lambda config: f"{sides.step_memory(config):.2f}",
    "count_optimizer": lambda config: (
        f"{_OPTIMIZERS[config.train.optimizer]}; {config.train.learning_rate:g}"
    ),
    "count_batch": lambda config: (
        f"{config.train.batch_size:,} × {config.data.max_seq_length}"
    ),
    "count_steps": lambda config: f"{config.train.num_steps:,}",
    "count_predictions": lambda config: f"{config.data.num_predictions}",
}
_OPTIMIZERS = {"adamw": "AdamW", "lamb": "LAMB"}
