"""Exports of both kinds of checkpoints, and the command."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from support import programs
from support.tiny import tiny_config
from tf_pretrain.data.tokenization import WordPieceTokenizer
from tf_pretrain.errors import UserError
from tf_pretrain.interchange import finetuning_workdir, loading, pretraining_workdir
from tf_pretrain.interchange.pretrained import InterchangeError, Pretrained
from tf_pretrain.models.building import build_objective
from tf_pretrain.serving.saved_model import export
from tf_pretrain.tasks.text_classifier import load_text_classifier

WORDS = ["good", "bad", "film", "a"]
TEXTS = ["a good film", "bad"]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    path.write_text("\n".join(special + WORDS) + "\n")
    return WordPieceTokenizer(path)


def features_of(tokenizer):
    rows = [
        [tokenizer.cls_id, *ids.tolist(), tokenizer.sep_id]
        for ids in tokenizer.tokenize_tensor(TEXTS).numpy()
    ]
    length = max(map(len, rows))
    return {
        "input_ids": np.array([row + [0] * (length - len(row)) for row in rows]),
        "input_mask": np.array(
            [[1] * len(row) + [0] * (length - len(row)) for row in rows]
        ),
    }


def test_a_pretrained_encoder(tokenizer, tmp_path):
    config = tiny_config()
    network = build_objective(config)
    weights = {
        v.path: keras.ops.convert_to_numpy(v) for v in network.trainable_variables
    }
    pretrained = Pretrained(config, weights, "test", tokenizer)
    pretraining_workdir.write(pretrained, tmp_path / "run")
    export(tmp_path / "run", tmp_path / "served")
    serve = tf.saved_model.load(tmp_path / "served").signatures["serving_default"]
    got = serve(sentence=tf.constant(TEXTS))
    expected = network.encoder(features_of(tokenizer))["sequence_output"]
    np.testing.assert_allclose(got["sequence_output"], expected, atol=1e-5)
    positions = config.model.max_position_embeddings
    with pytest.raises(UserError, match=f"encoder has {positions} positions"):
        export(tmp_path / "run", tmp_path / "other", max_seq_length=positions + 1)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("num_outputs", [2, 1])
def test_a_fine_tuned_classifier(tokenizer, tmp_path, num_outputs):
    model = finetuning_workdir.ClassifierConfig(
        task="mine",
        encoder=tiny_config().model,
        num_outputs=num_outputs,
        head="first_token",
        loss_reduction="sum",
        dropout=0.1,
        class_names=("no", "yes") if num_outputs == 2 else None,
        target_scale=5.0,
        is_pair=False,
        max_seq_length=12,
    )
    classifier = model.build()
    folder = tmp_path / "run"
    folder.mkdir()
    finetuning_workdir.save_model(folder, model, tokenizer)
    finetuning_workdir.save_weights(folder / "weights.safetensors", classifier)
    with pytest.raises(UserError, match="is not finished"):
        export(folder, tmp_path / "served")
    (folder / "results.json").write_text('{"weights": "weights.safetensors"}')
    export(folder, tmp_path / "served")
    serve = tf.saved_model.load(tmp_path / "served").signatures["serving_default"]
    got = serve(sentence=tf.constant(TEXTS))
    logits = classifier(features_of(tokenizer)).numpy()
    if num_outputs == 1:
        np.testing.assert_allclose(got["score"], 5.0 * logits[:, 0], atol=1e-5)
    else:
        expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        np.testing.assert_allclose(got["probabilities"], expected, atol=1e-5)
    predicted = load_text_classifier(folder).predict(TEXTS, verbose=0)
    answer = got["score" if num_outputs == 1 else "probabilities"]
    np.testing.assert_allclose(predicted, answer, atol=1e-5)
    # The encoder of a fine-tuning run is a pretrained encoder for the next one.
    encoder = loading.load_encoder(folder)
    np.testing.assert_array_equal(
        encoder(features_of(tokenizer))["sequence_output"],
        classifier.encoder(features_of(tokenizer))["sequence_output"],
    )


def test_no_vocabulary(tmp_path):
    config = tiny_config()
    weights = {
        v.path: keras.ops.convert_to_numpy(v)
        for v in build_objective(config).trainable_variables
    }
    pretraining_workdir.write(Pretrained(config, weights, "test"), tmp_path / "run")
    with pytest.raises(UserError, match="has no vocabulary beside it"):
        export(tmp_path / "run", tmp_path / "served")
    with pytest.raises(InterchangeError, match="there is no"):
        export(tmp_path / "none", tmp_path / "served")


def test_the_command_says_what_is_wrong(tmp_path):
    done = programs.run(
        *("-m", "tf_pretrain.export"),
        *(f"--checkpoint={tmp_path / 'none'}", f"--output={tmp_path / 'served'}"),
    )
    assert done.returncode == 1
    assert done.stderr.strip().endswith(f"error: there is no {tmp_path / 'none'}")
    tuned = tmp_path / "suite" / "RTE"
    tuned.mkdir(parents=True)
    (tuned / "model.json").write_text("{}")
    with pytest.raises(InterchangeError, match=f"fine-tuning workdirs {tuned}"):
        export(tmp_path / "suite", tmp_path / "served")
