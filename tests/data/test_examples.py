import bisect
import random

import numpy as np
import pytest

from tf_pretrain.config import DataConfig
from tf_pretrain.data import examples
from tf_pretrain.data.examples import (
    Document,
    Example,
    electra_examples,
    make_documents,
    pack_examples,
)
from tf_pretrain.data.sentence_pairs import sentence_pair_examples

PAIRS = ("sentence_order", "next_sentence", "sentence_pair")


def make_corpus(num_documents, seed=0, longest_line=60, first_id=0):
    """Documents in which every piece has an id of its own; 3 of 4 start a word."""
    rng = np.random.default_rng(seed)
    documents = []
    for _ in range(num_documents):
        bounds = [0, *np.cumsum(rng.integers(1, longest_line, rng.integers(1, 25)))]
        bounds = [int(bound) for bound in bounds]
        ids = np.arange(first_id, first_id + bounds[-1], dtype=np.int32)
        first_id += len(ids)
        documents.append(Document(ids, ids % 4 > 0, bounds))
    return documents


def build(documents, seed=0, **settings):
    data = DataConfig(**{"max_seq_length": 64, **settings})
    builder = (
        electra_examples if data.example_format == "electra" else sentence_pair_examples
    )
    return builder(documents, np.random.default_rng(seed), data)


def own_pieces(examples):
    """All pieces but copies from other documents, in reading order of the examples."""
    pieces = []
    for example in examples:
        segments = [example.segment_a]
        if not example.is_b_random:
            segments.append(example.segment_b)
        if example.label and not example.is_b_random:
            segments.reverse()
        pieces += [piece for segment in segments for piece in segment.tolist()]
    return pieces


def sizes(examples):
    return np.array([(len(e.segment_a), len(e.segment_b)) for e in examples])


def test_documents_are_cut_from_lines_and_empty_ones_vanish():
    ids = np.arange(10, dtype=np.int32)
    is_word_start = np.arange(10) % 2 == 0
    documents = make_documents(
        ids, np.array([0, 2, 2, 5, 5, 10]), [3, 1, 1], is_word_start
    )
    assert [d.ids.tolist() for d in documents] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    assert [d.bounds for d in documents] == [[0, 2, 5], [0, 5]]
    assert documents[1].word_starts.tolist() == [False, True, False, True, False]


@pytest.mark.parametrize("legacy_sentence_order", [False, True])
@pytest.mark.parametrize("example_format", ["electra", *PAIRS])
@pytest.mark.parametrize("longest_line", [3, 20, 200])
def test_nothing_is_lost(example_format, longest_line, legacy_sentence_order):
    documents = make_corpus(200, longest_line=longest_line)
    examples = build(
        documents,
        example_format=example_format,
        short_seq_prob=0.2,
        legacy_sentence_order=legacy_sentence_order,
    )
    text = [piece for document in documents for piece in document.ids.tolist()]
    assert own_pieces(examples) == text  # in order, too
    first, second = sizes(examples).T
    assert first.min() >= 1
    assert (first + second + 2 + (second > 0)).max() <= 64


@pytest.mark.parametrize("example_format", ["electra", *PAIRS])
@pytest.mark.parametrize("legacy_truncation", [False, True])
def test_examples_are_a_function_of_the_seed(example_format, legacy_truncation):
    def run(seed):
        examples = build(
            make_corpus(20),
            seed,
            example_format=example_format,
            legacy_truncation=legacy_truncation,
        )
        return [(a.tolist(), b.tolist(), c, d) for a, b, c, d in examples]

    assert run(0) == run(0)
    assert run(0) != run(1)


