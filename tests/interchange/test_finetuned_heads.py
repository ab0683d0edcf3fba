"""Heads for questions, choices and tags in the other formats, and back."""

import dataclasses
import itertools
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from support.paths import TESTS, VOCABULARIES
from support.tiny import tiny_config
from tf_pretrain.data.tokenization import load_tokenizer
from tf_pretrain.interchange import finetuning_workdir
from tf_pretrain.interchange.finetuned_networks import (
    ClassifierConfig,
    MultipleChoiceConfig,
    QuestionAnswererConfig,
    TaggerConfig,
)
from tf_pretrain.interchange.finetuning_workdir import FineTuned
from tf_pretrain.interchange.formats import convert
from tf_pretrain.interchange.pretrained import InterchangeError

GOLDEN = TESTS / "golden"
TOLERANCE = 2e-5
SPANS = [
    "electra_squad",
    "electra_squad_independent",
    "electra_squad_no_answerable",
    "electra_squadv1",
    "albert_squad_v1",
    "albert_squad_v2",
]
CLASSIFIERS = ["electra_single_mnli", "electra_single_sts", "albert_g1_mnli"]
RUNS = [*(f"qa/{name}" for name in SPANS), "tagging/electra_chunk", "race/albert_race"]
RUNS += [f"finetune/{name}" for name in CLASSIFIERS]
WORDS = "the quick brown fox jumps over lazy dog".split()


def read_all(prefix):
    reader = tf.train.load_checkpoint(str(prefix))
    return {n: reader.get_tensor(n) for n in reader.get_variable_to_shape_map()}


def network_weights(workdir):
    network = finetuning_workdir.load_finetuned(workdir).network
    return {v.path: keras.ops.convert_to_numpy(v) for v in network.trainable_variables}


