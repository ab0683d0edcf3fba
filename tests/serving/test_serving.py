"""SavedModels against the Keras models they were made from."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from support.paths import VOCABULARIES
from tf_pretrain.config import EncoderConfig
from tf_pretrain.data.graph_text_features import TextFeatures
from tf_pretrain.data.text_features import encode_pairs
from tf_pretrain.data.tokenization import load_tokenizer
from tf_pretrain.models.classifier import Classifier
from tf_pretrain.models.encoder import Encoder
from tf_pretrain.serving import saved_model

LENGTH = 24
TEXTS = [
    "A gorgeous, witty, seductive movie.",
    "",
    "no " * 100,
    "emoji \U0001f600 and العربية",
]
PAIRS = ["Is it?", "It is " * 30, "", "x"]
HOSTILE = [b"\xff\xfe broken \xc3", b"null\0byte", "x" * 1_000_000, "word " * 200_000]


def tokenizer_of(golden, kind):
    names = {
        "wordpiece": "bert-base-uncased-vocab.txt",
        "sentencepiece": "30k-clean.model",
    }
    return load_tokenizer(str(VOCABULARIES / names[kind]))


def encoder_of(tokenizer, use_pooler=False):
    config = EncoderConfig(
        vocab_size=tokenizer.vocab_size,
        embedding_size=8,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=LENGTH,
        initializer_range=0.5,
        use_pooler=use_pooler,
    )
    return Encoder(config)


def keras_features(tokenizer, texts_a, texts_b=None):
    ids, segments = encode_pairs(tokenizer, texts_a, texts_b, LENGTH)
    length = max(map(len, ids))

    def padded(rows, value=0):
        return np.array(
            [np.pad(r, (0, length - len(r)), constant_values=value) for r in rows]
        )

    return {
        "input_ids": padded(ids, tokenizer.pad_id),
        "input_mask": padded([np.ones_like(row) for row in ids]),
        "segment_ids": padded(segments),
    }


@pytest.mark.parametrize("kind", ["wordpiece", "sentencepiece"])
def test_encoder(golden, kind, tmp_path):
    tokenizer = tokenizer_of(golden, kind)
    encoder = encoder_of(tokenizer, use_pooler=True)
    saved_model.save(saved_model.EncoderModel(encoder, tokenizer, LENGTH), tmp_path)
    serve = tf.saved_model.load(tmp_path).signatures["serving_default"]
    got = serve(sentence=tf.constant(TEXTS))
    features = keras_features(tokenizer, TEXTS)
    expected = encoder(features)
    np.testing.assert_array_equal(got["input_mask"], features["input_mask"])
    for name in ("sequence_output", "pooled_output"):
        np.testing.assert_allclose(got[name], expected[name], atol=1e-5)
    mask = features["input_mask"].astype(bool)
    states = expected["sequence_output"].numpy()
    means = [x[m].mean(0) for x, m in zip(states, mask, strict=True)]
    np.testing.assert_allclose(got["embedding"], means, atol=1e-5)


@pytest.mark.parametrize("kind", ["wordpiece", "sentencepiece"])
def test_pair_classifier(golden, kind, tmp_path):
    tokenizer = tokenizer_of(golden, kind)
    classifier = Classifier(encoder_of(tokenizer), 3)
    names = ("entailment", "neutral", "contradiction")
    model = saved_model.ClassifierModel(
        classifier, tokenizer, LENGTH, names, is_pair=True
    )
    saved_model.save(model, tmp_path)
    serve = tf.saved_model.load(tmp_path).signatures["serving_default"]
    got = serve(sentence1=tf.constant(TEXTS), sentence2=tf.constant(PAIRS))
    logits = classifier(keras_features(tokenizer, TEXTS, PAIRS)).numpy()
    expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(got["probabilities"], expected, atol=1e-5)
    best = [names[i].encode() for i in logits.argmax(-1)]
    assert got["label"].numpy().tolist() == best
    assert got["class_names"].numpy().tolist() == [[n.encode() for n in names]] * 4


def test_answers_do_not_depend_on_the_batch(golden, tmp_path):
    tokenizer = tokenizer_of(golden, "wordpiece")
    classifier = Classifier(encoder_of(tokenizer), 1, target_scale=5.0)
    model = saved_model.ClassifierModel(
        classifier, tokenizer, LENGTH, None, is_pair=False
    )
    serve = model.signature()
    together = serve(tf.constant(TEXTS))["score"]
    alone = [serve(tf.constant([text]))["score"][0] for text in TEXTS]
    np.testing.assert_allclose(together, alone, atol=1e-5)
    logits = classifier(keras_features(tokenizer, TEXTS))[:, 0]
    np.testing.assert_allclose(together, 5.0 * logits, atol=1e-5)


@pytest.mark.parametrize("kind", ["wordpiece", "sentencepiece"])
def test_hostile_strings_get_an_answer(golden, kind):
    tokenizer = tokenizer_of(golden, kind)
    classifier = Classifier(encoder_of(tokenizer), 2)
    model = saved_model.ClassifierModel(
        classifier, tokenizer, LENGTH, ("no", "yes"), is_pair=False
    )
    probabilities = model.signature()(tf.constant(HOSTILE))["probabilities"].numpy()
    assert np.isfinite(probabilities).all() and probabilities.shape == (4, 2)


@pytest.mark.parametrize("kind", ["wordpiece", "sentencepiece"])
def test_long_runs_of_unknown_characters(golden, kind):
    """The same ids as in training, from the start of a text that is long enough."""
    tokenizer = tokenizer_of(golden, kind)
    limit = 64 * LENGTH
    smile = "\U0001f600"
    texts = [
        f"one {smile * 300_000} two",
        "\0" * 1_000_000,
        "a fine " * 1000,
        " " * limit + "late",
    ]
    got = TextFeatures(tokenizer, LENGTH)(tf.constant(texts))
    expected = keras_features(tokenizer, texts)
    for name, values in expected.items():
        np.testing.assert_array_equal(got[name], values)
    short = keras_features(tokenizer, ["a fine " * LENGTH, "late"])
    np.testing.assert_array_equal(got["input_ids"][2:], short["input_ids"])


PROGRAM = """
import sys
import tensorflow as tf
import tensorflow_text
serve = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
answer = serve(sentence=tf.constant(["A gorgeous movie."]))["probabilities"]
print(*answer.numpy()[0].tolist())
assert "tf_pretrain" not in sys.modules and "keras" not in str(type(serve))
"""


@pytest.mark.integration
def test_a_process_without_this_package_answers(golden, tmp_path):
    tokenizer = tokenizer_of(golden, "wordpiece")
    classifier = Classifier(encoder_of(tokenizer), 2)
    model = saved_model.ClassifierModel(
        classifier, tokenizer, LENGTH, ("no", "yes"), is_pair=False
    )
    saved_model.save(model, tmp_path / "model")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "model")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    logits = classifier(keras_features(tokenizer, ["A gorgeous movie."])).numpy()[0]
    expected = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(
        [float(x) for x in run.stdout.split()], expected, atol=1e-5
    )
