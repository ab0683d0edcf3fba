"""The tables and figures of ELECTRA (Clark et al., 2020).

Lab rows run at the compute of `electra_lab`, with its data, masks and vocabulary.
"""

from tf_pretrain.tables.definitions.recipe import Recipe, recipes
from tf_pretrain.tables.definitions.table import EQUAL_STEPS, Row, Table, unpretrained

_LAB, _BERT_LAB = "electra_lab.py", "bert_lab.py"
_SMALL = (_LAB, "electra_small.py")
_BASE = (_LAB, "electra_base.py")
_BERT_SMALL = (_BERT_LAB, "bert_small.py")
_BERT_BASE = (_BERT_LAB, "bert_base.py")
_START = unpretrained(_LAB)
_AVERAGE = {"glue": "glue_dev_avg"}
_OTHER_TASKS = (
    "the paper averages GLUE's eight tasks without WNLI, and we average those that we "
    "ran"
)
# What pretraining itself shows, also where a run is too short for GLUE. Not printed.
_HELD_OUT = {"held-out replaced_token_auc": None, "held-out masked_lm_accuracy": None}
_HELD_OUT_NOTE = (
    "in rows with a discriminator, held-out masked LM is the generator's score"
)
_OWN_SCHEDULE = (
    "the learning rate of a row with a fraction of the compute ends with that row"
)
_FRACTIONS = "1/8 and 1/16 are left out at lab scale, because such runs are too short"


def _fractions():
    """Table 1; the smallest fractions are too short at lab scale."""
    rows = [
        Row("BERT", recipes(*_BERT_SMALL), {"model": "BERT-Small"}),
        Row("BERT, 1/2", recipes(*_BERT_SMALL, fraction=0.5)),
        Row("BERT, 1/4", recipes(*_BERT_SMALL, fraction=0.25)),
        Row("ELECTRA", recipes(*_SMALL), {"model": "ELECTRA-Small"}),
    ]
    for name, percent, fraction in (
        ("1/2", "50%", 1 / 2),
        ("1/4", "25%", 1 / 4),
        ("1/8", "12.5%", 1 / 8),
        ("1/16", "6.25%", 1 / 16),
    ):
        scales = recipes(*_SMALL, fraction=fraction)
        if fraction < 1 / 4:
            del scales["lab"]
        printed = {"model": f"ELECTRA-Small {percent} trained"}
        rows.append(Row(f"ELECTRA, {name}", scales, printed))
    return (*rows, _START)


def _paper_only(name, file, printed, num_steps=None, changes=None):
    recipe = Recipe(file, changes or {}, num_steps=num_steps)
    return Row(name, {"paper": recipe}, {"model": printed})


_LARGE = (
    _paper_only("ELECTRA-400K", "electra_large.py", "ELECTRA-400K"),
    _paper_only("ELECTRA-1.75M", "electra_large.py", "ELECTRA-1.75M", 1_750_000),
    _paper_only(
        "BERT (ours)",
        "electra_large.py",
        "BERT (ours)",
        464_000,  # Table 6
        {"objective": {"name": "masked_lm"}},
    ),
)
_XLNET_TEXT = (
    "the paper trains its large models on XLNet's text, which is not public as a whole"
)
_GENERATOR = {"generator_hidden_size": 1.0, "generator_layers": 1.0}
_STEPS = 500_000  # caption of Figure 3; sec. 3.2


def _tied(name, tying, printed):
    objective = {**_GENERATOR, "weight_tying": tying}
    scales = recipes(*_BASE, num_steps=_STEPS, objective=objective)
    return Row(name, scales, {"setting": printed})