@pytest.mark.parametrize("example_format", ["electra", "sentence_order"])
def test_examples_begin_with_words(example_format):
    documents = make_corpus(100)
    line_starts = {int(d.ids[b]) for d in documents for b in d.bounds[:-1]}
    examples = build(documents, example_format=example_format)
    begins = [
        min(int(segment[0]) for segment in example[:2] if len(segment))
        for example in examples
    ]
    inside = [b for b in begins if b % 4 == 0 and b not in line_starts]
    # What is left: the last two pieces of a document, and cuts after two pieces.
    assert len(inside) <= 0.01 * len(begins)


def electra_by_oracle(documents, length, short_prob):
    """The released builder's law in plain Python: segments of each example."""
    rng = random.Random(0)
    examples = []
    for document in documents:
        pending = []
        target = rng.randint(5, length) if rng.random() < short_prob else length
        lines = [
            document.ids[a:b].tolist()
            for a, b in zip(document.bounds, document.bounds[1:], strict=False)
        ]
        for number, line in enumerate(lines):
            pending.append(line)
            if sum(map(len, pending)) < target and number + 1 < len(lines):
                continue
            half = 10**6 if rng.random() < 0.1 else (target - 3) // 2
            one, two = [], []
            for text in pending:
                fits = not one or len(one) + len(text) < half
                if fits or (not two and len(one) < half and rng.random() < 0.5):
                    one += text
                else:
                    two += text
            one = one[: length - 2]
            examples.append((one, two[: max(0, length - 3 - len(one))]))
            pending = []
            target = rng.randint(5, length) if rng.random() < short_prob else length
    return examples


def assert_means_agree(got, expected, name):
    got, expected = np.asarray(got, float), np.asarray(expected, float)
    error = np.sqrt(got.var() / len(got) + expected.var() / len(expected))
    assert abs(got.mean() - expected.mean()) <= 4 * error, (name, got.mean())


@pytest.mark.parametrize("longest_line", [8, 60])
def test_electra_legacy_law(longest_line):
    documents = make_corpus(3000, longest_line=longest_line)
    got = build(documents, legacy_truncation=True, short_seq_prob=0.1)
    expected = electra_by_oracle(documents, 64, 0.1)
    got, expected = sizes(got), np.array([(len(a), len(b)) for a, b in expected])
    assert_means_agree(got[:, 0], expected[:, 0], "first segment")
    assert_means_agree(got[:, 1] == 0, expected[:, 1] == 0, "single segment")
    assert_means_agree(got.sum(1) < 30, expected.sum(1) < 30, "short")
    assert abs(got.sum() / expected.sum() - 1) < 0.005  # pieces kept


def test_electra_default_law():
    bounds = [0, *np.cumsum(np.random.default_rng(0).integers(1, 12, 60000)).tolist()]
    ids = np.arange(bounds[-1], dtype=np.int32)
    document = Document(ids, np.ones(len(ids), bool), bounds)
    examples = build([document], short_seq_prob=0.0)
    first, second = sizes(examples[:-1]).T
    single = second == 0
    # 62 pieces and 2 specials, or 61 and 3: rows are full, but for single segments
    # that end with a line.
    tokens = first + second + 2 + ~single
    assert (tokens[~single] == 64).all()
    assert tokens.max() == 64 and np.median(tokens[single]) == 64
    assert tokens.min() == 63
    np.testing.assert_allclose(single.mean(), 0.1, atol=0.02)
    # Half is 30. A first segment ends before the line that crosses it or, on a coin,
    # after that line (of 6 pieces on average, and longer if it is the crossing one).
    first = first[~single]
    assert 30 - 12 < first.min() and first.max() < 30 + 12
    np.testing.assert_allclose((first < 30).mean(), 0.5, atol=0.02)
    # With `short_seq_prob` 1 targets are uniform: 5 to 64 tokens, specials included.
    examples = build([document], short_seq_prob=1.0)
    first, second = sizes(examples[:-1]).T
    tokens = first + second + 2 + (second > 0)
    assert tokens.min() in (4, 5) and tokens.max() == 64
    np.testing.assert_allclose(tokens.mean(), (5 + 64) / 2, rtol=0.03)


