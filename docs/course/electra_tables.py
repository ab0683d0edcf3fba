"""Tables 3 to 5: ELECTRA beside other models, its design, and its pretraining."""

import dataclasses
import re

from docs.course import words as course_words
from docs.course.measured import Measured
from docs.course.parts import Parts
from docs.course.printed import number, power, rows, times
from tf_pretrain.config import generator_config
from tf_pretrain.config.files import CONFIGS, load_config
from tf_pretrain.models import flops, sizes
from tf_pretrain.tables.definitions import papers

GLUE = ("CoLA", "SST", "MRPC", "STS", "QQP", "MNLI", "QNLI", "RTE")
SIZES = {"Small": "electra_small", "Base": "electra_base", "Large": "electra_large"}
AUC, GLUE_MEAN = "held-out replaced_token_auc", "glue"


def t3(language: str) -> str:
    """ELECTRA and other models: small ones, large ones, and our runs."""
    words = course_words.of(language)
    parts = Parts(words)
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
    return parts.markdown()


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


def t4(language: str) -> str:
    """ELECTRA's networks, its settings, and what the paper tried."""
    words = course_words.of(language)
    parts = Parts(words)
    parts.add(
        "t4_networks",
        ["network", "layers", "width", "feed_forward", "heads", "embedding_size",
         "generator_multiplier", "w_embeddings", "w_layers", "w_head", "w_total",
         "w_kept", "generator_flops"],
        [cells for size in SIZES for cells in _networks(size, words)],
        words["networks_note"],
    )  # fmt: skip
    settings = papers.table("electra", "table6_pretraining_hparams")["rows"]
    settings = {row["hyperparameter"]: row for row in settings}
    wanted = {
        "mask percent": "mask_percent",
        "train steps ELECTRA": "steps",
        "batch size": "batch_size",
        "max sequence length": "length",
        "learning rate": "learning_rate",
        "warmup steps": "warm_up_steps",
        "discriminator loss weight": "discriminator_weight",
    }
    tried = re.search(
        r"searched over ([\d,]+)", settings["discriminator loss weight"]["confirmed"]
    )
    parts.add(
        "t4_settings",
        ["setting", *SIZES],
        [
            [words[word], *(number(settings[name][size]) for size in SIZES)]
            for name, word in wanted.items()
        ],
        parts.paper("electra", 6),
        words["weights_tried"].format(
            weights=tried[1].replace(",", words["list_comma"])
        ),
    )
    tying = rows(
        "electra",
        "weight_tying",
        (("glue_dev_avg", number),),
        lambda row: words[row["setting"].replace(" ", "_")],
    )
    parts.add(
        "t4_tying",
        ["setting", "glue_mean"],
        tying,
        parts.paper("electra", "section_3_2", "glue_dev"),
        words["generator_findings"].format(shares=_best_generator()),
    )
    return parts.markdown()


def _best_generator():
    """The generator's width as a share of the discriminator's: (from, to)."""
    facts = " ".join(row["fact"] for row in papers.table("electra", "figure3")["rows"])
    return re.search(r"best generator is (\S+) to (\S+) of", facts).groups()


def _networks(size, words):
    """Two rows: the discriminator and the generator of a size."""
    config = load_config(f"{CONFIGS}/{SIZES[size]}.py")
    settings = papers.find_row(
        "electra",
        "table6_pretraining_hparams",
        {"hyperparameter": "generator size multiplier (hidden, FFN, heads; not depth)"},
    )
    without = dataclasses.replace(
        config, objective=dataclasses.replace(config.objective, generator="unigram")
    )
    share = 1 - flops.training_flops(without) / flops.training_flops(config)
    found = []
    for part, model, head in (
        ("discriminator", config.model, sizes.replaced_token_head_parameters),
        ("generator", generator_config(config), sizes.masked_lm_head_parameters),
    ):
        counts = sizes.parameter_counts(model)
        is_generator = part == "generator"
        layers = counts["projection"] + counts["attention"] + counts["feed_forward"]
        own = layers + head(model) + (0 if is_generator else counts["embeddings"])
        found.append(
            [
                words["comma"].join([size, words[part]]),
                f"{model.num_hidden_layers}",
                f"{model.hidden_size:,}",
                f"{model.intermediate_size:,}",
                f"{model.num_attention_heads}",
                f"{model.embedding_size:,}",
                settings[size] if is_generator else "–",
                words["tied"] if is_generator else f"{counts['embeddings']:,}",
                f"{layers:,}",
                f"{head(model):,}",
                f"{own:,}",
                "0" if is_generator else f"{counts['total']:,}",
                f"{100 * share:.1f} %" if is_generator else "–",
            ]
        )
    return found


def t5(language: str) -> str:
    """ELECTRA by data set: GLUE's tasks, the text, and the parts of the method."""
    words = course_words.of(language)
    parts = Parts(words)
    tasks = tuple((task, number) for task in GLUE)
    kept = ("BERT (ours)", "ELECTRA-400K", "ELECTRA-1.75M")
    parts.add(
        "t5_tasks",
        ["model", *GLUE, "mean"],
        rows(
            "electra",
            "table2",
            (*tasks, ("avg", number)),
            lambda row: _model(row["model"], words),
            lambda row: row["model"] in kept,
        ),
        parts.paper("electra", 2, "glue_dev_median_10", "glue_metrics"),
    )
    parts.add(
        "t5_text",
        ["model", *GLUE],
        rows(
            "electra",
            "readme_expected_dev",
            tasks,
            lambda row: words[_TEXTS[row["model"]]],
            lambda row: row["model"] in _TEXTS,
        ),
        parts.paper("electra", "readme", "glue_dev_seeds"),
    )
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
    return parts.markdown()


_TEXTS = {
    "ELECTRA-Small-OWT (1M steps, OpenWebText)": "small_owt",
    "ELECTRA-Small (Small++)": "small_pp",
    "ELECTRA-Base (Base++)": "base_pp",
    "ELECTRA-Large": "large_xlnet",
}