def _generator_sizes():
    rows = [
        Row(
            f"generator {name}",
            recipes(
                *_BASE, num_steps=_STEPS, objective={"generator_hidden_size": fraction}
            ),
        )
        for name, fraction in (
            ("1/12", 1 / 12),
            ("1/6", 1 / 6),
            ("1/3", 1 / 3),
            ("2/3", 2 / 3),
            ("1", 1.0),
        )
    ]
    rows += [
        Row(name, recipes(*_BASE, num_steps=_STEPS, objective={"generator": name}))
        for name in ("unigram", "uniform")
    ]
    return (*rows, _START)


def _generator_trainings():
    two_stage = {
        **_GENERATOR,
        "weight_tying": "none",
        "generator_training": "two_stage",
        "generator_steps": 1,  # half of the steps, once these are known
    }
    adversarial = {"generator_training": "adversarial"}
    return (
        Row("joint", recipes(*_BASE, num_steps=_STEPS)),
        Row("adversarial", recipes(*_BASE, num_steps=_STEPS, objective=adversarial)),
        Row("two-stage", recipes(*_BASE, num_steps=_STEPS, objective=two_stage)),
        Row("BERT", recipes(*_BERT_BASE, num_steps=_STEPS)),
        _START,
    )


def _sizes():
    """Figure 4: four widths."""
    rows = []
    for hidden in (128, 256, 512, 768):
        paper = {
            "hidden_size": hidden,
            "num_attention_heads": hidden // 64,
            "intermediate_size": 4 * hidden,
        }
        for family, (lab_file, paper_file) in (
            ("ELECTRA", _SMALL),
            ("BERT", _BERT_SMALL),
        ):
            rows.append(
                Row(
                    f"{family}, width {hidden}",
                    {
                        "lab": Recipe(lab_file, width=hidden / 256),
                        "paper": Recipe(paper_file, {"model": paper}),
                    },
                )
            )
    return (*rows, _START)


def _table(name, title, kind, printed=None, **fields):
    """The table or figure of this name; `printed` if our file names it otherwise."""
    return Table(f"electra_{name}", title, kind, "electra", printed or name, **fields)


