"""Whole trials on a tiny pretrained encoder, against NumPy, scikit-learn and SciPy."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest

from support.tiny import one_layer_config, tiny_config
from tf_pretrain.config import FinetuneConfig, FinetuneSettings
from tf_pretrain.data.tokenization import WordPieceTokenizer
from tf_pretrain.errors import ConfigError, UserError
from tf_pretrain.interchange import finetuning_workdir
from tf_pretrain.models.encoder import Encoder
from tf_pretrain.tasks import finetune, plots, predictions, suite
from tf_pretrain.tasks.initial import Initial, load_initial
from tf_pretrain.tasks.results import report
from tf_pretrain.tasks.task import Split, Task
from tf_pretrain.tasks.text_problem import TextProblem
from tf_pretrain.tasks.trial import TrialRunner
from tf_pretrain.training.numerics import NumericsError

scipy_stats = pytest.importorskip("scipy.stats")
sklearn_metrics = pytest.importorskip("sklearn.metrics")

WORDS = ["good", "fine", "nice", "bad", "poor", "awful", "film", "play", "very", "a"]
SETTINGS = FinetuneSettings(
    num_trials=2,
    num_steps=12,
    batch_size=8,
    learning_rate=0.01,
    layerwise_decay=0.9,
    max_seq_length=16,
)
CONFIG = FinetuneConfig(finetune=SETTINGS)


def with_settings(**fields):
    return FinetuneConfig(finetune=dataclasses.replace(SETTINGS, **fields))


def sentences(count, seed):
    """Texts, and whether they have more good words than bad ones."""
    rng = np.random.default_rng(seed)
    rows = [rng.integers(0, len(WORDS), rng.integers(2, 9)) for _ in range(count)]
    labels = [int((row < 3).sum() > ((row >= 3) & (row < 6)).sum()) for row in rows]
    return [" ".join(WORDS[i] for i in row) for row in rows], np.array(labels, np.int32)


def classes(**fields):
    splits = {}
    for seed, (name, count) in enumerate((("train", 64), ("dev", 70), ("test", 9))):
        texts, labels = sentences(count, seed)
        splits[name] = Split(texts, None, None if name == "test" else labels)
    values = {
        "name": "SST-2",
        "class_names": ("negative", "positive"),
        "metrics": ("accuracy", "f1", "matthews"),
        "splits": splits,
        "label_texts": ("0", "1"),
        "submission_names": {"test": "SST-2"},
    }
    return Task(**values | fields)


def regression():
    splits = {}
    for seed, (name, count) in enumerate((("train", 40), ("dev", 70), ("test", 9))):
        texts_a, _ = sentences(count, seed)
        texts_b, labels = sentences(count, seed + 100)
        scores = None if name == "test" else (4.0 * labels + 0.5).astype(np.float32)
        splits[name] = Split(texts_a, texts_b, scores)
    return Task(
        name="STS-B",
        class_names=None,
        metrics=("spearman", "pearson"),
        splits=splits,
        submission_names={"test": "STS-B"},
        is_unordered=True,
        target_scale=5.0,
    )


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    path.write_text("\n".join(special + WORDS) + "\n")
    return WordPieceTokenizer(path)


@pytest.fixture(scope="module")
def initial(tokenizer):
    keras.utils.set_random_seed(7)
    encoder = Encoder(one_layer_config().model)
    weights = {
        v.path: keras.ops.convert_to_numpy(v) for v in encoder.trainable_variables
    }
    return Initial("somewhere", encoder.config, tokenizer, weights)


def runner(task, config, initial):
    problem = TextProblem(task, config, initial.encoder_config, initial.tokenizer)
    return TrialRunner(problem, initial.weights)


def read_tsv(path):
    header, *lines = path.read_text().split("\n")
    assert header == "index\tprediction" and lines.pop() == ""
    rows = [line.split("\t") for line in lines]
    assert [int(index) for index, _ in rows] == list(range(len(rows)))
    return [value for _, value in rows]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, initial):
    """(workdir, results) of a run on classes."""
    workdir = tmp_path_factory.mktemp("classes")
    return workdir, finetune.finetune(classes(), CONFIG, initial, workdir)


def test_nothing_to_tune(initial):
    dataset = runner(classes(), CONFIG, initial)._batches(seed=0)
    assert dataset.options().autotune.enabled is False


def test_predictions_give_the_scores(finished):
    workdir, results = finished
    task = classes()
    labels = task.splits["dev"].labels
    for trial in results["trials"]:
        found = np.array(read_tsv(workdir / trial["predictions"]["dev"]), int)
        expected = {
            "accuracy": sklearn_metrics.accuracy_score(labels, found),
            "f1": sklearn_metrics.f1_score(labels, found, zero_division=0),
            "matthews": sklearn_metrics.matthews_corrcoef(labels, found),
        }
        assert trial["dev"] == pytest.approx(expected)
        assert (
            trial["predictions"]["test"]
            == f"predictions/seed-{trial['seed']}/SST-2.tsv"
        )
        assert len(read_tsv(workdir / trial["predictions"]["test"])) == 9
        assert [entry["step"] for entry in trial["history"]] == [3, 6, 9, 12]
    assert results == json.loads((workdir / "results.json").read_text())


def test_results_sum_up_the_trials(finished):
    _, results = finished
    values = [trial["dev"]["accuracy"] for trial in results["trials"]]
    assert [trial["seed"] for trial in results["trials"]] == [0, 1]
    assert results["median"] == pytest.approx(np.median(values))
    assert results["std"] == pytest.approx(np.std(values, ddof=1))
    assert (results["min"], results["max"]) == (min(values), max(values))
    assert results["weights_of"] == "the last step"
    assert f"{100 * np.median(values):.2f}" in report(results)


def check_saved_weights(workdir, results, config, task):
    """The model that is loaded again predicts what the run has written."""
    fine_tuned = finetuning_workdir.load_classifier(workdir)
    made = runner(task, config, load_initial(workdir))
    made.network.set_weights(fine_tuned.classifier.get_weights())
    folder = workdir / f"predictions/seed-{results['median_seed']}"
    for split, name in (("dev", "dev"), ("test", "SST-2")):
        written = predictions.read(folder / f"{name}.tsv", task)
        np.testing.assert_array_equal(made.predict(split), written)
    return fine_tuned


def test_the_loaded_model_predicts_what_was_written(finished):
    workdir, results = finished
    fine_tuned = check_saved_weights(workdir, results, CONFIG, classes())
    assert fine_tuned.model.class_names == ("negative", "positive")
    weights = list((workdir / "trials").glob("*/weights.safetensors"))
    assert [str(path.relative_to(workdir)) for path in weights] == [results["weights"]]


def test_finished_trials_are_not_run_again(finished, initial, monkeypatch, tmp_path):
    workdir, results = finished
    monkeypatch.setattr(finetune, "TrialRunner", None)
    assert finetune.finetune(classes(), CONFIG, initial, workdir) == results
    with pytest.raises(ConfigError, match="finetune.num_steps: 12 -> 13"):
        finetune.finetune(classes(), with_settings(num_steps=13), initial, workdir)
    random = dataclasses.replace(initial, weights=None)
    with pytest.raises(ConfigError, match="init_sha256"):
        finetune.finetune(classes(), CONFIG, random, workdir)
    sizes = dataclasses.replace(initial.encoder_config, num_hidden_layers=2)
    claimed, deep = tmp_path / "one", dataclasses.replace(random, encoder_config=sizes)
    with pytest.raises(TypeError):  # at TrialRunner, once the workdir is claimed
        finetune.finetune(classes(), CONFIG, random, claimed)
    with pytest.raises(ConfigError, match="init_sha256"):
        finetune.finetune(classes(), CONFIG, deep, claimed)


@pytest.mark.integration
def test_a_trial_that_was_cut_off_is_run_again(finished, initial, tmp_path):
    """Alone in its process, the second trial equals the one that ran after another."""
    workdir, expected = finished
    shutil.copytree(workdir, tmp_path, dirs_exist_ok=True)
    (tmp_path / "trials/seed-1/trial.json").unlink()
    (tmp_path / "results.json").unlink()
    results = finetune.finetune(classes(), CONFIG, initial, tmp_path)
    for trial, whole in zip(results["trials"], expected["trials"], strict=True):
        assert {**trial, "seconds": 0} == {**whole, "seconds": 0}


def test_a_trial_starts_from_the_pretrained_encoder_and_a_new_head(initial):
    made = runner(classes(), CONFIG, initial)
    heads = []
    for seed in (0, 1):
        made._reset(seed)
        for variable in made.network.encoder.trainable_variables:
            np.testing.assert_array_equal(variable, initial.weights[variable.path])
        heads.append(np.array(made.network.dense.kernel))
    assert np.abs(heads[0] - heads[1]).max() > 0.1
    scratch = runner(classes(), CONFIG, dataclasses.replace(initial, weights=None))
    words = []
    for seed in (0, 1):
        scratch._reset(seed)
        words.append(np.array(scratch.network.encoder.embeddings.word_embeddings))
    assert np.abs(words[0] - words[1]).max() > 0.01


def test_dropout_is_the_configs_not_pretrainings(initial):
    made = runner(classes(), with_settings(encoder_dropout=0.25), initial)
    assert initial.encoder_config.hidden_dropout_prob == 0.0
    assert made.network.encoder.config.hidden_dropout_prob == 0.25
    assert made.network.encoder.config.attention_probs_dropout_prob == 0.25


@pytest.mark.integration
def test_regression_scales_and_doubles(initial, tmp_path):
    task = regression()
    made = runner(task, with_settings(max_seq_length=24), initial)
    train, split = made.problem.examples["train"], task.splits["train"]
    assert len(train) == 80 and made.num_steps == 12
    np.testing.assert_array_equal(train.labels, np.tile(split.labels, 2))
    logits = np.full((40, 1), 0.4, np.float32)
    losses = made.network.example_losses({"labels": split.labels}, logits)
    np.testing.assert_allclose(losses, (0.4 - split.labels / 5.0) ** 2, rtol=1e-5)
    ids = train.input_ids[40].tolist()  # [CLS] b [SEP] a [SEP]
    separator = ids.index(3)
    first = made.problem.examples["train"].input_ids[0].tolist()
    assert first[1 : first.index(3)] == ids[separator + 1 : -1]

    # Predictions are on the scale of the labels again.
    made.network.dense.set_weights([np.zeros((16, 1)), np.array([0.4])])
    np.testing.assert_allclose(made.predict("dev"), 5.0 * 0.4, rtol=1e-6)

    results = finetune.finetune(task, CONFIG, initial, tmp_path)
    labels = task.splits["dev"].labels
    for trial in results["trials"]:
        found = np.array(read_tsv(tmp_path / trial["predictions"]["dev"]), float)
        assert trial["dev"]["spearman"] == pytest.approx(
            scipy_stats.spearmanr(labels, found)[0], abs=1e-6
        )
        assert trial["dev"]["pearson"] == pytest.approx(
            scipy_stats.pearsonr(labels, found)[0], abs=1e-6
        )

    raw = runner(
        task, with_settings(scale_targets=False, double_unordered=False), initial
    )
    np.testing.assert_array_equal(raw.problem.examples["train"].labels, split.labels)
    losses = raw.network.example_losses({"labels": split.labels}, logits)
    np.testing.assert_allclose(losses, (0.4 - split.labels) ** 2, rtol=1e-5)


def test_the_best_weights_of_a_regression_are_those_of_the_best_pearson(
    initial, tmp_path, monkeypatch
):
    """As in ALBERT's program, though Spearman's is what is reported."""
    first = {"spearman": 0.1, "pearson": 0.9}
    scores = iter([first, {"spearman": 0.9, "pearson": 0.1}, first])
    monkeypatch.setattr(TextProblem, "scores", lambda *_: next(scores))
    config = with_settings(choose_best_on_dev=True, num_trials=1, num_evaluations=2)
    (trial,) = finetune.finetune(regression(), config, initial, tmp_path)["trials"]
    assert trial["kept_step"] == 6


def test_submissions_stay_in_the_range_of_the_leaderboard(tmp_path):
    values = {"dev": np.array([-1.0, 6.0]), "test": np.array([-1.0, 2.5, 6.0])}
    files = predictions.write(tmp_path, regression(), values)
    assert read_tsv(files["test"]) == ["0", "2.5", "5"]
    assert files["test"].name == "STS-B.tsv"
    assert read_tsv(files["dev"]) == ["-1", "6"]


def test_the_best_evaluation_is_kept_only_when_asked_for(initial, tmp_path):
    config = with_settings(choose_best_on_dev=True, num_trials=1, num_evaluations=6)
    results = finetune.finetune(classes(), config, initial, tmp_path)
    trial = results["trials"][0]
    best = max(trial["history"], key=lambda entry: entry["accuracy"])
    assert trial["kept_step"] == best["step"] < 12  # else this would test nothing
    check_saved_weights(tmp_path, results, config, classes())
    assert trial["dev"]["accuracy"] == best["accuracy"]
    assert "best of 6 evaluations on the dev set" in results["weights_of"]
    assert "optimistic" in report(results)


@pytest.mark.integration
def test_a_trial_learns_at_its_learning_rate(initial, tmp_path):
    """And not at rate 0, which leaves the encoder as it was."""
    accuracies = {}
    for rate, steps in ((0.003, 150), (0.0, 12)):
        made = runner(
            classes(),
            with_settings(num_steps=steps, bias_correction=True, learning_rate=rate),
            initial,
        )
        trial = made.run(0, tmp_path)
        accuracies[rate] = trial.scores["dev"]["accuracy"]
    labels = classes().splits["dev"].labels
    majority = max(np.mean(labels), 1 - np.mean(labels))
    assert accuracies[0.0] <= majority + 0.02
    assert accuracies[0.003] > majority + 0.2
    for variable in made.network.encoder.trainable_variables:
        start = initial.weights["encoder/" + variable.path.partition("/")[2]]
        np.testing.assert_array_equal(variable, start)


def test_learning_rates_by_layer(initial):
    two_layers = Initial("nowhere", tiny_config().model, initial.tokenizer, None)
    made = runner(classes(), CONFIG, two_layers)
    optimizer = made._trainer.optimizer
    rates = {
        variable.path.removeprefix("encoder/"): rate
        for variable, rate in zip(
            made._trainer.trainable_variables, optimizer._multipliers, strict=True
        )
    }
    # Two layers: decay^(2 + 2 - depth).
    assert rates["embeddings/word_embeddings"] == pytest.approx(0.9**4)
    assert rates["attention_0/query/kernel"] == pytest.approx(0.9**3)
    assert rates["feed_forward_1/output/bias"] == pytest.approx(0.9**2)
    assert rates["task_specific/kernel"] == 1.0


def test_what_does_not_fit_is_named(tokenizer):
    def describe(config=CONFIG, vocabulary=tokenizer, **model):
        encoder = dataclasses.replace(tiny_config().model, **model)
        return TextProblem(classes(), config, encoder, vocabulary)

    with pytest.raises(ConfigError, match="15 pieces, but the encoder 14"):
        describe(vocab_size=14)
    with pytest.raises(ConfigError, match="the encoder has 24 positions"):
        describe(with_settings(max_seq_length=25))
    with pytest.raises(ConfigError, match="layers of one block, but"):
        describe(inner_group_num=2)
    with pytest.raises(ConfigError, match="layerwise_decay needs layers with"):
        describe(parameter_sharing="all")
    with pytest.raises(ConfigError, match="no pooler"):
        describe(with_settings(head="pooled"))
    with pytest.raises(UserError, match="max_seq_length is 2; expected at least 3"):
        describe(with_settings(max_seq_length=2))
    with pytest.raises(ConfigError, match="learning_rate is nan"):
        with_settings(learning_rate=float("nan"))


def test_a_refused_setting_leaves_no_claim(initial, tmp_path):
    with pytest.raises(UserError, match="max_seq_length is 2"):
        finetune.finetune(
            classes(), with_settings(max_seq_length=2), initial, tmp_path / "run"
        )
    assert not (tmp_path / "run").exists()


def test_fewer_trials_than_before(finished, initial, tmp_path):
    """The weights of one trial are kept; without it nothing is left to load."""
    workdir, _ = finished
    shutil.copytree(workdir, tmp_path, dirs_exist_ok=True)
    (kept,) = (tmp_path / "trials").glob("*/weights.safetensors")
    kept.rename(tmp_path / "trials/seed-1/weights.safetensors")
    with pytest.raises(ConfigError, match="none of the seeds 0 to 0"):
        finetune.finetune(classes(), with_settings(num_trials=1), initial, tmp_path)
    results = finetune.finetune(classes(), CONFIG, initial, tmp_path)
    assert results["median_seed"] == 1


def test_steps_that_are_not_finite_are_counted(initial, tmp_path):
    """A target beyond what the loss can hold spoils each batch that has it."""
    task = regression()
    spoiled = task.splits["train"].labels.copy()
    spoiled[0] = 3e38
    train = dataclasses.replace(task.splits["train"], labels=spoiled)
    task = dataclasses.replace(task, splits={**task.splits, "train": train})
    config = with_settings(num_trials=1, scale_targets=False)
    results = finetune.finetune(task, config, initial, tmp_path)
    (trial,) = results["trials"]
    assert 0 < trial["skipped_steps"] < 12
    assert f"{trial['skipped_steps']} steps skipped" in report(results)


def test_outputs_that_are_not_finite_stop_the_trial(initial):
    made = runner(classes(), CONFIG, initial)
    made.network.dense.bias.assign([np.nan, 0.0])
    with pytest.raises(NumericsError, match="outputs for dev are not finite"):
        made.predict("dev")


def test_another_vocabulary_is_noticed(finished, tmp_path):
    workdir, _ = finished
    shutil.copytree(workdir, tmp_path, dirs_exist_ok=True)
    lines = (tmp_path / "vocab.txt").read_text().split("\n")[:-1]
    lines[-2:] = lines[-1], lines[-2]
    (tmp_path / "vocab.txt").write_text("\n".join(lines) + "\n")
    with pytest.raises(UserError, match="another vocabulary than it was trained with"):
        finetuning_workdir.load_classifier(tmp_path)


@pytest.mark.draws
def test_class_names_with_dollars_are_drawn(finished, tmp_path):
    workdir, results = finished
    names = ("$0_$9", "a^b")
    task = classes(name="prices", class_names=names, label_texts=names)
    for trial in results["trials"]:
        path = trial["predictions"]["dev"]
        dev = {"dev": predictions.read(workdir / path, classes())}
        assert predictions.write((tmp_path / path).parent, task, dev)["dev"].is_file()
    plots.plot_trials(tmp_path, task, results)
    assert (tmp_path / "confusion.png").is_file()


def test_an_unfinished_run_cannot_be_loaded(finished, tmp_path):
    workdir, _ = finished
    with pytest.raises(UserError, match="not a fine-tuning workdir"):
        finetuning_workdir.load_classifier(tmp_path)
    (tmp_path / "model.json").write_bytes((workdir / "model.json").read_bytes())
    with pytest.raises(UserError, match="is not finished"):
        finetuning_workdir.load_classifier(tmp_path)


def test_averages():
    """By hand: ELECTRA's over first metrics, the leaderboard's over tasks' means."""
    medians = {
        "CoLA": {"dev": {"matthews": 0.5}},
        "MRPC": {"dev": {"accuracy": 0.8, "f1": 0.9}},
        "STS-B": {"dev": {"spearman": 0.7, "pearson": 0.8}},
        "MNLI": {"dev": {"accuracy": 0.6}, "dev_mismatched": {"accuracy": 0.62}},
        "WNLI": {"dev": {"accuracy": 0.1}},
    }
    average, tasks = suite.electra_average(medians)
    assert average == pytest.approx((0.5 + 0.8 + 0.7 + 0.6) / 4)
    assert tasks == ["CoLA", "MRPC", "STS-B", "MNLI"]
    average, tasks = suite.leaderboard_average(medians)
    assert average == pytest.approx((0.5 + 0.85 + 0.75 + 0.61 + 0.1) / 5)
    assert tasks == ["CoLA", "MRPC", "STS-B", "MNLI", "WNLI"]


