"""Tables 6 to 8: ALBERT beside other models, its design, and its pretraining."""

import dataclasses
import re

from docs.course import words as course_words
from docs.course.measured import Measured
from docs.course.parts import Parts
from docs.course.printed import number, power, rows, times
from tf_pretrain.config.files import CONFIGS, load_config
from tf_pretrain.models import flops, sizes
from tf_pretrain.tables.definitions import papers

LOSS = "held-out masked_lm_loss"
_SQUAD = (("squad11_f1/squad11_em", number), ("squad20_f1/squad20_em", number))
_OTHERS = (("MNLI", number), ("SST2", number), ("RACE", number), ("avg", number))
_HEADER = ["squad11", "squad20", "MNLI", "SST-2", "RACE", "mean"]
_SHARING = {
    "all-shared": "all",
    "shared-attention": "attention",
    "shared-FFN": "ffn",
    "not-shared": "none",
}


def t6(language: str) -> str:
    """ALBERT and BERT: of several sizes, at equal time, and as released."""
    words = course_words.of(language)
    parts = Parts(words)
    columns = (("params_M", number), *_SQUAD, *_OTHERS, ("speedup_x", times))
    printed = rows("albert", "table2", columns, lambda row: row["model"])
    for cells in printed:
        cells += _counted(cells[0])
    title = words["t6_sizes"].format(
        steps=_pretraining("steps"), batch=_pretraining("batch size")
    )
    parts.add(
        title,
        ["model", "parameters_m", *_HEADER, "throughput", "our_parameters_m",
         "our_inference_flops"],
        printed,
        parts.paper("albert", 2, "dev_single", "squad_f1_em"),
        words["computed_columns"],
        words["xxlarge_note"].format(**_printed_xxlarge()),
    )  # fmt: skip
    columns = (("steps", number), ("hours", number), *_SQUAD, *_OTHERS)
    parts.add(
        "t6_time",
        ["model", "steps", "hours", *_HEADER],
        rows("albert", "table6", columns, lambda row: row["model"]),
        parts.paper("albert", 6, "dev_single"),
    )
    parts.add(
        "t6_released",
        ["model", *_HEADER],
        rows(
            "albert",
            "readme_v1_v2",
            (*_SQUAD, *_OTHERS),
            lambda row: f"{row['model']} {row['version']}",
        ),
        parts.paper("albert", "readme", "dev_single", "released_note"),
    )
    return parts.markdown()


def _printed_xxlarge():
    """Millions of parameters of xxlarge in Table 1 and in the text of the paper."""
    table = papers.table("albert", "table1")
    (row,) = (row for row in table["rows"] if row["model"] == "ALBERT-xxlarge")
    (text,) = (re.search(r"(\d+)M for xxlarge", note) for note in table["notes"][:1])
    return {"table": row["params_M"], "text": text[1]}


def _pretraining(setting):
    row = papers.find_row("albert", "pretraining_hparams", {"hyperparameter": setting})
    return row["value"]


def _counted(model):
    """Our parameters in millions, and FLOPs of one text, of a printed model."""
    family, size = model.split("-")
    config = load_config(f"{CONFIGS}/albert.py:{size}_v1")
    if family == "BERT":  # the same shape with ALBERT's vocabulary, nothing shared
        config = dataclasses.replace(
            config,
            model=dataclasses.replace(
                config.model,
                parameter_sharing="none",
                embedding_size=config.model.hidden_size,
            ),
        )
    return [
        f"{sizes.paper_parameters(config) / 1e6:.2f}",
        power(flops.inference_flops(config.model, 128), 3),
    ]


def t7(language: str) -> str:
    """ALBERT's configurations; E, sharing, depth and width."""
    words = course_words.of(language)
    parts = Parts(words)
    _configurations(parts, words)
    _embedding(parts, words)
    _sharing(parts, words)
    _depth_and_width(parts, words)
    return parts.markdown()


def _configurations(parts, words):
    columns = (
        ("params_M", number), ("layers", number), ("hidden", number),
        ("embedding", number),
        ("shared", lambda shared: words["yes" if shared else "no"]),
    )  # fmt: skip
    parts.add(
        "t7_configurations",
        ["model", "parameters_m", "layers", "width", "embedding_size", "shared"],
        rows("albert", "table1", columns, lambda row: row["model"]),
        parts.paper("albert", 1),
    )


