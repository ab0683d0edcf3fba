"""What people give `TextClassifier`: labels of any form, pairs, `.keras` files."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from support.tiny import tiny_config
from tf_pretrain.data.tokenization import WordPieceTokenizer
from tf_pretrain.errors import UserError
from tf_pretrain.interchange import finetuning_workdir
from tf_pretrain.models.classifier import Classifier
from tf_pretrain.models.encoder import Encoder
from tf_pretrain.tasks.text_classifier import TextClassifier, load_text_classifier
from tf_pretrain.training.optimizers import AdamW

TEXTS = ["a good film", "bad", "a bad film", "good", "good good", "bad film"]
LABELS = np.array([1, 0, 0, 1, 1, 0])
NAMES = ["neg", "pos"]
STRINGS = [NAMES[label] for label in LABELS]
PAIRS = (TEXTS, TEXTS[::-1])


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film", "a"]
    path.write_text("\n".join(pieces) + "\n")
    return WordPieceTokenizer(path)


@pytest.fixture(scope="module")
def build(tokenizer):
    """Makes models of equal weights that have seen nothing.

    The same model comes again as it was at first: another one would be traced again.
    """
    made = {}

    def build(num_outputs=2, target_scale=1.0, count=0):
        key = (num_outputs, target_scale, count)
        if key not in made:
            keras.utils.set_random_seed(0)
            encoder = Encoder(tiny_config().model)
            network = Classifier(encoder, num_outputs, target_scale=target_scale)
            network.dropout = 0.0
            model = TextClassifier(network, tokenizer, 12)
            model.compile(optimizer=AdamW(1e-2))
            variables = [*model.variables, *model.optimizer.variables]
            made[key] = model, [(v, v.numpy()) for v in variables]
        model, values = made[key]
        for variable, value in values:
            variable.assign(value)
        model.class_names = model.is_pair = None
        return model

    return build


def trained(model, labels, **kwargs):
    settings = {"batch_size": 3, "shuffle": False, "verbose": 0}
    model.fit(TEXTS, labels, **settings | kwargs)
    return model.predict(TEXTS, verbose=0)


@pytest.mark.integration
def test_names_and_one_hot_train_as_numbers_do(build):
    expected = trained(build(), LABELS)
    assert np.ptp(expected) > 0.01
    for labels in (STRINGS, np.eye(2)[LABELS], LABELS.astype(float)):
        np.testing.assert_array_equal(trained(build(), labels), expected)


@pytest.mark.integration
def test_classes_are_remembered_exported_and_answered(build, tmp_path):
    model = build()
    held_out = [TEXTS[:2], STRINGS[:2]]
    history = model.fit(TEXTS, STRINGS, validation_data=held_out, epochs=3, verbose=0)
    assert list(model.class_names) == NAMES
    evaluated = model.evaluate(*held_out, verbose=0, return_dict=True)
    assert history.history["val_accuracy"][-1] == pytest.approx(evaluated["accuracy"])
    best = model.predict(TEXTS, verbose=0).argmax(-1)
    expected = [NAMES[number] for number in best]
    assert model.predict_labels(TEXTS, verbose=0) == expected
    model.export(tmp_path / "saved")
    serve = tf.saved_model.load(tmp_path / "saved").signatures["serving_default"]
    served = serve(sentence=tf.constant(TEXTS))["label"].numpy()
    assert [name.decode() for name in served] == expected
    with pytest.raises(UserError, match=r"labels\[1\] is 'meh'; expected one of neg"):
        model.fit(TEXTS[:2], ["neg", "meh"], verbose=0)
    message = r"validation labels\[0\] is 'meh'; expected one of neg, pos"
    with pytest.raises(UserError, match=message):
        model.fit(TEXTS, STRINGS, validation_data=(TEXTS[:1], ["meh"]), verbose=0)


def test_more_or_fewer_classes_than_outputs(build, tokenizer):
    for names, number in ((["a", "b", "c"], 3), (["a", "a", "a"], 1)):
        with pytest.raises(UserError, match=f"have {number} classes .* 2 outputs"):
            build().fit(TEXTS[:3], names, verbose=0)
    with pytest.raises(UserError, match="expected one for each of .* 2 outputs"):
        TextClassifier(build().network, tokenizer, 12, class_names=["a", "b", "c"])
    with pytest.raises(UserError, match=r"labels\[1\] is -1; .* from 0 to 1\."):
        build().fit(TEXTS, 2 * LABELS - 1, verbose=0)


def dataset(labels):
    return tf.data.Dataset.from_tensor_slices((TEXTS, labels)).batch(3)


@pytest.mark.integration
def test_datasets_of_batches(build):
    expected = trained(build(), LABELS)
    model = build()
    model.fit(dataset(STRINGS), verbose=0)
    np.testing.assert_array_equal(model.predict(TEXTS, verbose=0), expected)
    accuracy = (expected.argmax(-1) == LABELS).mean()
    one_hot = dataset(np.eye(2)[LABELS])
    got = model.evaluate(one_hot, verbose=0, return_dict=True)
    assert got["accuracy"] == pytest.approx(accuracy)
    message = r"^labels of a batch\[1\] is -1; expected a whole number from 0 to 1\."
    for run in (build().fit, build().evaluate):
        with pytest.raises(UserError, match=message):
            run(dataset([1, -1, 1, -1, 1, -1]), verbose=0)
    with pytest.raises(UserError, match="set class_names="):
        build().fit(dataset(STRINGS).repeat(), steps_per_epoch=2, verbose=0)
    with pytest.raises(UserError, match="texts and no labels"):
        build().fit(tf.data.Dataset.from_tensor_slices(TEXTS).batch(3), verbose=0)


@pytest.mark.parametrize(
    "texts, message",
    [
        ("good", "x is one string; expected a list of strings"),
        (["good", None], r"x\[1\] is None; expected a string"),
        (["good", float("nan")], r"x\[1\] is nan; expected a string"),
        ([["good", "bad"], ["bad", "good"]], r"x\[0\] is \['good.*Pairs are a tuple"),
        ((["good"], [3]), r"x\[1\]\[0\] is 3; expected a string"),
    ],
)
def test_texts_that_cannot_be(build, texts, message):
    with pytest.raises(UserError, match=message):
        build().predict(texts, verbose=0)


def test_pairs_and_single_texts_are_told_apart(build, tmp_path):
    single, pair = build(), build(count=1)
    single.predict(TEXTS, verbose=0)
    pair.predict(PAIRS, verbose=0)
    needs_pairs = "found single texts; this classifier takes pairs"
    with pytest.raises(UserError, match=needs_pairs):
        pair.predict(TEXTS, verbose=0)
    with pytest.raises(UserError, match=needs_pairs):
        pair.evaluate(dataset(LABELS), verbose=0)
    with pytest.raises(UserError, match="found pairs of texts; .* takes single texts"):
        single.predict(PAIRS, verbose=0)
    with pytest.raises(UserError, match="found single texts"):
        pair.export(tmp_path / "saved", is_pair=False)
    with pytest.raises(UserError, match="max_seq_length is 4; expected at least 5"):
        TextClassifier(pair.network, pair.text_features.tokenizer, 4, is_pair=True)


@pytest.mark.integration
def test_a_loaded_pair_task_takes_and_exports_pairs(tokenizer, tmp_path):
    names = ("no", "yes")
    model = finetuning_workdir.ClassifierConfig(
        "mine", tiny_config().model, 2, "first_token", "sum", 0.1, names, 1.0, True, 12
    )
    keras.utils.set_random_seed(3)
    network = model.build()
    folder = tmp_path / "run"
    folder.mkdir()
    finetuning_workdir.save_model(folder, model, tokenizer)
    finetuning_workdir.save_weights(folder / "weights.safetensors", network)
    (folder / "results.json").write_text('{"weights": "weights.safetensors"}')
    loaded = load_text_classifier(folder)
    with pytest.raises(UserError, match="found single texts"):
        loaded.predict(TEXTS, verbose=0)
    loaded.export(tmp_path / "saved")
    serve = tf.saved_model.load(tmp_path / "saved").signatures["serving_default"]
    got = serve(sentence1=tf.constant(PAIRS[0]), sentence2=tf.constant(PAIRS[1]))
    expected = loaded.predict(PAIRS, verbose=0)
    np.testing.assert_allclose(got["probabilities"], expected, atol=1e-6)
    swapped = loaded.predict(PAIRS[::-1], verbose=0)
    assert np.abs(swapped - expected).max() > 1e-4


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["classes", "pair scores"])
def test_a_keras_file_is_the_same_model(build, tmp_path, kind):
    if kind == "classes":
        model, texts, labels = build(), TEXTS, STRINGS
    else:
        model, texts, labels = build(1, target_scale=5.0), PAIRS, 5.0 * LABELS
    file = tmp_path / "model.keras"
    settings = {"batch_size": 3, "shuffle": False, "verbose": 0}
    keep = keras.callbacks.ModelCheckpoint(file, monitor="loss", save_best_only=True)
    model.fit(texts, labels, callbacks=[keep], **settings)
    loaded = keras.saving.load_model(file)
    expected = model.predict(texts, verbose=0)
    np.testing.assert_array_equal(loaded.predict(texts, verbose=0), expected)
    assert loaded.class_names == model.class_names
    assert loaded.is_pair == model.is_pair
    assert loaded.network.target_scale == model.network.target_scale
    tokenizer = loaded.text_features.tokenizer
    assert tokenizer.fingerprint == model.text_features.tokenizer.fingerprint
    if kind == "pair scores":
        return
    # Training goes on as if there had been no file: the optimizer is in it, too.
    for each in (model, loaded):
        each.fit(texts, labels, **settings)
    np.testing.assert_allclose(
        loaded.predict(texts, verbose=0), model.predict(texts, verbose=0), atol=1e-6
    )
