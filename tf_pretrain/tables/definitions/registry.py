"""All tables by their ids, with one of our own, and what `--list` prints."""

from tf_pretrain.errors import UserError, nearest_name
from tf_pretrain.models import flops
from tf_pretrain.tables.definitions import albert, electra
from tf_pretrain.tables.definitions.recipe import Recipe, recipes
from tf_pretrain.tables.definitions.table import Row, Table, unpretrained

# One accelerator that sustains 1e14 operations a second: a third of an A100's peak.
ACCELERATOR_FLOPS_PER_S = 1e14

_EQUAL_PARAMETERS = "ALBERT, equal parameters"
_FAMILIES = Table(
    "families",
    "ELECTRA, ALBERT and BERT at equal compute: of equal shape, and of equal size",
    "lab",
    rows=(
        Row("ELECTRA", recipes("electra_lab.py", "electra_base.py")),
        Row("BERT", recipes("bert_lab.py", "bert_base.py")),
        Row("ALBERT, equal shape", recipes("albert_lab.py", "albert.py:base_v1")),
        Row(
            _EQUAL_PARAMETERS,
            {"lab": Recipe("albert_lab.py", width_like="electra_lab.py")},
        ),
        unpretrained("electra_lab.py"),
        unpretrained("albert_lab.py", "ALBERT"),
    ),
    metrics={
        "glue": None,
        "tokens/s": None,
        "encoder parameters, M": None,
        "memory, GiB (estimate)": None,
    },
    notes=(
        "each family has its own recipe (vocabulary, masks, optimizer) on the same "
        "text; parameters are those of the encoder that is kept",
    ),
)

# The rows share the cells of `families`, as far as the tasks are the same.
_COURSE = Table(
    "course",
    "ELECTRA, BERT and ALBERT of equal shape at equal compute, for the course chapter",
    "lab",
    rows=tuple(row for row in _FAMILIES.rows if row.name != _EQUAL_PARAMETERS),
    metrics={"glue": None, "encoder parameters, M": None},
    notes=(
        "its tasks are data sets of text classification and sentiment analysis: "
        "--tasks takes GLUE names and your folders",
    ),
)

TABLES = {
    table.id: table for table in (*electra.TABLES, *albert.TABLES, _FAMILIES, _COURSE)
}


def find(table_id: str) -> Table:
    """The table of an id.

    Raises:
        UserError: If there is none; names the nearest.
    """
    if table_id not in TABLES:
        hint = nearest_name(table_id, TABLES)
        raise UserError(f"no table {table_id!r}{hint}; --list names them all")
    return TABLES[table_id]


def listing() -> str:
    """Every table with what it takes: the costs of pretraining with one seed."""
    header = (
        f"{'table':<26}{'kind':<7}{'rows':>5}{'lab FLOPs':>11}{'rows':>6}"
        f"{'paper FLOPs':>13}{'hours':>11}  title"
    )
    lines = [header]
    for table in TABLES.values():
        lab = _costs(table, "lab", flops.matmul_training_flops)
        paper = _costs(table, "paper", flops.training_flops)
        cells = f"{'':>16}"
        if lab:
            cells = f"{len(lab):>5}{sum(lab):>11.2g}"
        cells += f"{'':>30}"
        if paper:
            products = sum(_costs(table, "paper", flops.matmul_training_flops))
            hours = products / ACCELERATOR_FLOPS_PER_S / 3600
            cells = cells[:16] + f"{len(paper):>6}{sum(paper):>13.2g}{hours:>11,.1f}"
        lines.append(f"{table.id:<26}{table.kind:<7}{cells}  {table.title}")
        lines += [f"{'':<33}- {note}" for note in table.notes]
    lines += [
        "",
        "kind: lab tables run on a small machine (the left rows and FLOPs); paper "
        "tables run only at the paper's sizes (the right ones); facts cannot be run.",
        "FLOPs: pretraining of all rows with one seed. On the left they count the "
        "matrix products that are executed, on the right as the ELECTRA paper counts.",
        f"hours: on one accelerator that sustains {ACCELERATOR_FLOPS_PER_S:.0e} "
        "operations a second, for the products that are executed.",
    ]
    return "\n".join(lines)


def _costs(table, scale, count):
    """`count` of each row; [] without rows at this scale."""
    if not any(scale in row.recipes for row in table.rows):
        return []
    return [count(config) for config in table.configs(scale).values()]
