"""Tables 11 and 12: text classification and sentiment analysis."""

from docs.course import finetuned
from docs.course import words as course_words
from docs.course.gains_tables import (
    published,
    set_name,
    source_mark,
    source_name,
)
from docs.course.measured import Measured
from docs.course.parts import Parts
from docs.course.printed import number
from tf_pretrain.tables.definitions import papers, registry
from tf_pretrain.tasks.own_task import DEV_FRACTION

# (folder or name of the task, metric)
CLASSIFICATION = (
    ("trec", "accuracy"),
    ("trec", "macro_f1"),
    ("subj", "accuracy"),
    ("CoLA", "matthews"),
    ("docs", "accuracy"),
)
SENTIMENT = (
    ("SST-2", "accuracy"),
    ("sst2-sentences", "accuracy"),
    ("sst5", "accuracy"),
    ("rotten-tomatoes", "accuracy"),
)
COMPARED = (finetuned.SCRATCH, finetuned.LINEAR)
EQUAL_COMPUTE = "course"  # a table in tf_pretrain/tables/definitions/registry.py


def t11(language: str) -> str:
    """Text classification: ours, equal compute, published."""
    words = course_words.of(language)
    parts = Parts(words)
    _ours(parts, words, "t11_ours", CLASSIFICATION, "t11_protocol")
    _equal_compute(parts, words, CLASSIFICATION)
    columns = ("TREC", "SUBJ", "CoLA")
    released = [
        *_electra("CoLA", columns, ("Small++", "Base++", "Large")),
        *_albert_glue("CoLA", columns),
    ]
    _published(parts, words, columns, released)
    return parts.markdown()


def t12(language: str) -> str:
    """Sentiment analysis: ours, equal compute, published."""
    words = course_words.of(language)
    parts = Parts(words)
    _ours(parts, words, "t12_ours", SENTIMENT, "t12_protocol")
    _equal_compute(parts, words, SENTIMENT)
    columns = ("SST-2", "SST-5", "MR")
    released = [
        *_electra("SST", columns, ("OWT", "Small++", "Base++", "Large")),
        *_albert_released(columns),
    ]
    _published(parts, words, columns, released)
    return parts.markdown()


def _ours(parts, words, title, sets, protocol_note):
    rows = [
        [
            words[name],
            *(_score(task, who, metric, words) for task, metric in sets),
        ]
        for who, name in finetuned.CONTESTANTS.items()
    ]
    for other in COMPARED:
        name = words[f"gain_over_{finetuned.CONTESTANTS[other]}"]
        rows.append([name, *(_gain(task, other, metric, words)
                             for task, metric in sets)])  # fmt: skip
    protocols = [finetuned.protocol(task, words) for task, _ in sets]
    rows.append([words["protocol"], *protocols])
    header = ["learner", *(_column(task, metric, words) for task, metric in sets)]
    share = f"{100 * DEV_FRACTION:g}"
    parts.add(
        title,
        header,
        rows,
        words["as_in_table_2"],
        words["verdict_note"],
        words[protocol_note].format(share=share),
    )


def _column(task, metric, words):
    return set_name(task, words) + words["comma"] + words[f"metric_{metric}"]


def _score(task, who, metric, words):
    found = finetuned.summary(task, who, metric=metric)
    return finetuned.written(found, words, who in finetuned.WITHOUT_SEEDS)


def _gain(task, other, metric, words):
    return finetuned.difference(
        finetuned.summary(task, finetuned.PRETRAINED, metric=metric),
        finetuned.summary(task, other, metric=metric),
        words,
        other in finetuned.WITHOUT_SEEDS,
    )


def _equal_compute(parts, words, sets):
    """ELECTRA, BERT and ALBERT of one shape, on the sets that were run.

    Until the table for this chapter is run, the table that shares its rows has them on
    the tasks of GLUE.
    """
    ours = Measured.find(f"{EQUAL_COMPUTE}-lab") or Measured("families-lab")
    # Tables of cells take GLUE's tasks and folders only.
    tasks = list(dict.fromkeys(task for task, _ in sets if task != "docs"))
    names = [r.name for r in registry.find(EQUAL_COMPUTE).rows if r.name in ours.cells]
    missing = [
        set_name(task, words)
        for task in tasks
        if not any(ours.summary(name, task) for name in names)
    ]
    rows = [
        [
            course_words.row_name(name, words),
            *(parts.value(ours, name, task) for task in tasks),
        ]
        for name in names
    ]
    notes = [parts.ours(ours)]
    if missing:
        sets = words["list_comma"].join(missing)
        notes.append(words["sets_missing"].format(sets=sets, table=EQUAL_COMPUTE))
    header = ["model", *(set_name(task, words) for task in tasks)]
    parts.add("equal_compute", header, rows, *notes)


def _published(parts, words, columns, released):
    rows = []
    for row in published()["classification"]:
        if not set(row["scores"]) & set(columns):
            continue
        source = published()["sources"][row["source"]]
        scores = [number(row["scores"].get(column)) for column in columns]
        rows.append(
            [row["system"] + source_mark(source), *scores, source_name(source, words)]
        )
    rows += [[*cells, words[source]] for *cells, source in released]
    names = [set_name(column, words) for column in columns]
    parts.add(
        "published",
        ["system", *names, "source"],
        rows,
        words["published_note"],
        words["not_verified_note"],
    )


def _line(name, score, column, columns, source):
    return [name, *(number(score if c == column else None) for c in columns), source]


def _electra(task, columns, wanted):
    """The released ELECTRAs on a single-sentence task of GLUE."""
    column = "SST-2" if task == "SST" else task
    return [
        _line(_electra_name(row["model"]), row[task], column, columns, "electra_readme")
        for row in papers.table("electra", "readme_expected_dev")["rows"]
        if any(part in row["model"] for part in wanted)
    ]


def _electra_name(model):
    """ "ELECTRA-Small (Small++)" is "ELECTRA-Small++"."""
    name, _, remark = model.partition(" (")
    return f"ELECTRA-{remark.strip(')')}" if "++" in remark else name


def _albert_glue(task, columns):
    row = papers.find_row(
        "albert", "table9", {"set": "dev single", "model": "ALBERT (1.5M)"}
    )
    return [_line(row["model"], row[task], task, columns, "albert_table9")]


def _albert_released(columns):
    return [
        _line(f"{row['model']} {row['version']}", row["SST2"], "SST-2", columns,
              "albert_readme")
        for row in papers.table("albert", "readme_v1_v2")["rows"]
    ]  # fmt: skip
