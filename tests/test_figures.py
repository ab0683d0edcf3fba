"""The figures: counts against the networks' weights, examples, and no overlaps."""

import itertools
import re
import types

import keras
import numpy as np
import pytest
from matplotlib import image, patches

from docs.course import finetuned
from docs.course import words as course_words
from docs.course.chart_words import CHARTS
from docs.course.drawn_words import DRAWN
from docs.course.electra_tables import GLUE
from docs.drawing import (
    applications,
    architecture,
    canvas,
    charts,
    classified,
    example,
    flows,
    gains,
    learning,
    overviews,
    performance,
    sides,
)
from support.paths import CONFIGS, ROOT
from support.tiny import tiny_config
from tf_pretrain.config.files import load_config
from tf_pretrain.data import tokenization
from tf_pretrain.errors import UserError
from tf_pretrain.interchange.finetuned_networks import ClassifierConfig
from tf_pretrain.models import sizes
from tf_pretrain.models.building import build_objective
from tf_pretrain.tasks.task import Split

WORDS = "the old king sat in garden and read a long letter from his son then he went to"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = SPECIAL + WORDS.split()
ENGLISH = course_words.of("en")
LINES = ["the old king read a long letter", "then he went to his son"]


@pytest.fixture(params=["en", "zh"])
def words(request):
    return course_words.of(request.param)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocab") / "vocab.txt"
    path.write_text("\n".join(VOCABULARY) + "\n")
    return tokenization.load_tokenizer(path)


@pytest.fixture(scope="module")
def electra():
    keras.utils.set_random_seed(0)
    model = {"vocab_size": len(VOCABULARY), "hidden_size": 32}
    return build_objective(tiny_config(data={"max_seq_length": 24}, model=model))


@pytest.fixture(scope="module")
def albert():
    keras.utils.set_random_seed(0)
    model = {"vocab_size": len(VOCABULARY), "parameter_sharing": "all"}
    data = {"max_seq_length": 24, "whole_word_masking": True, "max_ngram": 3}
    return build_objective(
        tiny_config("masked_lm", "sentence_order", model=model, data=data)
    )


def _texts(canvas):
    return [text.get_text() for text in canvas.axes.texts]


def _check_layout(canvas):
    """All texts are on the slide, and none touches another."""
    renderer = canvas.figure.canvas.get_renderer()
    boxes = [
        (text.get_text(), text.get_window_extent(renderer))
        for text in canvas.axes.texts
        if text.get_text().strip()
    ]
    for text, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0, text
        assert box.x1 <= canvas.figure.bbox.x1 and box.y1 <= canvas.figure.bbox.y1, text
    for (a, box_a), (b, box_b) in itertools.combinations(boxes, 2):
        assert not box_a.padded(-1).overlaps(box_b.padded(-1)), (a, b)


def test_electra_counts_are_the_weights(electra, words):
    """Every part is drawn, and the parts together are all trainable weights."""
    found = architecture.electra_parts(electra.config)
    weights = {v.path: int(np.prod(v.shape)) for v in electra.trainable_variables}
    assert sum(found.values()) == sum(weights.values())
    for part, path in (
        ("embeddings", "/embeddings/"),
        ("generator head", "masked_lm_head/"),
        ("discriminator head", "replaced_token_head/"),
        ("discriminator attention", "discriminator/attention"),
    ):
        assert found[part] == sum(n for p, n in weights.items() if path in p), part

    canvas = architecture.draw_electra(electra.config, "ELECTRA-Tiny", words)
    numbers = set(re.findall(r"\d[\d,]*", " ".join(_texts(canvas))))
    layers = found["generator attention"] + found["generator feed_forward"]
    own = sum(count for part, count in found.items() if part.startswith("generator"))
    kept = sum(
        count
        for path, count in weights.items()
        if not re.search("generator|head", path)
    )
    for count in (
        found["embeddings"],
        found["generator projection"],
        found["generator head"],
        found["discriminator head"],
        layers,
        layers // 2,
        own,
        kept,
    ):
        assert f"{count:,}" in numbers
    _check_layout(canvas)


