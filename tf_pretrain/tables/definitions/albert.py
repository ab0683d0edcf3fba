"""The tables of ALBERT (Lan et al., 2019).

Lab rows run at the compute of `albert_lab`, with its text and vocabulary. Embedding
sizes have the paper's ratio to the width, and widths of rows are multiples of
`albert_lab`'s.
"""

from tf_pretrain.tables.definitions.recipe import Recipe, recipes
from tf_pretrain.tables.definitions.table import EQUAL_STEPS, Row, Table, unpretrained

_LAB = "albert_lab.py"
_BASE = (_LAB, "albert.py:base_v1")
_LARGE, _XXLARGE = "albert.py:large_v1", "albert.py:xxlarge_v1"
_START = unpretrained(_LAB)
_AVERAGE = {
    "average": "avg",
    "SQuAD1.1 F1": "squad11_f1",
    "SQuAD1.1 EM": "squad11_em",
    "SQuAD2.0 best F1": "squad20_f1",
    "SQuAD2.0 best EM": "squad20_em",
    "MNLI": "MNLI",
    "SST-2": "SST2",
    "RACE": "RACE",
}
# What pretraining itself shows, also where a run is too short for GLUE. Not printed.
_SCORES = {
    **_AVERAGE,
    "held-out masked_lm_accuracy": None,
    "held-out sentence_order_accuracy": None,
}
_LINES = (
    "sentence order is easier if lines are paragraphs: most examples are then cut "
    "inside a line, and the ends of sentences give away the order"
)
_OTHER_AVERAGE = (
    "the paper averages SQuAD 1.1 and 2.0, MNLI, SST-2 and RACE, and we average the "
    "tasks that we ran"
)
_LONGER = 4.0  # of the other tables' compute, until the sentence tasks are learnt
_SHARING = {
    "all-shared": "all",
    "shared-attention": "attention",
    "shared-FFN": "ffn",
    "not-shared": "none",
}


def _embedding_row(sharing, paper_size):
    model = {"parameter_sharing": _SHARING[sharing]}
    return Row(
        f"{sharing}, E = {paper_size}",
        {
            "lab": Recipe(_LAB, {"model": model}, embedding=paper_size / 768),
            "paper": Recipe(
                _BASE[1], {"model": {**model, "embedding_size": paper_size}}
            ),
        },
        {"sharing": sharing, "E": paper_size},
    )


def _objective_row(name, objective, data_format, printed):
    sections = {
        "objective": {"sentence_objective": objective},
        "data": {"example_format": data_format},
        "train": {"eval_steps": 100},  # of 320 examples chance moves a score by 3 %
    }
    scales = {
        "lab": Recipe(_LAB, sections, fraction=_LONGER),
        "paper": Recipe(_BASE[1], sections),
    }
    return Row(name, scales, {"sp_task": printed})


def _paper_width(hidden, layers):
    return {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": hidden // 64,
        "intermediate_size": 4 * hidden,
    }


def _depth_rows():
    rows = []
    for layers in (1, 3, 6, 12, 24, 48):
        model = {"num_hidden_layers": layers}
        scales = recipes(_LAB, _LARGE, model=model)
        if layers > 12:
            del scales["lab"]
        rows.append(Row(f"{layers} layers", scales, {"layers": layers}))
    return (*rows, _START)


def _width_rows():
    rows = [
        Row(
            f"width {hidden}",
            {
                "lab": Recipe(
                    _LAB, {"model": {"num_hidden_layers": 3}}, width=hidden / 1536
                ),
                "paper": Recipe(_LARGE, {"model": _paper_width(hidden, 3)}),
            },
            {"hidden": hidden},
        )
        for hidden in (1024, 2048, 4096, 6144)
    ]
    return (*rows, _START)


