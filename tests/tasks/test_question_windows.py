"""Windows of questions: which one counts for a piece, and what they keep in memory."""

import random
import tracemalloc

import numpy as np
import pytest

from support.paths import VOCABULARIES
from support.task_files import WORDS
from tf_pretrain.config import EncoderConfig, FinetuneSettings
from tf_pretrain.data.tokenization import load_tokenizer
from tf_pretrain.interchange.finetuned_networks import QuestionAnswererConfig
from tf_pretrain.tasks import batches
from tf_pretrain.tasks.question_answering import codec
from tf_pretrain.tasks.question_answering.examples import read_examples
from tf_pretrain.tasks.question_answering.squad_files import Answer, Question
from tf_pretrain.tasks.question_answering.windows import WindowSettings, cut_windows


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(VOCABULARIES / "bert-base-uncased-vocab.txt")


def owners(windows, piece):
    """The windows with most context for a piece, by the definition, piece by piece."""
    scores = {}
    for number, window in enumerate(windows):
        left = piece - window.doc_start
        right = window.doc_length - 1 - left
        if left >= 0 and right >= 0:
            scores[number] = min(left, right) + 0.01 * window.doc_length
    best = max(scores.values())
    return [min(number for number, score in scores.items() if score == best)]


def test_one_window_counts_for_each_piece(tokenizer):
    """The one with most context, the first of several (`_is_max_context`)."""
    draw = random.Random(1)
    for _ in range(200):
        length, question = draw.randrange(4, 40), draw.randrange(0, 3)
        settings = WindowSettings(length + question, draw.randrange(1, 50), 64)
        text = np.arange(draw.randrange(1, 90), dtype=np.int32)
        windows = cut_windows(tokenizer, np.arange(question), text, settings)
        for piece in text:
            counted = [i for i, w in enumerate(windows) if w.counts_for(piece)]
            assert counted == owners(windows, piece)


def questions(number):
    """Questions about texts of 150 words, nine for each, with answers."""
    draw = random.Random(0)
    for start in range(0, number, 9):
        words = [draw.choice(WORDS) for _ in range(150)]
        for i in range(start, min(start + 9, number)):
            answer = Answer(words[0], 0)
            yield Question(str(i), " ".join(words[:10]), " ".join(words), (answer,))


def test_windows_of_a_text_share_its_ids(tokenizer):
    """A question with its window takes less memory than ids and segments alone."""
    asked, settings = list(questions(900)), WindowSettings(384, 128, 64)
    list(read_examples(asked[:90], tokenizer, settings, True))  # what is cached once
    tracemalloc.start()
    examples = list(read_examples(asked, tokenizer, settings, True))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    windows = [window for example in examples for window in example.windows]
    assert len(windows) == 900 and len(windows[0].input_ids) == 163
    alone = windows[0].input_ids.nbytes + windows[0].segment_ids.nbytes
    assert kept / len(windows) < alone == 1304


@pytest.mark.parametrize("head, length", [("albert", 48), ("independent", 8)])
def test_padding_that_alberts_head_reads(tokenizer, head, length):
    """For SQuAD 1.1 each batch has the largest length (`create_v1_model`)."""
    model = QuestionAnswererConfig("x", EncoderConfig(), 48, head, False)
    question = Question("x", "one two", "three four five", (Answer("four", 6),))
    examples, _ = codec.encode([question], model, tokenizer, is_train=True)
    settings = FinetuneSettings(max_seq_length=48, batch_size=1)
    (trained,) = batches.training_batches(examples, settings, 1, seed=0)
    ((_, predicted),) = batches.evaluation_batches(examples, settings)
    for features in (trained, predicted):
        assert features["input_ids"].shape == (len(features["input_ids"]), length)


def test_a_text_of_white_space_has_no_answer(tokenizer):
    question = Question("x", "what", " \t\n ", (Answer(" ", 1),))
    (example,) = read_examples([question], tokenizer, WindowSettings(20, 8, 8), True)
    assert not example.is_kept and example.windows == []