def test_albert_counts_are_the_weights(words):
    """Against the formulas, which other tests compare with built networks."""
    config = tiny_config(
        "masked_lm",
        "sentence_order",
        model={
            "vocab_size": 20_000,
            "embedding_size": 64,
            "hidden_size": 256,
            "intermediate_size": 1024,
            "num_hidden_layers": 6,
            "parameter_sharing": "all",
        },
    )
    canvas = architecture.draw_albert(config, "ALBERT-Tiny", words)
    texts = _texts(canvas)
    totals = []
    for size, sharing in itertools.product(
        (256, 64), ("none", "attention", "ffn", "all")
    ):
        model = {"embedding_size": size, "parameter_sharing": sharing}
        sized = tiny_config(
            "masked_lm",
            "sentence_order",
            model={**vars(config.model), **model},
        )
        totals.append(f"{sizes.parameter_counts(sized.model)['total'] / 1e6:.1f}")
    assert [t for t in texts if re.fullmatch(r"\d+\.\d", t)] == totals
    assert len(set(totals)) == 8
    # Words, positions, segments and LayerNorm; then a dense layer.
    table = (20_000 + 24 + 2 + 2) * 64 + 64 * 256 + 256
    assert f"{table:,}" in texts
    layer = 4 * (256 * 256 + 256) + 2 * 256 * 1024 + 1024 + 256 + 4 * 256
    assert f"1 × {layer:,}" in texts and f"6 × {layer:,}" in texts
    _check_layout(canvas)


def test_electra_example(electra, tokenizer, words):
    """Labels are where sample and text differ; the loss is the weighted sum."""
    found = example.make(electra, tokenizer, [" ".join(LINES)], seed=3)
    spelled = " ".join(LINES).split()
    assert found.original == ["[CLS]", *spelled, "[SEP]"]
    assert sum(found.chosen) == round(0.15 * len(found.original))
    for i, chosen in enumerate(found.chosen):
        assert bool(found.guesses[i]) == (found.sampled[i] is not None) == chosen
        assert chosen or found.masked[i] == found.original[i]
        differs = chosen and found.sampled[i] != found.original[i]
        assert found.replaced[i] == differs
    shares = np.array(found.replaced_probability)
    labels = np.array(found.replaced)
    expected = -np.log(np.where(labels, shares, 1 - shares)).mean()
    assert found.losses["replaced_token"] == pytest.approx(expected, rel=1e-4)
    assert found.losses["loss"] == pytest.approx(
        found.losses["masked_lm"] + 50 * found.losses["replaced_token"], rel=1e-4
    )
    canvas = flows.draw_electra(found, electra.config, words)
    assert f"{found.losses['loss']:.2f}" in _texts(canvas)[-1]
    assert _texts(canvas).count(words["replaced"]) == sum(found.replaced)
    _check_layout(canvas)


def test_albert_example(albert, tokenizer, words):
    """Swapped segments, an n-gram, and the sentence loss of the probability."""
    found = example.make_telling(albert, tokenizer, LINES)
    a, b = (line.split() for line in LINES)
    assert found.swapped == 1
    assert found.original == ["[CLS]", *b, "[SEP]", *a, "[SEP]"]
    assert "[MASK] [MASK]" in " ".join(found.masked)
    expected = -np.log(found.swapped_probability)
    assert found.losses["sentence_order"] == pytest.approx(expected, rel=1e-4)
    canvas = flows.draw_albert(found, albert.config, words)
    predicted = [o for o, c in zip(found.original, found.chosen, strict=True) if c]
    texts = _texts(canvas)
    assert all(texts.count(word) >= 2 for word in predicted)
    _check_layout(canvas)


def test_text_that_is_too_long(electra, tokenizer):
    with pytest.raises(UserError, match="26 pieces; at most 21 fit"):
        example.make(electra, tokenizer, ["the king " * 13], 0)