@pytest.mark.parametrize("legacy", [False, True])
def test_one_segment_where_the_example_holds_the_document(legacy, monkeypatch):
    """Also where the last line ends the document and the example with it."""
    monkeypatch.setattr(examples, "SINGLE_SEGMENT_PROB", 1.0)
    documents = [d for d in make_corpus(400) if len(d.ids) < 60]
    assert len(documents) > 20
    found = build(documents, legacy_truncation=legacy, short_seq_prob=0.0)
    assert len(found) == len(documents) and sizes(found)[:, 1].sum() == 0


def pairs_by_oracle(documents, length, short_prob, order):
    """The released ALBERT builder's law: (a, b, label, whether b is random)."""
    rng = random.Random(0)
    room = length - 3
    examples = []
    texts = [
        [d.ids[a:b].tolist() for a, b in zip(d.bounds, d.bounds[1:], strict=False)]
        for d in documents
    ]
    for index, lines in enumerate(texts):
        target = rng.randint(2, room) if rng.random() < short_prob else room
        chunk, i = [], 0
        while i < len(lines):
            chunk.append(lines[i])
            if i + 1 == len(lines) or sum(map(len, chunk)) >= target:
                cut = rng.randint(1, len(chunk) - 1) if len(chunk) > 1 else 1
                one, two = sum(chunk[:cut], []), sum(chunk[cut:], [])
                label = is_random = 0
                if len(chunk) == 1 or (not order and rng.random() < 0.5):
                    label = is_random = 1
                    other = index
                    while other == index:
                        other = rng.randrange(len(texts))
                    two = []
                    for line in texts[other][rng.randrange(len(texts[other])) :]:
                        two += line
                        if len(two) >= target - len(one):
                            break
                    i -= len(chunk) - cut
                elif order and rng.random() < 0.5:
                    one, two, label = two, one, 1
                while len(one) + len(two) > room:
                    longer = one if len(one) > len(two) else two
                    longer.pop(0 if rng.random() < 0.5 else -1)
                examples.append((one, two, label, is_random))
                chunk = []
            i += 1
    return examples


@pytest.mark.parametrize("order", [True, False])
def test_pairs_legacy_law(order):
    documents = make_corpus(2500)
    got = build(
        documents,
        example_format="sentence_order" if order else "next_sentence",
        legacy_truncation=True,
        legacy_sentence_order=True,
        short_seq_prob=0.2,
    )
    expected = [Example(*e) for e in pairs_by_oracle(documents, 64, 0.2, order)]
    line_starts = {int(d.ids[b]) for d in documents for b in d.bounds[:-1]}
    for name, value in (
        ("label", lambda e: e.label),
        ("random", lambda e: e.is_b_random),
        ("a", lambda e: len(e.segment_a)),
        ("b", lambda e: len(e.segment_b)),
        ("full", lambda e: len(e.segment_a) + len(e.segment_b) == 61),
        ("a's first piece starts a line", lambda e: e.segment_a[0] in line_starts),
    ):
        assert_means_agree([value(e) for e in got], [value(e) for e in expected], name)


def test_sentence_order_labels_say_the_order_and_nothing_else():
    documents = make_corpus(2000, longest_line=80)
    examples = build(documents, example_format="sentence_order")
    lone_pieces = sum(len(e.segment_b) == 0 for e in examples)
    assert lone_pieces == sum(len(document.ids) == 1 for document in documents)
    examples = [e for e in examples if len(e.segment_b)]
    for example in examples:
        a, b, label, is_b_random = example
        assert not is_b_random
        assert label == int(a[0] > b[0])
        assert (a[0] == b[-1] + 1) if label else (b[0] == a[-1] + 1)
    np.testing.assert_allclose(np.mean([e.label for e in examples]), 0.5, atol=0.02)