_TABLE1 = _fractions()
TABLES = (
    _table(
        "table1",
        "BERT and ELECTRA over training budgets, GLUE dev",
        "lab",
        rows=_TABLE1
        + (
            _paper_only("BERT-Base", "bert_base.py", "BERT-Base"),
            _paper_only("ELECTRA-Base", "electra_base.py", "ELECTRA-Base"),
        ),
        metrics=_AVERAGE | _HELD_OUT,
        by_compute=True,
        notes=(_OTHER_TASKS, _OWN_SCHEDULE, _FRACTIONS, _HELD_OUT_NOTE),
    ),
    _table(
        "table2",
        "Large models, GLUE dev",
        "paper",
        rows=_LARGE,
        metrics={"glue": "avg"},
        notes=(
            _OTHER_TASKS,
            "the other rows of the paper's table are models of other authors",
            _XLNET_TEXT,
        ),
    ),
    _table(
        "table3",
        "Large models, GLUE test",
        "facts",
        notes=(
            "the rows are ensembles, scored by a leaderboard that keeps its labels",
        ),
    ),
    _table(
        "table4",
        "SQuAD 1.1 and 2.0",
        "lab",
        rows=(
            Row("BERT-Base", recipes(*_BERT_BASE), {"model": "BERT-Base"}),
            Row("ELECTRA-Base", recipes(*_BASE), {"model": "ELECTRA-Base"}),
            *_LARGE,
            _START,
        ),
        metrics={
            "SQuAD1.1 F1": "squad11_dev_f1",
            "SQuAD1.1 EM": "squad11_dev_em",
            "SQuAD2.0 F1": "squad20_dev_f1",
            "SQuAD2.0 EM": "squad20_dev_em",
        },
        notes=(
            "give --tasks=SQuAD1.1,SQuAD2.0 and --data_dir",
            "at lab scale the rows are those of Table 5, and inputs have 128 pieces",
            "BERT-Base is the released model in the paper, and our own run here",
            "the other rows of the paper's table are models of other authors",
            _XLNET_TEXT,
        ),
    ),
    _table(
        "table5",
        "From BERT to ELECTRA, step by step",
        "lab",
        rows=(
            Row("ELECTRA", recipes(*_BASE), {"model": "ELECTRA"}),
            Row(
                "All-Tokens MLM",
                recipes(*_BASE, objective={"name": "all_tokens_mlm"}),
                {"model": "All-Tokens MLM"},
            ),
            Row(
                "Replace MLM",
                recipes(*_BASE, objective={"name": "replace_mlm"}),
                {"model": "Replace MLM"},
            ),
            Row(
                "ELECTRA 15%",
                recipes(*_BASE, objective={"discriminator_positions": "masked"}),
                {"model": "ELECTRA 15%"},
            ),
            Row("BERT", recipes(*_BERT_BASE), {"model": "BERT"}),
            _START,
        ),
        metrics=_AVERAGE | _HELD_OUT,
        notes=(
            _OTHER_TASKS,
            _HELD_OUT_NOTE,
            "at equal compute All-Tokens MLM has the fewest steps, because predicting "
            "every position takes most of its products at lab scale",
            "the held-out AUC of ELECTRA 15% is over all tokens, although it learns "
            "from the masked ones alone",
            "All-Tokens and Replace MLM read samples in place of masks in held-out "
            "scores, too",
            "the paper does not print the steps of the rows between BERT and ELECTRA; "
            "at paper scale we give them ELECTRA-Base's",
        ),
    ),
    _table(
        "weight_tying",
        "Weight tying between generator and discriminator of one size (sec. 3.2)",
        "lab",
        rows=(
            _tied("none", "none", "no weight tying"),
            _tied("embeddings", "embeddings", "tied token embeddings"),
            _tied("all", "all", "all weights tied"),
            _START,
        ),
        metrics=_AVERAGE,
        notes=(_OTHER_TASKS,),
    ),
    _table(
        "figure2",
        "GLUE against training FLOPs",
        "lab",
        "table1",
        rows=tuple(row for row in _TABLE1 if "lab" in row.recipes),
        metrics=_AVERAGE | _HELD_OUT,
        by_compute=True,
        notes=(
            _OTHER_TASKS,
            _OWN_SCHEDULE,
            "1/8 and 1/16 are left out at lab scale, because such runs are too short",
            _HELD_OUT_NOTE,
            "the runs are those of electra_table1",
        ),
    ),
    _table(
        "figure3_sizes",
        "Generators of several sizes (Figure 3, left)",
        "lab",
        "figure3",
        rows=_generator_sizes(),
        notes=("the paper plots its values and prints none", EQUAL_STEPS),
    ),
    _table(
        "figure3_training",
        "Joint, adversarial and two-stage training (Figure 3, right)",
        "lab",
        "figure3",
        rows=_generator_trainings(),
        notes=("the paper plots its values and prints none",),
    ),
    _table(
        "figure4",
        "BERT and ELECTRA of several widths",
        "lab",
        rows=_sizes(),
        notes=(
            "the paper plots its values and prints none",
            "at lab scale the rows have equal compute, so wider rows have fewer steps",
            "at lab scale the widths are 1/2, 1, 2 and 3 times the config file's",
            "the row without pretraining has the config file's width",
        ),
    ),
    _table(
        "table6",
        "Pretraining hyper-parameters",
        "facts",
        "table6_pretraining_hparams",
        notes=("settings, not results: configs/electra_*.py have them",),
    ),
    _table(
        "table7",
        "Fine-tuning hyper-parameters",
        "facts",
        "table7_finetuning_hparams",
        notes=("settings, not results: configs/finetune_electra.py has them",),
    ),
    _table(
        "table8",
        "GLUE test without ensembles",
        "facts",
        "table8_glue_test_single",
        notes=(
            "test labels are hidden; run_finetuning.py --task=all writes the files "
            "for the leaderboard",
        ),
    ),
)