def test_printed_totals_stand_beside_the_bars():
    """Lan et al. (2019), Table 4, and a tick for each at the end of its bar."""
    printed = architecture.printed_totals()
    assert printed[768, "none"] == 108 and printed[128, "all"] == 12
    drawn = architecture.draw_albert(
        load_config(f"{CONFIGS}/albert.py:base_v1"), "ALBERT-base", ENGLISH, printed
    )
    texts = [text for text in _texts(drawn) if text.isdigit()]
    assert texts[-8:] == ["108", "83", "57", "31", "89", "64", "38", "12"]
    _check_layout(drawn)


@pytest.fixture(scope="module")
def damages():
    electra, albert = (
        load_config(f"{CONFIGS}/{name}") for name in ("electra_small.py", "albert.py")
    )
    return {d.name: d for d in learning.damages(electra, albert)}


def test_damages_are_what_their_names_say(damages, words):
    """Single masks, two masks side by side, other words, the second line first."""
    first, second = (line.split() for line in learning.LINES)
    whole = ["[CLS]", *first, *second, "[SEP]"]
    for name in ("masked", "ngrams", "replaced"):
        tokens, changed = damages[name].tokens, damages[name].changed
        kept = [t for t, c in zip(tokens, changed, strict=True) if not c]
        assert kept == [t for t, c in zip(whole, changed, strict=True) if not c]
        differs = [a != b for a, b in zip(tokens, whole, strict=True)]
        assert differs == changed and sum(changed) == 2
    assert "[MASK] [MASK]" in " ".join(damages["ngrams"].tokens)
    assert "[MASK]" not in damages["replaced"].tokens
    swapped = damages["swapped"]
    assert swapped.tokens == ["[CLS]", *second, "[SEP]", *first, "[SEP]"]
    assert swapped.changed == [False] * (len(second) + 2) + [True] * (len(first) + 1)
    drawn = learning.draw(list(damages.values()), dict.fromkeys(damages, 12345), words)
    assert sum("12,345" in text for text in _texts(drawn)) == 4
    _check_layout(drawn)


def test_overviews_fit(words):
    electra = load_config(f"{CONFIGS}/electra_small.py")
    albert = load_config(f"{CONFIGS}/albert.py:base_v1")
    for drawn in (
        overviews.draw_electra(electra, words),
        overviews.draw_albert(albert, words),
    ):
        assert drawn.axes.texts
        _check_layout(drawn)


def test_sides_have_the_weights_of_the_networks(words):
    """What is kept and what is dropped is all that is trained."""
    names = ("electra_lab.py", "albert_lab.py")
    networks = [build_objective(load_config(f"{CONFIGS}/{name}")) for name in names]
    configs = {str(number): n.config for number, n in enumerate(networks)}
    texts = _texts(sides.draw(configs, words))
    for network in networks:
        total = sum(int(np.prod(v.shape)) for v in network.trainable_variables)
        kept = sizes.parameter_counts(network.config.model)["total"]
        assert f"{kept:,}" in texts and f"{total - kept:,}" in texts
    base = {
        "BERT-base": load_config(f"{CONFIGS}/bert_base.py"),
        "ELECTRA-base": load_config(f"{CONFIGS}/electra_base.py"),
        "ALBERT-base": load_config(f"{CONFIGS}/albert.py:base_v1"),
    }
    _check_layout(sides.draw(base, words))


def test_pictures_are_slides(tmp_path):
    drawn = canvas.Canvas("标题 title", "subtitle")
    drawn.save(tmp_path / "a.png")
    pixels = image.imread(tmp_path / "a.png")
    assert pixels.shape[:2] == (900, 1599)
    assert 0.001 < np.mean(pixels[..., :3].min(-1) < 0.9) < 0.1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_committed_pictures(language):
    """Slides with something on them, small enough to be in a repository."""
    folder = ROOT / "docs" / "course" / "images" / language
    assert {"f01.png", "f03.png", "f04.png"} <= {p.name for p in folder.iterdir()}
    for path in folder.iterdir():
        pixels = image.imread(path)
        assert pixels.shape[:2] == (900, 1599)
        assert np.mean(pixels[..., :3].min(-1) < 0.9) > 0.01