_WIDE = 8 / 3  # the lab's xxlarge is so many times as wide as its base
_DROPOUT = {"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1}
_NO_DROPOUT = {name: 0.0 for name in _DROPOUT}
# The released xxlarge has none, but the paper removes it only after a million steps
# (sec. 4.9); the rows of its tables have 125,000.
_PAPER_XXLARGE = Recipe(_XXLARGE, {"model": _DROPOUT})
_OTHER_START = "the row without pretraining is the config file's network"
_RATE = (
    "every width is fine-tuned at one rate, which is too high for an ALBERT of width "
    "192 (docs/results.md): --set=finetune.learning_rate=3e-4 for rows as wide"
)


def _bert(name, size, hidden, layers, num_steps=None):
    """BERT with ALBERT's data and optimizer, as the paper trains it."""
    paper = {
        **_paper_width(hidden, layers),
        **_DROPOUT,
        "parameter_sharing": "none",
        "embedding_size": hidden,
    }
    return Row(
        name,
        {"paper": Recipe(f"albert.py:{size}_v1", {"model": paper}, 1.0, num_steps)},
        {"model": name},
    )


def _dropout_row(name, fields):
    return Row(
        name,
        {
            "lab": Recipe(_LAB, {"model": fields}, width=_WIDE),
            "paper": Recipe(_XXLARGE, {"model": fields}, num_steps=1_000_000),
        },
        {"dropout": name},
    )


def _table(name, title, kind, printed=None, **fields):
    """The table of this name; `printed` if our file names it otherwise."""
    fields.setdefault("reference", _LAB)
    return Table(f"albert_{name}", title, kind, "albert", printed or name, **fields)


def _facts(number, title, reason):
    return _table(f"table{number}", title, "facts", notes=(reason,))


TABLES = (
    _facts(1, "Configurations", "sizes, not results: see python -m tf_pretrain.sizes"),
    _table(
        "table2",
        "BERT and ALBERT of several sizes, dev",
        "paper",
        rows=(
            _bert("BERT-base", "base", 768, 12),
            _bert("BERT-large", "large", 1024, 24),
            *(
                Row(
                    f"ALBERT-{size}",
                    {"paper": Recipe(f"albert.py:{size}_v1")},
                    {"model": f"ALBERT-{size}"},
                )
                for size in ("base", "large", "xlarge")
            ),
            Row(
                "ALBERT-xxlarge",
                {"paper": _PAPER_XXLARGE},
                {"model": "ALBERT-xxlarge"},
            ),
        ),
        metrics=_AVERAGE,
        notes=(_OTHER_AVERAGE,),
    ),
    _table(
        "table3",
        "Embedding size, with and without sharing",
        "lab",
        rows=tuple(
            _embedding_row(sharing, size)
            for sharing in ("not-shared", "all-shared")
            for size in (64, 128, 256, 768)
        )
        + (_START,),
        metrics=_SCORES,
        notes=(
            _OTHER_AVERAGE,
            EQUAL_STEPS,
            "at lab scale E has the paper's ratios to the width, 1/12, 1/6, 1/3 and 1, "
            "in multiples of 4: 4, 12, 20 and 64 of 64",
            _LINES,
        ),
    ),
    _table(
        "table4",
        "What the layers share",
        "lab",
        rows=tuple(
            _embedding_row(sharing, size) for size in (768, 128) for sharing in _SHARING
        )
        + (_START,),
        metrics=_SCORES,
        notes=(
            _OTHER_AVERAGE,
            EQUAL_STEPS,
            "at lab scale E has the paper's ratios to the width, 1 and 1/6, in "
            "multiples of 4: 64 and 12 of 64",
            _LINES,
        ),
    ),
    _table(
        "table5",
        "Sentence objectives: none, next sentence, sentence order",
        "lab",
        rows=(
            _objective_row("None", "none", "sentence_pair", "None"),
            _objective_row("NSP", "next_sentence", "next_sentence", "NSP"),
            _objective_row("SOP", "sentence_order", "sentence_order", "SOP"),
            _START,
        ),
        metrics={
            **_AVERAGE,
            "intrinsic masked LM": "intrinsic_mlm",
            "intrinsic next_sentence": "intrinsic_nsp",
            "intrinsic sentence_order": "intrinsic_sop",
        },
        intrinsic=("next_sentence", "sentence_order"),
        notes=(
            _OTHER_AVERAGE,
            "a model without a sentence objective has no classifier to score, and for "
            "it the paper prints chance",
            "at lab scale the rows have four times the config file's compute, because "
            "with less neither sentence task is learnt (docs/results.md)",
            "run it on text with one sentence on each line: in paragraphs the ends of "
            "sentences give away both sentence tasks",
            "every row has its own held-out examples, for all seeds: beside the seeds, "
            "chance moves a masked LM accuracy by about 0.2 points and a sentence "
            "accuracy by about 1.2 (standard errors at lab scale)",
        ),
    ),
    _table(
        "table6",
        "BERT-large and ALBERT-xxlarge at equal time",
        "lab",
        rows=(
            Row(
                "BERT-large",
                {
                    "lab": Recipe(
                        _LAB,
                        {"model": {"parameter_sharing": "none"}},
                        depth=2,
                        embedding=1.0,
                    ),
                    **_bert("BERT-large", "large", 1024, 24, 400_000).recipes,
                },
                {"model": "BERT-large"},
            ),
            Row(
                "ALBERT-xxlarge",
                {
                    "lab": Recipe(_LAB, width=_WIDE),
                    "paper": _PAPER_XXLARGE,
                },
                {"model": "ALBERT-xxlarge"},
            ),
            _START,
        ),
        metrics=_SCORES,
        notes=(
            _OTHER_AVERAGE,
            "at lab scale BERT is twice as deep as the config file's network, ALBERT "
            "8/3 as wide",
            _OTHER_START,
            "we take equal operations in the matrix products for equal time",
            _RATE,
        ),
    ),
    _facts(
        7,
        "Additional pretraining data",
        "the additional data (XLNet's and RoBERTa's) are not public as a whole; any "
        "two --input settings compare two corpora",
    ),
    _table(
        "table8",
        "With and without dropout",
        "lab",
        rows=(
            _dropout_row("with dropout", _DROPOUT),
            _dropout_row("without dropout", _NO_DROPOUT),
            _START,
        ),
        metrics=_SCORES,
        notes=(
            _OTHER_AVERAGE,
            "at lab scale 8/3 as wide as the config file's",
            _OTHER_START,
            "the paper removes dropout from a network of a million steps, we train "
            "both rows from the start",
            _RATE,
        ),
    ),
    _facts(
        9, "GLUE, dev and test", "the scores are of ensembles and of hidden test labels"
    ),
    _facts(
        10,
        "SQuAD and RACE",
        "the rows are of other authors, of ensembles, or of an ALBERT that was trained "
        "on data that are not public as a whole",
    ),
    _table(
        "table11",
        "Depth",
        "lab",
        rows=_depth_rows(),
        metrics=_SCORES,
        notes=(
            _OTHER_AVERAGE,
            EQUAL_STEPS,
            "at lab scale the two deepest rows are left out",
            _OTHER_START,
            "the paper starts each row from the shallower one, and we start each from "
            "random weights",
        ),
    ),
    _table(
        "table12",
        "Width of 3 layers",
        "lab",
        rows=_width_rows(),
        metrics=_SCORES,
        notes=(
            _OTHER_AVERAGE,
            EQUAL_STEPS,
            "at lab scale the widths are 2/3, 4/3, 8/3 and 4 of the config file's, in "
            "multiples of 16: 48, 80, 176 and 256 of 64",
            _OTHER_START,
            _RATE,
        ),
    ),
    _table(
        "table13",
        "Depth of a wide network",
        "lab",
        rows=tuple(
            Row(
                f"{layers} layers",
                {
                    "lab": Recipe(_LAB, width=_WIDE, depth=layers // 12),
                    "paper": Recipe(
                        _XXLARGE, {"model": {**_DROPOUT, "num_hidden_layers": layers}}
                    ),
                },
                {"layers": layers},
            )
            for layers in (12, 24)
        )
        + (_START,),
        metrics=_SCORES,
        notes=(
            _OTHER_AVERAGE,
            EQUAL_STEPS,
            "at lab scale as deep as the config file's network and twice as deep, 8/3 "
            "as wide",
            _OTHER_START,
            _RATE,
        ),
    ),
    _facts(
        14,
        "Fine-tuning hyper-parameters",
        "settings, not results: configs/finetune_albert.py has them",
    ),
)