def assert_same(got, expected):
    assert set(got) == set(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(got[name], value, err_msg=name)


def golden_checkpoint(run, folder):
    """An original checkpoint with the head of a run, and {name: array} of the head."""
    settings = json.loads((GOLDEN / f"{run}.json").read_text())
    source = GOLDEN / settings["init_checkpoint"]
    data = np.load(GOLDEN / f"{run}.npz")
    heads = {k.removeprefix("head|"): data[k] for k in data if k.startswith("head|")}
    # What fine-tuning keeps of the pretrained checkpoint.
    dropped = ("generator", "discriminator_predictions", "cls/predictions", "cls/seq")
    tensors = {
        name: value
        for name, value in read_all(source).items()
        if not name.startswith(dropped) and "adam_" not in name
    }
    folder.mkdir()
    tf.raw_ops.SaveV2(
        prefix=str(folder / "model.ckpt-9"),
        tensor_names=[*tensors, *heads],
        shape_and_slices=[""] * (len(tensors) + len(heads)),
        tensors=[tf.constant(x) for x in (*tensors.values(), *heads.values())],
    )
    for name in ("albert_config.json", "hparams.json", "vocab.txt"):
        if (source.parent / name).is_file():
            shutil.copy(source.parent / name, folder)
    if not (folder / "vocab.txt").is_file():
        (folder / "vocab.txt").write_text(
            "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]) + "\n"
        )
    if run.startswith("tagging"):
        count = heads["task_specific/chunk/dense/kernel"].shape[1]
        numbers = {f"S-{number}": number for number in range(count)}
        (folder / "label_mapping.json").write_text(json.dumps(numbers))
    return {**tensors, **heads}


@pytest.mark.parametrize("run", RUNS)
def test_original_checkpoints_come_back_bit_by_bit(run, tmp_path):
    """The names are the originals' own: the golden sets have them from their runs."""
    tensors = golden_checkpoint(run, tmp_path / "original")
    converted = convert(tmp_path / "original", tmp_path / "ours", "keras")
    assert "tensors" in converted.report()
    convert(tmp_path / "ours", tmp_path / "tf1", "tf1")
    back = read_all(next((tmp_path / "tf1").glob("*.index")).with_suffix(""))
    step = "global_step"
    back.pop(step), tensors.pop(step, None)
    assert_same(back, tensors)
    # Our own copy also has what no checkpoint holds.
    convert(tmp_path / "tf1", tmp_path / "again", "keras")
    assert_same(network_weights(tmp_path / "again"), network_weights(tmp_path / "ours"))
    first, second = (
        json.loads((tmp_path / name / "model.json").read_text())
        for name in ("ours", "again")
    )
    assert first == second


def test_heads_of_several_tasks_are_refused(tmp_path):
    golden_checkpoint("finetune/electra_multi_cola_sts_mnli", tmp_path / "original")
    with pytest.raises(InterchangeError, match=r"several tasks \(cola, mnli, sts\)"):
        convert(tmp_path / "original", tmp_path / "ours", "keras")


def test_one_output_of_bert_is_a_regression(tokenizer, tmp_path):
    """ALBERT's program has such a head for RACE, BERT's has not."""
    model = ClassifierConfig.foreign("test", encoder_of("bert"), ("x",), "pooled")
    written(model, tokenizer, tmp_path / "ours")
    convert(tmp_path / "ours", tmp_path / "tf1", "tf1")
    (tmp_path / "tf1" / "finetuned.json").unlink()
    convert(tmp_path / "tf1", tmp_path / "back", "keras")
    back = finetuning_workdir.load_finetuned(tmp_path / "back").model
    assert (back.kind, back.num_outputs, back.class_names) == ("classifier", 1, None)


def test_tags_need_their_names(tmp_path):
    golden_checkpoint("tagging/electra_chunk", tmp_path / "original")
    (tmp_path / "original" / "label_mapping.json").unlink()
    with pytest.raises(InterchangeError, match="put label_mapping.json"):
        convert(tmp_path / "original", tmp_path / "ours", "keras")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    path.write_text("\n".join(special + WORDS) + "\n")
    return load_tokenizer(path)


def encoder_of(family):
    model = {
        "electra": {},
        "bert": {"embedding_size": 16, "use_pooler": True, "hidden_act": "gelu_tanh"},
        "albert": {
            "parameter_sharing": "all",
            "use_pooler": True,
            "hidden_act": "gelu_tanh",
        },
    }
    return tiny_config(model=model[family]).model


def written(model, tokenizer, folder):
    """A workdir of noise."""
    network, rng = model.build(), np.random.default_rng(0)
    for variable in network.trainable_variables:
        around = float(variable.path.endswith("/gamma"))
        variable.assign(rng.normal(around, 0.2, variable.shape))
    model = dataclasses.replace(model, vocabulary=tokenizer.fingerprint)
    folder.mkdir()
    finetuning_workdir.write(FineTuned(model, network, tokenizer), folder)
    return network


def model_of(kind, family):
    encoder = encoder_of(family)
    if kind == "QuestionAnswering":
        settings = {"head": "independent", "has_answerability": False}
        return QuestionAnswererConfig("test", encoder, 24, **settings)
    if kind == "TokenClassification":
        return TaggerConfig("test", encoder, ("B-A", "E-A", "O"), 24)
    if kind == "SequenceClassification":
        return ClassifierConfig.foreign("test", encoder, ("no", "yes", "so"), "pooled")
    head = "first_token" if family == "electra" else "pooled"
    return MultipleChoiceConfig("test", encoder, 24, head=head)


def features_of(kind, rng):
    shape = (3, 4, 12) if kind == "MultipleChoice" else (3, 12)
    mask = np.ones(shape, np.int32)
    mask[0, ..., 9:] = 0
    segments = (np.arange(12) > 4).astype(np.int32) * mask
    features = {
        "input_ids": rng.integers(5, 13, shape).astype(np.int32) * mask,
        "input_mask": mask,
        "segment_ids": segments,
    }
    if kind == "TokenClassification":
        features["segment_ids"] = mask  # of all words, as in ELECTRA's program
        places = np.tile(np.arange(12, dtype=np.int32), (3, 1))
        features["labeled_positions"] = places
    return features


def theirs(transformers, torch, folder, architecture, features, is_tagger):
    cls = getattr(transformers, architecture)
    model, info = cls.from_pretrained(folder, output_loading_info=True)
    assert not any(info.values()), info
    segments = features["segment_ids"] * (0 if is_tagger else 1)
    with torch.no_grad():
        return model.eval()(
            input_ids=torch.tensor(features["input_ids"]),
            attention_mask=torch.tensor(features["input_mask"]),
            token_type_ids=torch.tensor(segments),
        )


@pytest.mark.parametrize(
    "kind, family",
    [
        *itertools.product(
            ["QuestionAnswering", "TokenClassification", "MultipleChoice"],
            ["electra", "bert", "albert"],
        ),
        ("SequenceClassification", "bert"),
        ("SequenceClassification", "albert"),
    ],
)
def test_transformers_computes_the_same(kind, family, tokenizer, tmp_path):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    network = written(model_of(kind, family), tokenizer, tmp_path / "ours")
    convert(tmp_path / "ours", tmp_path / "hf", "huggingface")
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    (architecture,) = config["architectures"]
    assert architecture == f"{family.capitalize()}For{kind}"
    features = features_of(kind, np.random.default_rng(1))
    is_tagger = kind == "TokenClassification"
    found = theirs(
        transformers, torch, tmp_path / "hf", architecture, features, is_tagger
    )
    got = network(features)
    if kind == "QuestionAnswering":
        # Ours cannot choose the question and padding.
        open_ = (features["segment_ids"] > 0) | (np.arange(12) == 0)
        for side in ("start", "end"):
            ours, other = got[f"{side}_logits"].numpy(), found[f"{side}_logits"].numpy()
            np.testing.assert_allclose(ours[open_], other[open_], atol=TOLERANCE)
    else:
        real = features["input_mask"] > 0 if is_tagger else np.s_[:]
        np.testing.assert_allclose(
            got.numpy()[real], found.logits.numpy()[real], atol=TOLERANCE
        )
    if is_tagger:
        assert config["id2label"] == {"0": "B-A", "1": "E-A", "2": "O"}
    _check_round_trip(tmp_path)
    _check_foreign(tmp_path, kind, got, features, is_tagger)


def _check_round_trip(folder):
    """Back here and there again: the same bits."""
    convert(folder / "hf", folder / "back", "keras")
    before = network_weights(folder / "ours")
    after = network_weights(folder / "back")
    assert_same(
        after, {k: v for k, v in before.items() if "pooler" not in k or k in after}
    )
    convert(folder / "back", folder / "hf2", "huggingface")
    weights = "model.safetensors"
    assert (folder / "hf" / weights).read_bytes() == (
        folder / "hf2" / weights
    ).read_bytes()


def _check_foreign(folder, kind, expected, features, is_tagger):
    """As another program would have written it, without our file of settings."""
    (folder / "hf" / "finetuned.json").unlink()
    convert(folder / "hf", folder / "foreign", "keras")
    network = finetuning_workdir.load_finetuned(folder / "foreign").network
    segments = features["segment_ids"] * (0 if is_tagger else 1)
    got = network(features | {"segment_ids": segments})
    if kind == "QuestionAnswering":
        got, expected = got["start_logits"], expected["start_logits"]
    real = features["input_mask"] > 0 if is_tagger else np.s_[:]
    np.testing.assert_allclose(
        got.numpy()[real], expected.numpy()[real], atol=TOLERANCE
    )


@pytest.mark.parametrize(
    "family, to, change, reason",
    [
        (
            "electra",
            "huggingface",
            {"head": "joint"},
            "predicts the end from",
        ),
        (
            "electra",
            "huggingface",
            {"head": "independent", "has_answerability": True},
            "has an answerability classifier",
        ),
        (
            "albert",
            "huggingface",
            {"head": "albert"},
            "predicts the end from",
        ),
        ("albert", "tf1", {"head": "joint"}, "ALBERT's TensorFlow 1 program has no"),
        ("electra", "tf1", {"head": "albert"}, "ELECTRA's TensorFlow 1 program"),
        ("electra", "keras_hub", {}, "keras-hub has no such head"),
    ],
)
def test_heads_that_a_format_lacks_are_refused(
    family, to, change, reason, tokenizer, tmp_path
):
    model = QuestionAnswererConfig("test", encoder_of(family), 24, **change)
    written(model, tokenizer, tmp_path / "ours")
    with pytest.raises(InterchangeError, match=reason) as error:
        convert(tmp_path / "ours", tmp_path / "out", to)
    assert "\n" not in str(error.value) and not (tmp_path / "out").exists()


def test_regressions_and_classes_of_transformers_are_told_apart(tokenizer, tmp_path):
    written(model_of("SequenceClassification", "bert"), tokenizer, tmp_path / "a")
    convert(tmp_path / "a", tmp_path / "classes", "huggingface")
    model = ClassifierConfig.foreign("test", encoder_of("bert"), ("x",), "pooled", 5.0)
    written(model, tokenizer, tmp_path / "b")
    notes = convert(tmp_path / "b", tmp_path / "scores", "huggingface").notes
    assert notes == ["its output is the score divided by 5"]
    for name, names, outputs in (
        ("classes", ("no", "yes", "so"), 3),
        ("scores", None, 1),
    ):
        (tmp_path / name / "finetuned.json").unlink()
        report = convert(tmp_path / name, tmp_path / f"{name}_back", "keras").report()
        assert "whether it reads pairs" in report
        tuned = finetuning_workdir.load_finetuned(tmp_path / f"{name}_back")
        assert tuned.model.class_names == names
        assert tuned.network.num_outputs == outputs
    path = tmp_path / "classes" / "config.json"
    problem = {"problem_type": "multi_label_classification"}
    path.write_text(json.dumps(json.loads(path.read_text()) | problem))
    with pytest.raises(InterchangeError, match="classes do not exclude each other"):
        convert(tmp_path / "classes", tmp_path / "out", "keras")


def test_electras_classifier_is_refused_and_theirs_leaves_the_encoder(
    tokenizer, tmp_path
):
    transformers = pytest.importorskip("transformers")
    model = ClassifierConfig.foreign("CoLA", encoder_of("electra"), "ab", "first_token")
    written(model, tokenizer, tmp_path / "ours")
    with pytest.raises(InterchangeError, match="has one more dense layer"):
        convert(tmp_path / "ours", tmp_path / "out", "huggingface")
    convert(tmp_path / "ours", tmp_path / "tf1", "tf1")
    names = read_all(next((tmp_path / "tf1").glob("*.index")).with_suffix(""))
    assert "task_specific/cola/dense/kernel" in names
    config = transformers.ElectraConfig(
        vocab_size=13,
        embedding_size=8,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    theirs = transformers.ElectraForSequenceClassification(config)
    theirs.save_pretrained(tmp_path / "theirs")
    tokenizer.save(tmp_path / "theirs")
    converted = convert(tmp_path / "theirs", tmp_path / "encoder", "keras")
    assert converted.config.model.hidden_size == 16


def test_summaries_of_other_programs_are_refused(tokenizer, tmp_path):
    """Hugging Face's default is a dense layer and the GELU behind [CLS]."""
    model = MultipleChoiceConfig("test", encoder_of("electra"), 24, head="first_token")
    written(model, tokenizer, tmp_path / "ours")
    convert(tmp_path / "ours", tmp_path / "hf", "huggingface")
    (tmp_path / "hf" / "finetuned.json").unlink()
    path = tmp_path / "hf" / "config.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | {"summary_use_proj": True}))
    with pytest.raises(InterchangeError, match="has a summary with a dense layer"):
        convert(tmp_path / "hf", tmp_path / "out", "keras")


def test_vocabularies_go_along(tmp_path):
    tokenizer = load_tokenizer(VOCABULARIES / "30k-clean.model")
    encoder = dataclasses.replace(encoder_of("albert"), vocab_size=tokenizer.vocab_size)
    written(MultipleChoiceConfig("test", encoder, 24), tokenizer, tmp_path / "ours")
    convert(tmp_path / "ours", tmp_path / "hf", "huggingface")
    convert(tmp_path / "hf", tmp_path / "back", "keras")
    tuned = finetuning_workdir.load_finetuned(tmp_path / "back")
    assert tuned.tokenizer.fingerprint == tokenizer.fingerprint