def _embedding(parts, words):
    parts.add(
        "t7_embedding",
        ["sharing", "parameters_m", "mean"],
        rows(
            "albert",
            "table3",
            (("params_M", number), ("avg", number)),
            lambda row: _sharing_name(row, words),
        ),
        parts.paper("albert", 3, "dev_single", "albert_mean"),
    )


def _sharing(parts, words):
    ours = Measured("albert_table4-lab")
    printed = rows(
        "albert",
        "table4",
        (("avg", number), ("params_M", number)),
        lambda row: f"{row['sharing']}, E = {row['E']}",
    )
    for cells in printed:
        sharing, size = cells[0].split(", E = ")
        cells += [_built(sharing, int(size)), parts.value(ours, cells[0], LOSS, 3)]
        cells[0] = _sharing_name({"sharing": sharing, "E": size}, words)
    parts.add(
        "t7_sharing",
        ["sharing", "mean", "parameters_m", "our_parameters_m", "our_loss"],
        printed,
        parts.paper("albert", 4, "dev_single", "albert_mean"),
        words["computed_columns"],
        parts.ours(ours),
        words["mnli_note"],
    )


def _depth_and_width(parts, words):
    for title, place, column, word in (
        ("t7_depth", 11, "layers", "layers"),
        ("t7_width", 12, "hidden", "width"),
    ):
        columns = (("params_M", number), ("avg", number))
        caption = papers.table("albert", f"table{place}")["caption"]
        layers = re.search(r"(\d+)-layer", caption)
        parts.add(
            words[title].format(layers=layers[1] if layers else None),
            [word, "parameters_m", "mean"],
            rows(
                "albert",
                f"table{place}",
                columns,
                lambda row, column=column: number(row[column]),
            ),
            parts.paper("albert", place, "dev_single", "albert_mean"),
        )


def _sharing_name(row, words):
    return words["comma"].join([words[row["sharing"]], f"E = {row['E']}"])


def _built(sharing, size):
    """Millions of parameters of ALBERT-base so changed, with its pooler."""
    model = load_config(f"{CONFIGS}/albert.py:base_v1").model
    model = dataclasses.replace(
        model, embedding_size=size, parameter_sharing=_SHARING[sharing]
    )
    return f"{sizes.parameter_counts(model)['total'] / 1e6:.1f}"


def t8(language: str) -> str:
    """Sentence objectives, more text, and dropout."""
    words = course_words.of(language)
    parts = Parts(words)
    _objectives(parts, words)
    _our_objectives(parts, words)
    _data_and_dropout(parts, words)
    return parts.markdown()


def _objectives(parts, words):
    parts.add(
        "t8_objective",
        ["objective", "intrinsic_mlm", "NSP", "SOP", *_HEADER],
        rows(
            "albert",
            "table5",
            (*((f"intrinsic_{n}", number) for n in ("mlm", "nsp", "sop")), *_SQUAD,
             *_OTHERS),
            lambda row: course_words.row_name(row["sp_task"], words),
        ),
        parts.paper("albert", 5, "dev_single", "intrinsic_note"),
    )  # fmt: skip


def _our_objectives(parts, words):
    ours = Measured("albert_table5-lab")
    scores = ("masked LM", "next_sentence", "sentence_order")
    parts.add(
        "t8_ours",
        ["objective", "intrinsic_mlm", "NSP", "SOP", "STS-B"],
        [
            [
                course_words.row_name(name, words),
                *(parts.value(ours, name, f"intrinsic {score}") for score in scores),
                parts.value(ours, name, "STS-B"),
            ]
            for name in ("None", "NSP", "SOP", "no pretraining")
        ],
        parts.ours(ours),
        words["chance_half"],
    )


def _data_and_dropout(parts, words):
    for title, place, column in (
        ("t8_data", 7, "data"),
        ("t8_dropout", 8, "dropout"),
    ):
        parts.add(
            title,
            ["setting", *_HEADER],
            rows(
                "albert",
                f"table{place}",
                (*_SQUAD, *_OTHERS),
                lambda row, column=column: words[row[column].replace(" ", "_")],
            ),
            parts.paper("albert", place, "dev_single"),
        )
