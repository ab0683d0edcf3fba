"""The chapter's sentences: their numbers, exercises, commands and programs."""

import contextlib
import importlib
import io
import math
import re
import shlex

import pytest

from docs.course import pages, values
from docs.course.captions import LANGUAGES
from support.course_pages import numbers, page, part
from support.paths import ROOT
from tf_pretrain import commands
from tf_pretrain.errors import UserError
from tf_pretrain.tables.definitions import papers

VALUE = r"<!--value:([\w-]+)-->(.*?)<!--/-->"


def in_sentences(language="en"):
    """{name: text} as they stand in the page."""
    return dict(re.findall(VALUE, page(language)))


# name: the block, part, row and column where the same number stands in a table.
IN_TABLES = {
    "small-batch-masks": ("t1", "B", "masked LM (ELECTRA's generator)", 4),
    "small-batch-tokens": ("t1", "B", "replaced-token detection", 4),
    "gpt-mean-without": ("t2", "A", "mean", 2),
    "gpt-mean-with": ("t2", "A", "mean", 3),
    "gpt-sts-without": ("t2", "A", "STS-B", 2),
    "gpt-sts-with": ("t2", "A", "STS-B", 3),
    "gpt-rte-without": ("t2", "A", "RTE", 2),
    "gpt-rte-with": ("t2", "A", "RTE", 3),
    "bert-small": ("t3", "A", "BERT-Small", 6),
    "electra-small": ("t3", "A", "ELECTRA-Small", 6),
    "electra-small-sixteenth": ("t3", "A", "ELECTRA-Small, 6.25 %", 6),
    "bert-base": ("t3", "A", "BERT-Base", 6),
    "electra-base": ("t3", "A", "ELECTRA-Base", 6),
    "electra-400k": ("t3", "B", "ELECTRA-400K", 3),
    "electra-1750k": ("t3", "B", "ELECTRA-1.75M", 3),
    "electra-large-params": ("t3", "B", "ELECTRA-1.75M", 1),
    "roberta-500k": ("t3", "B", "RoBERTa-500K", 3),
    "electra-400k-flops": ("t3", "B", "ELECTRA-400K", 2),
    "electra-1750k-flops": ("t3", "B", "ELECTRA-1.75M", 2),
    "roberta-500k-flops": ("t3", "B", "RoBERTa-500K", 2),
    "e-glue": ("t3", "C", "ELECTRA", 2),
    "none-glue": ("t3", "C", "no pretraining", 2),
    "auc-full": ("t3", "C", "ELECTRA", 4),
    "auc-quarter": ("t3", "C", "ELECTRA, 1/4", 4),
    "auc-none": ("t3", "C", "no pretraining", 4),
    "small-generator-share": ("t4", "A", "Small, generator", 7),
    "small-mask-rate": ("t4", "C", "masked tokens, %", 1),
    "large-mask-rate": ("t4", "C", "masked tokens, %", 3),
    "rtd-weight": ("t4", "C", "weight of the discriminator's loss", 1),
    "tying-none": ("t4", "D", "nothing is tied", 1),
    "tying-tokens": ("t4", "D", "token embeddings", 1),
    "tying-all": ("t4", "D", "all weights", 1),
    "table5-electra": ("t5", "C", "ELECTRA", 1),
    "table5-all": ("t5", "C", "All-Tokens MLM", 1),
    "table5-replace": ("t5", "C", "Replace MLM", 1),
    "table5-fifteen": ("t5", "C", "ELECTRA 15%", 1),
    "table5-bert": ("t5", "C", "BERT", 1),
    "auc-fifteen": ("t5", "C", "ELECTRA 15%", 3),
    "bert-base-params": ("t6", "A", "BERT-base", 1),
    "albert-base-params": ("t6", "A", "ALBERT-base", 1),
    "bert-large-params": ("t6", "A", "BERT-large", 1),
    "albert-large-params": ("t6", "A", "ALBERT-large", 1),
    "xxlarge-params": ("t6", "A", "ALBERT-xxlarge", 1),
    "bert-base-mean": ("t6", "A", "BERT-base", 7),
    "albert-base-mean": ("t6", "A", "ALBERT-base", 7),
    "bert-large-mean": ("t6", "A", "BERT-large", 7),
    "albert-large-mean": ("t6", "A", "ALBERT-large", 7),
    "bert-base-speed": ("t6", "A", "BERT-base", 8),
    "albert-base-speed": ("t6", "A", "ALBERT-base", 8),
    "xxlarge-speed": ("t6", "A", "ALBERT-xxlarge", 8),
    "nats-all": ("t7", "C", "all shared, E = 768", 4),
    "nats-none": ("t7", "C", "nothing shared, E = 768", 4),
    "nsp-nsp": ("t8", "A", "NSP", 2),
    "nsp-sop": ("t8", "A", "NSP", 3),
    "sop-nsp": ("t8", "A", "SOP", 2),
    "sop-sop": ("t8", "A", "SOP", 3),
    "our-sop-nsp": ("t8", "B", "SOP", 2),
    "albert-15-mean": ("t9", "A", "ALBERT (1.5M)", 11),
    "albert-flops": ("t9", "A", "ALBERT (1.5M)", 2),
    "electra-test": ("t9", "B", "ELECTRA", 10),
    "albert-test": ("t9", "B", "ALBERT", 10),
    "small-pp-sst": ("t9", "D", "ELECTRA-Small++", 1),
    "albert-v2-sst": ("t9", "D", "ALBERT-base v2", 1),
    "e-sts": ("t9", "E", "ELECTRA", 6),
    "e-sst": ("t9", "E", "ELECTRA", 4),
    "b-sts": ("t9", "E", "BERT", 6),
    "none-sts": ("t9", "E", "no pretraining", 6),
    "none-sst": ("t9", "E", "no pretraining", 4),
    "collapsed": ("t9", "E", "ALBERT, equal parameters", 4),
    "bert-base-products": ("t10", "B", "FLOPs of the executed", 1),
    "albert-base-products": ("t10", "B", "FLOPs of the executed", 3),
    "bert-base-paper-flops": ("t10", "B", "FLOPs as the ELECTRA paper", 1),
    "albert-base-paper-flops": ("t10", "B", "FLOPs as the ELECTRA paper", 3),
    "albert-masks": ("t10", "B", "masked tokens of an example", 3),
}


