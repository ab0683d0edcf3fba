"""Questions, choices and tags: exports and Keras models against what a run writes."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from support.paths import TESTS, VOCABULARIES
from support.task_files import WORDS, WRITERS
from support.tiny import tiny_config
from tf_pretrain.config import FinetuneConfig, FinetuneSettings, QuestionSettings
from tf_pretrain.data.tokenization import WordPieceTokenizer, load_tokenizer
from tf_pretrain.errors import UserError
from tf_pretrain.interchange.finetuned_networks import (
    MultipleChoiceConfig,
    QuestionAnswererConfig,
    TaggerConfig,
)
from tf_pretrain.models.encoder import Encoder
from tf_pretrain.serving.saved_model import export, served
from tf_pretrain.tasks import batches, finetune
from tf_pretrain.tasks.columns import Columns
from tf_pretrain.tasks.initial import Initial
from tf_pretrain.tasks.loading import load_task
from tf_pretrain.tasks.question_answering import codec
from tf_pretrain.tasks.question_answering.squad_files import (
    Question,
    parse_questions,
)
from tf_pretrain.tasks.tagging.spans import spans_of_tags
from tf_pretrain.tasks.text_multiple_choice import load_multiple_choice
from tf_pretrain.tasks.text_question_answerer import load_question_answerer
from tf_pretrain.tasks.text_tagger import TextTagger, load_tagger

LENGTH = 24


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """From a kind of task to (its dev set, its workdir, the folder of its export)."""
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    path.write_text("\n".join(special + WORDS + ["_", "."]) + "\n")
    keras.utils.set_random_seed(3)
    encoder = Encoder(
        tiny_config(model={"use_pooler": True, "initializer_range": 0.5}).model
    )
    weights = {
        v.path: keras.ops.convert_to_numpy(v) for v in encoder.trainable_variables
    }
    initial = Initial("somewhere", encoder.config, WordPieceTokenizer(path), weights)
    done = {}

    def run(kind):
        if kind not in done:
            folder, workdir = (tmp_path_factory.mktemp(kind) for _ in range(2))
            WRITERS[kind](folder)
            task = load_task(str(folder), None, Columns())
            finetune.finetune(task, _config(), initial, workdir)
            export(workdir, workdir / "served")
            done[kind] = task.splits["dev"], workdir, workdir / "served"
        return done[kind]

    return run


def _config():
    settings = FinetuneSettings(
        num_trials=1,
        num_steps=3,
        num_evaluations=1,
        batch_size=16,
        learning_rate=0.005,
        layerwise_decay=1.0,
        max_seq_length=LENGTH,
        jit_compile=False,
    )
    # Windows of four words: every context has two or more.
    questions = QuestionSettings(
        beam_size=4, doc_stride=2, max_answer_length=3, max_choice_length=8
    )
    return FinetuneConfig(finetune=settings, questions=questions)


def serve(folder, **inputs):
    serve = tf.saved_model.load(folder).signatures["serving_default"]
    tensors = {name: tf.constant(values) for name, values in inputs.items()}
    return {name: value.numpy() for name, value in serve(**tensors).items()}


def texts(values):
    return [value.decode() for value in values.tolist()]


def written(workdir, name):
    return (workdir / "predictions" / "seed-0" / name).read_text()


@pytest.mark.integration
def test_questions_are_answered_as_the_run_did(run):
    dev, workdir, folder = run("questions")
    asked = [q.text for q in dev], [q.context for q in dev]
    got = serve(folder, question=asked[0], context=asked[1])
    best = json.loads(written(workdir, "dev_nbest.json"))
    odds = json.loads(written(workdir, "dev_null_odds.json"))
    best = [best[question.id][0] for question in dev]
    odds = [odds[question.id] for question in dev]
    assert texts(got["answer"]) == [answer["text"] for answer in best]
    for name in ("start", "end"):
        assert got[name].tolist() == [answer[name] for answer in best]
    probabilities = [answer["probability"] for answer in best]
    np.testing.assert_allclose(got["probability"], probabilities, atol=1e-5)
    np.testing.assert_allclose(got["null_odds"], odds, atol=1e-5)
    final = json.loads(written(workdir, "dev.json"))
    assert got["has_answer"].tolist() == [bool(final[q.id]) for q in dev]
    model = load_question_answerer(workdir)
    assert model.predict_texts(asked) == [final[question.id] for question in dev]
    for found, answer in zip(model.predict(asked), best, strict=True):
        assert (found.answers[0].text, found.answers[0].start) == (
            answer["text"],
            answer["start"],
        )


@pytest.mark.integration
def test_options_are_chosen_as_the_run_did(run):
    dev, workdir, folder = run("choices")
    asked = (
        [q.article for q in dev],
        [q.question for q in dev],
        [q.options for q in dev],
    )
    got = serve(folder, article=asked[0], question=asked[1], options=asked[2])
    letters = [
        row.split("\t")[1] for row in written(workdir, "dev.tsv").split("\n")[1:-1]
    ]
    assert ["ABCD"[number] for number in got["choice"]] == letters
    predicted = load_multiple_choice(workdir).predict(asked)
    np.testing.assert_allclose(got["probabilities"], predicted, atol=1e-5)
    np.testing.assert_allclose(predicted.sum(axis=1), 1.0, atol=1e-6)


def test_words_are_tagged_as_the_run_did(run):
    dev, workdir, folder = run("tags")
    got = serve(folder, sentence=[" ".join(s.words) for s in dev])
    blocks = written(workdir, "dev.txt").rstrip("\n").split("\n\n")
    tags = [[line.split(" ")[2] for line in block.split("\n")] for block in blocks]
    predicted = load_tagger(workdir)
    assert predicted.predict([list(s.words) for s in dev]) == tags
    spans = predicted.predict_spans([" ".join(s.words) for s in dev])
    for row, sentence in enumerate(dev):
        count = got["num_words"][row]
        assert texts(got["words"][row][:count]) == list(sentence.words)
        assert texts(got["tags"][row][:count]) == tags[row]
        _check_spans(got, row, " ".join(sentence.words), spans[row])


def _check_spans(got, row, sentence, spans):
    """The spans of words (first, last, class), as characters and texts."""
    count, words = got["num_spans"][row], sentence.split()
    assert texts(got["span_classes"][row][:count]) == [name for _, _, name in spans]
    expected = [" ".join(words[first : last + 1]) for first, last, _ in spans]
    assert texts(got["spans"][row][:count]) == expected
    places = zip(got["span_starts"][row], got["span_ends"][row], strict=True)
    assert [sentence[a:b] for a, b in list(places)[:count]] == expected


def encoder_config(tokenizer, length):
    model = {
        "vocab_size": tokenizer.vocab_size,
        "max_position_embeddings": length,
        "num_hidden_layers": 1,
        "use_pooler": True,
    }
    return tiny_config(model=model).model


def with_random_weights(network):
    rng = np.random.default_rng(0)
    for variable in network.trainable_variables:
        variable.assign(rng.normal(size=variable.shape) * 0.3)
    return network


def golden_tokenizer(kind):
    names = {
        "wordpiece": "bert-base-uncased-vocab.txt",
        "sentencepiece": "30k-clean.model",
    }
    return load_tokenizer(VOCABULARIES / names[kind])


def golden_questions():
    """Odd texts: accents, ligatures, other white space, Chinese, very long words."""
    questions = {}
    for name in ("squad_input", "squad_refused"):
        values = json.loads((TESTS / "golden" / "qa" / f"{name}.json").read_text())
        for question in parse_questions(values, name):
            questions[question.id] = question
    odd = [
        "",
        " \t\n",
        "x" * 300 + "-a b " + "y" * 300,
        "A\u0301e\u0301 \u00c5ngstr\u00f6m \u2126 \ufb01ne \u0130stanbul a\u00a0b",
        "  two  blanks\nand\u3000more \u202f here \x0b there ",
        "\u4e2d\u6587 text \U0001f600\U0001f600 #hash ##tag can't",
        "\u03a3\u0391\u03a3 \u1e9e " + "word " * 50,
    ]
    for number, context in enumerate(odd):
        name = f"odd-{number}"
        questions[name] = Question(name, "what is here " * 9, context, ())
    return list(questions.values())


@pytest.mark.parametrize(
    "kind, head, has_two",
    [
        ("wordpiece", "joint", True),
        ("wordpiece", "independent", True),
        ("sentencepiece", "albert", True),
        ("sentencepiece", "albert", False),
        ("sentencepiece", "joint", False),
    ],
)
def test_graphs_answer_like_python(kind, head, has_two):
    """Windows, places, texts, order and probabilities, of odd contexts."""
    tokenizer, length = golden_tokenizer(kind), 40
    model = QuestionAnswererConfig(
        task="test",
        encoder=encoder_config(tokenizer, length),
        head=head,
        may_be_unanswerable=has_two,
        has_answerability=has_two and head != "independent",
        beam_size=5,
        doc_stride=13,
        max_query_length=12,
        max_answer_length=10,
        n_best_size=8,
        null_threshold=0.0,
        max_seq_length=length,
    )
    network = with_random_weights(model.build())
    questions = golden_questions()
    examples, _ = codec.encode(questions, model, tokenizer, False)
    outputs = batches.outputs_of(
        network, examples, FinetuneSettings(max_seq_length=length)
    )
    expected = codec.decode(examples, outputs, model)
    got = served(network, tokenizer, model).signature()(
        tf.constant([question.text for question in questions]),
        tf.constant([question.context for question in questions]),
    )
    got = {name: value.numpy() for name, value in got.items()}
    for row, question in enumerate(questions):
        found = expected[question.id]
        best = next((answer for answer in found.answers if answer.text), None)
        place = (0, 0) if best is None else (best.start, best.end)
        assert (got["start"][row], got["end"][row]) == place, question
        assert got["answer"][row].decode() == found.text
        probability = 0.0 if best is None else best.probability
        assert got["probability"][row] == pytest.approx(probability, abs=1e-4)
        if has_two:
            assert got["null_odds"][row] == pytest.approx(found.null_odds, abs=1e-3)
        if best is not None:
            context = question.context[best.start : best.end]
            assert " ".join(context.split()) == " ".join(found.text.split())
    assert len(set(got["answer"].tolist())) > 30


@pytest.mark.integration
@pytest.mark.parametrize("rule", ["electra", "conll"])
def test_sentences_of_any_length_are_tagged(rule):
    tokenizer, length = golden_tokenizer("wordpiece"), 16
    names = ("B-A", "B-C", "E-A", "E-C", "I-A", "I-C", "O", "S-A", "S-C")
    model = TaggerConfig(
        task="test",
        encoder=encoder_config(tokenizer, length),
        class_names=names,
        max_seq_length=length,
        span_rule=rule,
    )
    encoder = with_random_weights(Encoder(model.encoder))
    tagger = TextTagger(encoder, tokenizer, length, names, span_rule=rule)
    network = tagger.network
    sentences = [
        "one short sentence",
        "",
        " ".join(f"word{i} is long, unlike\u00a0{i}" for i in range(30)),
        "x-" * 200 + " and \x07 " + "more " * 9,
    ]
    serve = served(network, tokenizer, model).signature()
    got = {n: v.numpy() for n, v in serve(tf.constant(sentences)).items()}
    for row, sentence in enumerate(sentences):
        words, count = sentence.split(), got["num_words"][row]
        assert texts(got["words"][row][:count]) == words
        tags = texts(got["tags"][row][:count])
        assert tagger.predict([sentence]) == [tags]
        found = got["num_spans"][row]
        spans = spans_of_tags(tags, rule)
        assert texts(got["span_classes"][row][:found]) == [name for *_, name in spans]
        for i, (first, last, _) in enumerate(spans):
            start, end = got["span_starts"][row][i], got["span_ends"][row][i]
            assert sentence[start:end].split() == words[first : last + 1]
    alone = {n: v.numpy() for n, v in serve(tf.constant(sentences[2:3])).items()}
    assert alone["tags"].tolist()[0] == got["tags"][2].tolist()


@pytest.mark.parametrize("kind", ["wordpiece", "sentencepiece"])
def test_options_of_any_number_and_form(kind):
    """The options in place of "_" or behind the question, and long articles."""
    from tf_pretrain.tasks.text_multiple_choice import TextMultipleChoice

    tokenizer, length = golden_tokenizer(kind), 30
    encoder = with_random_weights(Encoder(encoder_config(tokenizer, length)))
    model = TextMultipleChoice(encoder, tokenizer, length, max_choice_length=9)
    articles = ["a long article " * 20, "", "short"]
    questions = ["_ or _ ?", "what", "so ____ " + "on and " * 9]
    options = [["one", "two words here", "3"], ["", "b", "c"], ["x", "y_z", "\u00e9"]]
    got = served(model.network, tokenizer, model.config).signature()(
        *(tf.constant(values) for values in (articles, questions, options))
    )
    expected = model.predict((articles, questions, options))
    np.testing.assert_allclose(got["probabilities"], expected, atol=1e-5)
    assert isinstance(model.config, MultipleChoiceConfig)
    with pytest.raises(UserError, match=r"different lengths: \{'options\[1\]': 2"):
        model.predict((articles, questions, [["a", "b", "c"], ["a", "b"], ["c"]]))


PROGRAM = """
import json, sys
import tensorflow as tf
import tensorflow_text
serve = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
answers = serve(**{k: tf.constant(v) for k, v in json.loads(sys.argv[2]).items()})
print(answers[sys.argv[3]].numpy().tolist())
assert "tf_pretrain" not in sys.modules and "keras" not in str(type(serve))
"""


@pytest.mark.integration
def test_a_process_without_this_package_answers(run, tmp_path):
    """All three kinds; in one process each at the same time."""
    asked = {
        "questions": ({"question": ["dog"], "context": ["red dog old"]}, "answer"),
        "choices": (
            {"article": ["red ."], "question": ["old _"], "options": [["red", "cat"]]},
            "choice",
        ),
        "tags": ({"sentence": ["red dog house"]}, "tags"),
    }
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    started = {}
    for kind, (inputs, output) in asked.items():
        command = ["-c", PROGRAM, str(run(kind)[2]), json.dumps(inputs), output]
        started[kind] = subprocess.Popen(
            [sys.executable, *command],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    for kind, process in started.items():
        printed, errors = process.communicate()
        assert process.returncode == 0, errors
        inputs, output = asked[kind]
        assert printed.strip() == str(serve(run(kind)[2], **inputs)[output].tolist())


HOSTILE = [
    "",
    "null\0byte and \0\0",
    "\ud83d half a surrogate pair",
    "\U0001f600\u202e\u0301\ufeff",
    "x" * 20_000,
    "word " * 3_000,
    "\u0e01" * 5_000,
    "[CLS] [SEP] [MASK] [PAD] [UNK] ## ##",
]


@pytest.mark.integration
def test_hostile_strings_get_an_answer_over_http(run):
    """Every kind answers each of them, and a wrong request gets its reason."""
    pytest.importorskip("starlette", reason="needs requirements-serving.txt")
    from starlette.testclient import TestClient

    from tf_pretrain.serving import http

    asked = {
        "questions": [{"question": x, "context": x} for x in HOSTILE],
        "choices": [
            {"article": x, "question": x, "options": [x] * (1 + i % 3)}
            for i, x in enumerate(HOSTILE)
        ],
        "tags": HOSTILE,
    }
    for kind, instances in asked.items():
        app = http.build_app(http.ServedModel(run(kind)[2]), "m", 4)
        body = json.dumps({"instances": instances})
        with TestClient(app) as client:
            answer = client.post("/v1/models/m:predict", content=body)
            wrong = client.post("/v1/models/m:predict", json={"instances": [{}]})
        assert answer.status_code == 200, answer.text
        predictions = answer.json()["predictions"]
        assert len(predictions) == len(HOSTILE)
        assert wrong.status_code == 400 and "expected {" in wrong.json()["error"]
        for i, found in enumerate(predictions):
            if kind == "choices":
                assert len(found["probabilities"]) == 1 + i % 3
            elif kind == "tags":
                assert len(found["words"]) == len(found["tags"]) == found["num_words"]
                assert len(found["spans"]) == len(found["span_starts"])
            else:
                assert 0.0 <= found["probability"] <= 1.0


@pytest.mark.integration
@pytest.mark.parametrize("head", ["joint", "albert"])
def test_hostile_contexts_of_sentencepiece(head):
    tokenizer, length = golden_tokenizer("sentencepiece"), 40
    model = QuestionAnswererConfig(
        task="test",
        encoder=encoder_config(tokenizer, length),
        max_seq_length=length,
        head=head,
    )
    serve = served(with_random_weights(model.build()), tokenizer, model).signature()
    contexts = [x.encode("utf-8", "surrogatepass") for x in HOSTILE]
    contexts.append(b"blanks " + b" " * 100_000 + b"\xff\xfe broken \xc3")
    found = serve(tf.constant(["what is it"] * len(contexts)), tf.constant(contexts))
    assert np.isfinite(found["null_odds"]).all()
    assert np.isfinite(found["probability"]).all()