def test_labels_of_the_chinese_pictures_are_chinese():
    """Only names, formulas and code are the same in both languages."""
    same = [n for n, t in DRAWN.items() if t[0] == t[1]]
    assert same == ["step_build", "step_adamw", "step_lamb"]
    for name, (english, chinese) in (DRAWN | CHARTS).items():
        if name in same or name.startswith("alt_"):
            continue
        rest = re.sub(r"\{.*?\}|\[CLS\]|[A-Z]\w*", "", chinese)
        assert english and not re.search("[a-z]{2}", rest), chinese


def _results(monkeypatch):
    """Three learners on TREC, with curves; one seed on SST-5."""
    rows = [
        {
            "task": task, "contestant": who, "size": size, "seed": seed,
            "scores": {"accuracy": 0.5 + 0.1 * number + 0.01 * seed},
        }
        for task, seeds in (("trec", 3), ("sst5", 1))
        for number, who in enumerate(finetuned.CONTESTANTS)
        for size in (100, 1000, 0)
        for seed in range(seeds)
    ]  # fmt: skip
    monkeypatch.setattr(finetuned, "_rows", lambda: rows)


def test_label_curves(monkeypatch, words):
    """The points of a line are medians; a panel without results says so."""
    monkeypatch.setattr(finetuned, "_rows", lambda: [])
    texts = _texts(gains.draw(words))
    assert texts.count(words["not_run"]) == 4
    assert "45.4" in texts and "18.9" in texts  # Radford et al. (2018), CoLA
    _results(monkeypatch)
    found = gains.points("trec", finetuned.PRETRAINED)
    assert np.array(found) == pytest.approx(
        np.array([[place, 51, 50, 52] for place in (0, 2, 5)])
    )
    drawn = gains.draw(words)
    assert _texts(drawn).count(words["not_run"]) == 2
    _check_layout(drawn)


def test_charts_place_values():
    chart = charts.Chart(canvas.Canvas(""), (1, 2, 4, 3), (0, 10), (-20, 40))
    assert chart.at(5, 10) == pytest.approx((3, 3.5))
    assert charts.round_ticks([51, 52]) == [50, 60]
    assert charts.round_ticks([-3, 79]) == [-20, 0, 20, 40, 60, 80]
    assert charts.round_ticks([]) == [0, 20, 40, 60, 80, 100]


def test_performance_by_task(words):
    """Dots of printed scores stand at the printed scores."""
    drawn = performance.draw(words)
    _check_layout(drawn)
    rings = [p for p in drawn.axes.patches if isinstance(p, patches.Circle)]
    scores = [row[t] for row in performance.printed_scores().values() for t in GLUE]
    left, width, low, high = 1.35, 4.6, 60, 100
    expected = [left + width * (s - low) / (high - low) for s in scores]
    found = [p.center[0] for p in rings if p.radius == 0.075]
    assert sorted(found) == pytest.approx(sorted(expected))


@pytest.fixture(scope="module")
def classifier():
    """A fine-tuned network of random weights, and its task of two classes."""
    keras.utils.set_random_seed(1)
    config = tiny_config(model={"vocab_size": len(VOCABULARY)}).model
    model = ClassifierConfig(
        task="trec", encoder=config, num_outputs=3, head="first_token",
        loss_reduction="mean", dropout=0.0, class_names=("0", "1", "2"),
        target_scale=1.0, is_pair=False, max_seq_length=12, vocabulary=None,
    )  # fmt: skip
    return model.build(), model