def test_a_chunk_of_one_line_is_cut_at_a_uniform_word_start():
    ids = np.arange(40, dtype=np.int32)
    document = Document(ids, ids % 4 > 0, [0, 40])
    examples = build([document] * 6000, example_format="sentence_pair")
    cuts = np.array([len(e.segment_a) for e in examples if len(e.segment_b)])
    assert len(cuts) >= 6000
    counts = np.bincount(
        [
            len(e.segment_a)
            for e in examples
            if len(e.segment_a) + len(e.segment_b) == 40
        ],
        minlength=40,
    )
    assert not counts[::4].any()
    allowed = np.delete(counts, range(0, 40, 4))
    np.testing.assert_allclose(allowed, allowed.mean(), rtol=0.35)


def test_a_lone_piece_has_no_second_segment():
    lone = Document(np.array([7], np.int32), np.array([True]), [0, 1])
    word = Document(np.array([7, 8], np.int32), np.array([True, False]), [0, 2])
    (example,) = build([lone], example_format="sentence_order")
    assert (len(example.segment_b), example.label) == (0, 0)
    (example,) = build([word], example_format="sentence_order")
    assert len(example.segment_a) == len(example.segment_b) == 1


def test_next_sentence_takes_half_of_the_second_segments_from_other_documents():
    documents = make_corpus(1000)
    examples = build(documents, example_format="next_sentence")
    ends = np.cumsum([len(d.ids) for d in documents]).tolist()
    for a, b, label, is_b_random in examples:
        assert label == is_b_random
        is_other = bisect.bisect(ends, int(a[0])) != bisect.bisect(ends, int(b[0]))
        assert is_other == label
    np.testing.assert_allclose(np.mean([e.label for e in examples]), 0.5, atol=0.02)


def test_a_second_segment_from_elsewhere_looks_like_a_true_one():
    """Of lines that fit an example nothing but their content tells the label."""
    documents = make_corpus(4000, longest_line=25)
    examples = build(documents, example_format="next_sentence", short_seq_prob=0.0)
    examples = [e for e in examples if len(e.segment_a) > 1]
    starts = {int(d.ids[b]) for d in documents for b in d.bounds[:-1]}
    ends = {int(d.ids[b - 1]) for d in documents for b in d.bounds[1:]}
    ends_whole = [int(e.segment_a[-1]) in ends for e in examples]
    begins = [int(e.segment_b[0]) in starts for e in examples]
    assert np.mean(np.equal(begins, ends_whole)) > 0.995
    labels = np.array([e.label for e in examples])
    for name, values, allowed in (
        ("begins with a line", begins, 0.02),
        ("ends with a line", [int(e.segment_b[-1]) in ends for e in examples], 0.02),
        ("pieces of B", [len(e.segment_b) for e in examples], 1.0),
        ("pieces", [len(e.segment_a) + len(e.segment_b) for e in examples], 1.0),
    ):
        values = np.array(values, float)
        true, random = values[labels == 0].mean(), values[labels == 1].mean()
        assert abs(true - random) < allowed, (name, true, random)


def test_packed_rows():
    pair = Example(np.array([5, 6], np.int32), np.array([7], np.int32), 1)
    single = Example(np.array([8], np.int32), np.array([], np.int32))
    got = pack_examples([pair, single], 8, cls_id=1, sep_id=2)
    assert got["input_ids"].tolist() == [
        [1, 5, 6, 2, 7, 2, 0, 0],
        [1, 8, 2, 0, 0, 0, 0, 0],
    ]
    assert got["input_mask"].tolist() == [[1] * 6 + [0] * 2, [1] * 3 + [0] * 5]
    assert got["segment_ids"].tolist() == [[0] * 4 + [1] * 2 + [0] * 2, [0] * 8]
    assert got["next_sentence_labels"].tolist() == [[1], [0]]
    assert pack_examples([], 8, 1, 2)["input_ids"].shape == (0, 8)