def test_averages_of_the_papers_are_over_our_tasks(initial):
    """ELECTRA-Small++: CoLA 57.0, RTE 66.7. ELECTRA-Small's scores are not printed."""
    medians = {
        "CoLA": {"dev": {"matthews": 0.5}},
        "RTE": {"dev": {"accuracy": 0.6}},
    }
    all_results = {
        name: {
            **{"metric": "m", "median": 0.5, "std": 0.0, "min": 0.5, "max": 0.5},
            **{"medians": scores, "trials": [], "notes": []},
        }
        for name, scores in medians.items()
    }
    small = dataclasses.replace(
        initial.encoder_config,
        num_hidden_layers=12,
        hidden_size=256,
        num_attention_heads=4,
    )
    lines = suite.report(suite.summarize(all_results, small), {}).splitlines()
    ends = {line[:34].strip(): line[34:].split() for line in lines}
    assert ends["median"] == ["50.0", "50.0", "55.0"]
    assert ends["ELECTRA-Small++"] == ["57.0", "66.7", f"{(57.0 + 66.7) / 2:.1f}"]
    assert ends["ELECTRA-Small"] == []


def test_rows_of_the_papers_are_those_of_the_size(initial):
    small = dataclasses.replace(
        initial.encoder_config,
        num_hidden_layers=12,
        hidden_size=256,
        num_attention_heads=4,
    )
    rows = {row["model"]: row for row in suite.paper_rows(small)}
    assert rows["ELECTRA-Small"]["average"] == 79.9  # Table 1
    scores = [rows["ELECTRA-Small++"]["scores"][name] for name in suite.AVERAGED]
    assert np.mean(scores) == pytest.approx(81.1, abs=0.05)
    assert suite.paper_rows(initial.encoder_config) == []