def test_examples_of_a_classifier(classifier, tokenizer, monkeypatch, words):
    """Probabilities and effects, against one text at a time without padding."""
    network, model = classifier
    tuned = types.SimpleNamespace(classifier=network, model=model, tokenizer=tokenizer)
    texts = ["the old king", "king sat in the garden", "a long letter to his son"]

    def alone(ids):
        row = np.array([[tokenizer.cls_id, *ids, tokenizer.sep_id]], np.int32)
        features = {"input_ids": row, "input_mask": np.ones_like(row)}
        features["segment_ids"] = np.zeros_like(row)
        logits = np.asarray(network(features, training=False))[0]
        return np.exp(logits) / np.exp(logits).sum()

    ids = [[VOCABULARY.index(word) for word in text.split()] for text in texts]
    expected = np.array([alone(row) for row in ids])
    reader = classified.Reader(tuned)
    found = reader.probabilities(texts)
    assert found == pytest.approx(expected, abs=1e-5)
    answer = expected[1].argmax()
    masked = [*ids[1][:2], tokenizer.mask_id, *ids[1][3:]]
    change = alone(masked)[answer] - expected[1][answer]
    assert reader.changes(texts[1])[2] == pytest.approx(change, abs=1e-5)

    labels = found.argmax(-1).astype(np.int32)
    labels[2] = (labels[2] + 1) % 3
    split = Split(texts, None, labels)
    task = types.SimpleNamespace(
        splits={"train": split, "test": split}, scored_splits=["test"], num_outputs=3
    )
    wanted = (classified._another_right_class, classified._wrong)
    monkeypatch.setitem(classified.WANTED, "trec", wanted)
    made = classified.make(tuned, task, "trec", epochs=2.5)
    assert [e["text"] for e in made["examples"]] == [texts[0], texts[2]]
    assert made["accuracy"] == pytest.approx(2 / 3)
    total = sum(int(np.prod(v.shape)) for v in network.trainable_variables)
    assert made["encoder_weights"] + made["head_weights"] == total
    assert made["head_weights"] == 3 * (model.encoder.hidden_size + 1)

    _results(monkeypatch)
    drawn = applications.draw_classification(made, words)
    assert f"{made['head_weights']:,}" in " ".join(_texts(drawn))
    assert texts[0] in _texts(drawn)
    _check_layout(drawn)
    drawn = applications.draw_sentiment({**made, "name": "sst5"}, words)
    assert {"king", "letter"} <= set(_texts(drawn))
    assert any("2.5" in text and "66.7" in text for text in _texts(drawn))
    _check_layout(drawn)


def test_texts_for_the_figures_are_chosen_by_rule():
    texts = ["one two", "a b c", "not a b", "x y z", " ".join("w" * 11)]
    labels = np.array([0, 0, 1, 1, 0])
    probabilities = np.eye(2)[[0, 0, 1, 0, 0]]
    wanted = (classified._negated, classified._another_right_class, classified._wrong)
    assert classified.choose(texts, labels, probabilities, wanted) == [2, 1, 3]
    with pytest.raises(UserError, match="no text fits description 4"):
        classified.choose(texts, labels, probabilities, (*wanted, classified._wrong))


@pytest.mark.parametrize("name", applications.examples())
def test_committed_examples_are_those_of_the_rule(name):
    """Three right answers of different classes and a wrong one; a negation first."""
    found = applications.examples()[name]
    answers = []
    for shown in found["examples"]:
        assert sum(shown["probabilities"]) == pytest.approx(1, abs=1e-3)
        assert len(shown["probabilities"]) == found["classes"]
        assert shown["words"] == shown["text"].split()
        assert len(shown["changes"]) == len(shown["words"]) <= 10
        answers.append(int(np.argmax(shown["probabilities"])))
    labels = [shown["label"] for shown in found["examples"]]
    assert [a == b for a, b in zip(answers, labels, strict=True)] == [True] * 3 + [
        False
    ]
    assert len(set(answers[:3])) == 3
    if name == "sst5":
        assert classified.NEGATIONS & set(found["examples"][0]["words"])