@pytest.mark.parametrize("name", IN_TABLES)
def test_a_number_in_a_sentence_is_that_of_the_table(name):
    block, letter, row, column = IN_TABLES[name]
    rows = [cells for cells in part("en", block, letter) if cells[0].startswith(row)]
    exact = [cells for cells in rows if cells[0].rstrip("†‡") == row]
    cells = (exact or rows)[0]  # of Table 2, the first source
    found = numbers(in_sentences()[name].replace("–", " "))
    assert found and found == numbers(cells[column])[: len(found)]


def entropy(p):
    return -p * math.log(p) - (1 - p) * math.log(1 - p)


def layer(h):
    """Weights of a layer whose feed-forward network has the width 4 h."""
    return 4 * (h * h + h) + (h * 4 * h + 4 * h) + (4 * h * h + h) + 4 * h


# name: the last number of its text, by arithmetic.
BY_HAND = {
    "toy-masks": 0.15 * 20,
    "rtd-ratio": round(128 / 19, 1),
    "bits-of-a-piece": round(math.log2(30522), 1),
    "small-run-tokens": 10**6 * 128 * 128,
    "sts-difference": 25.9 - 18.7,
    "sts-spread": 28.5 - 24.9,
    "sst-difference": 79.1 - 76.9,
    "sst-spread": 79.0 - 76.7,
    "quick-batch-masks": 64 * int(0.155 * 64),
    "quick-batch-tokens": 64 * 64,
    "small-run": 10**6 * 128 * 128,
    "sst2-times": round(10**6 * 128 * 128 / 67349),
    "b-sts-difference": 18.7 - 17.8,
    "b-sts-spread": 19.0 - 13.5,
    "small-layer": layer(256),
    "small-layers": 12 * layer(256) + 128 * 256 + 256,
    "small-embeddings": (30522 + 512 + 2) * 128 + 2 * 128,
    "gen-layer": layer(64),
    "small-thrown": round(100 * (647162 + 66049) / (13549057 + 647162), 1),
    "fake-rate": 15 * 0.4,
    "loss-masks": round(math.log(30522), 2),
    "loss-even": round(math.log(2), 3),
    "loss-untrained": 10.33 + round(50 * math.log(2), 2),
    "quick-untrained": round(math.log(4096) + 50 * math.log(2), 2),
    "constant-loss": round(entropy(0.1), 3),
    "generator-target-share": round(100 * 19 / 147),
    "bert-large-memory": round(334e6 * 16 / 1e9, 1),
    "xxlarge-products-ratio": 7.9,
    "table-bert": 30000 * 768,
    "table-albert": 30000 * 128 + 128 * 768,
    "albert-layer": layer(768),
    "albert-layers-unshared": 12 * layer(768),
    "price-all-768": 82.3 - 79.8,
    "price-all-128": 81.6 - 80.1,
    "price-attention-768": 82.3 - 81.6,
    "gain-attention-128": 81.7 - 81.6,
    "table-factor": round(768 * 30000 / (30000 * 128 + 128 * 768), 2),
    "break-even": round(30000 * 768 / 30768, 1),
    "xxlarge-layer": layer(4096),
    "xxlarge-kept": (30514 * 128 + 256) + (128 * 4096 + 4096) + layer(4096)
    + (4096 * 4096 + 4096),
    "price-ffn-128": 81.6 - 80.2,
    "ngram-mean": round(18 / 11, 2),
    "ngram-long": round(100 * 5 / 11),
    "lamb-step": 0.00176 * 10,
    "albert-mask-share": round(100 * 20 / 512, 1),
    "albert-untrained": round(math.log(30000) + math.log(2), 2),
    "albert-masks-15": round(0.15 * 512),
    "albert-batch-masks": 4096 * 20,
    "albert-batch-masks-15": 4096 * 77,
    "albert-15-mean-2": round(
        (71.4 + 96.9 + 90.9 + 93.0 + 92.2 + 90.8 + 95.3 + 89.2) / 8, 2
    ),
    "lookup-share": round(100 * 128 * 2 * 768 * (30522 + 130) / 2.86e10),
    "albert-kept-share": round(100 * 11683584 / 108891648),
    "albert-memory-share": round(100 * 4.19 / 5.64),
    "cola-majority": round(100 * 721 / 1043, 1),
    "sst2-majority": round(100 * 444 / 872, 1),
    "error-sst2": round(100 * math.sqrt(0.8 * 0.2 / 872), 2),
    "error-rte": round(100 * math.sqrt(0.55 * 0.45 / 277), 2),
    "two-errors-sst2": 2 * 1.35,
    "test-size": 0.16 / 0.0001,
    "toy-masks-loss": round(math.log(25), 4),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_a_calculation_gives_the_number_in_the_sentence(name):
    assert numbers(in_sentences()[name])[-1] == pytest.approx(BY_HAND[name], rel=1e-9)


def test_the_counts_of_the_toy_are_its_weights():
    from docs.course import example_code

    toy, found = example_code.toy(), in_sentences()
    for model in ("electra", "albert"):
        weights = toy.initial_weights(model)
        total = sum(array.size for array in weights.values())
        assert found[f"toy-{model}"] == f"{total:,}"
    own = sum(
        array.size
        for name, array in toy.initial_weights("electra").items()
        if not re.match("embeddings/|discriminator/|replaced_token_head/", name)
    )
    assert found["toy-generator"] == f"{own:,}"


def test_who_is_ahead():
    """Exercise 6.1, by reading Table 9."""
    electra, albert = (part("en", "t9", "A")[row][3:-1] for row in (2, 4))
    tasks = ["CoLA", "SST", "MRPC", "STS", "QQP", "MNLI", "QNLI", "RTE"]
    pairs = [(float(a), float(b)) for a, b in zip(electra, albert, strict=True)]
    ahead = [t for t, (a, b) in zip(tasks, pairs, strict=True) if a > b]
    equal = [t for t, (a, b) in zip(tasks, pairs, strict=True) if a == b]
    found = in_sentences()
    assert found["electra-ahead"].split(", ") == ahead
    assert found["electra-equal"].split(", ") == equal


@pytest.mark.parametrize(("model", "tasks"), [("ELECTRA", ["STS-B"]), ("BERT", [])])
def test_which_tasks_are_clear_of_no_pretraining(model, tasks):
    """What section 6.1 says of Table 9, part E."""
    rows = {cells[0]: cells[3:8] for cells in part("en", "t9", "E")}
    above = []
    for i, task in enumerate(["CoLA", "SST-2", "MRPC", "STS-B", "RTE"]):
        one, none = (numbers(rows[name][i]) for name in (model, "no pretraining"))
        spread = max(high - low for _, low, high in (one, none))
        above += [task] if one[0] - none[0] > spread else []
    assert above == tasks


# Sizes of networks, shares that an exercise assumes, and fractions of p(n).
TYPED = set(
    "0.01 0.1 0.2 0.6 0.8 0.9 1,000 6.25 10 11 12 13 15 16 20 24 48 50 55 64 70 80 82 "
    "100 128 192 235 512 768 4,096 6,144".split()
)


def typed_numbers(text):
    """Numbers of a text that are not filled in, without references and names."""
    text = re.sub(rf"{VALUE}|\{{[\w-]+\}}", "", text, flags=re.S)
    text = re.sub(r"```.*?```|`[^`\n]*`|<!--.*?-->|\]\([^)]*\)", " ", text, flags=re.S)
    text = re.sub(r"^#.*$|^\*\*\d\.\d\*\*|^\d+\. ", "", text, flags=re.M)
    text = re.sub(
        r"(?:Figures?|Tables?|sections?|exercises?|step|arXiv|SQuAD|vec|图|表|第|习题)"
        r" ?\d[\d.]*(?:(?: and |和)\d\.\d)?|\d\.\d节",
        "",
        text,
    )
    text = re.sub(r"[,(]\s*(?:19|20)\d\d[)）]", "", text)
    text = re.sub(r"\(\d+\)", "", text)  # callouts
    text = re.sub(r"[A-Za-z]+[-\w.]*\d[\w.+]*|\d[\d.]*[A-Z]\b|\(1\.5M\)", "", text)
    return re.findall(r"\d+(?:[.,]\d+)*", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_result_is_typed_by_hand(language):
    sections = pages.sections(page(language))
    del sections["references"]  # titles and links
    for name, text in sections.items():
        found = {n for n in typed_numbers(text) if len(n) > 1} - TYPED
        assert found == set(), name


def test_typed_results_are_found():
    text = "Table 9 (Clark et al., 2020): SST-2 has 76.9, <!--value:x-->1.5<!--/-->."
    assert typed_numbers(text) == ["76.9"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_line_begins_with_a_comment_of_a_value(language):
    """Markdown would take the whole line for HTML."""
    assert re.findall(r"^\s*(?:[-*] |\d+\. )?<!--value.*", page(language), re.M) == []


def test_every_value_is_used():
    assert set(values.made()) == set(in_sentences())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!--value:bert-smal-->1<!--/-->", "no value 'bert-smal'; did you mean"),
        ("<!--value:bert-small-->1", "every value needs its two comments"),
    ],
)
def test_broken_values(text, message):
    with pytest.raises(UserError, match=message):
        values.filled(text)


def test_a_changed_paper_value_changes_the_sentence(monkeypatch):
    row = papers.find_row("electra", "table1", {"model": "BERT-Small"})
    monkeypatch.setitem(row, "glue_dev_avg", 75.2)
    text = "<!--value:bert-small-->75.1<!--/-->"
    assert values.filled(text) == text.replace("75.1", "75.2")


def test_both_pages_have_the_same_numbers_in_each_section():
    english, chinese = (pages.sections(page(language)) for language in LANGUAGES)
    for name, text in english.items():
        names = [sorted(re.findall(r"\{[\w-]+\}", t)) for t in (text, chinese[name])]
        assert names[0] == names[1], name


def test_every_section_has_exercises_with_answers():
    both = []
    for language in LANGUAGES:
        text = page(language)
        both.append(re.findall(r"^\*\*(\d\.\d)\*\* ", text, flags=re.M))
        for exercise in re.split(r"^\*\*\d\.\d\*\* ", text, flags=re.M)[1:]:
            assert re.match(r"[^\n].*?\n\n<details><summary>", exercise, flags=re.S)
    assert both[0] == both[1]
    assert both[0] == sorted(both[0])
    for chapter in range(1, 9):
        assert 2 <= sum(n.startswith(f"{chapter}.") for n in both[0]) <= 4, chapter


def shell_commands(language):
    """The commands of a page: in blocks of shell, and in code within the text."""
    text = page(language)
    lines = "\n".join(re.findall(r"^```bash\n(.*?)^```", text, flags=re.S | re.M))
    found = [line for line in lines.splitlines() if line.strip()]
    found += re.findall(r"`(python [^`\n]+)`", text)
    return sorted(set(found))


@pytest.mark.parametrize("command", shell_commands("en"))
def test_a_command_is_one_of_the_program(command):
    """Its flags are known, and its config exists and has the fields that are set."""
    program, *arguments = shlex.split(command)
    assert program == "python"
    if arguments[0] == "-m":
        module = importlib.import_module(module_name(arguments[1]))
        arguments = arguments[2:]
    else:
        assert (ROOT / arguments[0]).is_file()
        if arguments[0].startswith("examples/"):
            assert len(arguments) == 1
            return
        module = importlib.import_module(arguments[0].removesuffix(".py"))
        arguments = arguments[1:]
    if arguments and hasattr(module, "FLAGS"):
        read_flags(module, arguments)
    elif arguments:
        assert {a.partition("=")[0] for a in arguments} <= known_options(module)


def read_flags(module, arguments):
    """Reads the flags of a command, and its config if they name one."""
    config = getattr(module, "_CONFIG", None)

    def main(*others):
        if config is not None and config.file:
            config.load(object)

    commands.run(main, module.FLAGS, arguments, takes_arguments=True)


def known_options(module):
    """What `--help` lists, of a command that has argparse."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.raises(SystemExit):
        module.main(["--help"])
    return set(re.findall(r"--\w+", printed.getvalue()))


def module_name(name):
    """The module with the flags of `python -m NAME`."""
    is_package = (ROOT / name.replace(".", "/")).is_dir()
    return f"{name}.__main__" if is_package else name


def test_both_pages_have_the_same_commands():
    assert shell_commands("en") == shell_commands("zh")


@pytest.mark.parametrize("command", ["--confg=quickstart", "--config=no_such_config"])
def test_wrong_commands_are_found(command):
    with pytest.raises(SystemExit):
        test_a_command_is_one_of_the_program(f"python run_pretraining.py {command}")


def test_the_program_on_negation_prints_what_the_text_says():
    text = page("en")
    (code,) = re.findall(r"^```python\n(from sklearn.*?)^```", text, flags=re.S | re.M)
    assert code in page("zh")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "negation", "exec"), {})
    found = in_sentences()
    names = ("negation-words", "negation-pairs")
    assert printed.getvalue().split() == [found[name] for name in names]
