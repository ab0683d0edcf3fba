"""Ways to learn a task from the same examples, as contestants of benchmarks.worker.

Each function prepares a task and returns `run(seed)`, which trains once and answers
with these figures:

    scores            {metric: value} of the scored split; the task's main metric first
    split             its name: the test set if it has labels, or else the dev set
    train_examples    that were trained on
    scored_examples   of the scored split
    commit            of the code
    seconds           training and one evaluation
    sentences_per_s   training examples in these seconds
    peak_memory       of the process so far, bytes
"""

import tempfile
import time

import numpy as np

from benchmarks import parity_baselines as baselines
from benchmarks.worker import peak_memory
from tf_pretrain import commit

# One recipe for all networks: BERT's (Devlin et al., 2019, sec. A.3), with the bias
# correction that its program leaves out.
BATCH_SIZE, EPOCHS, LEARNING_RATE, WARMUP = 32, 3, 5e-5, 0.1
MIN_STEPS = 200  # three epochs of 100 examples would be 9 steps, in which none learns
WEIGHT_DECAY, DROPOUT, MAX_LENGTH, EPSILON = 0.01, 0.1, 128, 1e-6


def ours(task, data_dir, encoder, size, from_scratch=False):
    """This program; from random weights of the encoder's shape if `from_scratch`."""
    from tf_pretrain.tasks.initial import load_initial
    from tf_pretrain.tasks.problems import make_problem
    from tf_pretrain.tasks.trial import TrialRunner

    task = load(task, data_dir, size)
    initial = load_initial(encoder, from_scratch)
    positions = initial.encoder_config.max_position_embeddings
    epochs = num_epochs(len(task.splits["train"]))
    config = _our_config(min(MAX_LENGTH, positions), epochs)
    problem = make_problem(task, config, initial.encoder_config, initial.tokenizer)
    runner = TrialRunner(problem, initial.weights)
    len(problem.examples)  # encodes the texts

    def run(seed):
        with tempfile.TemporaryDirectory() as folder:
            trial = runner.run(seed, folder)
        scores = trial.scores[_scored(task)]
        return _answer(task, scores, trial.seconds, runner.num_steps)

    return run


def num_epochs(num_examples) -> int:
    """EPOCHS, or more where these would be fewer than MIN_STEPS steps."""
    batches = num_examples // BATCH_SIZE or 1
    return max(EPOCHS, -(-MIN_STEPS // batches))


def _our_config(max_length, epochs):
    from tf_pretrain.config import FinetuneConfig, FinetuneSettings

    return FinetuneConfig(
        finetune=FinetuneSettings(
            batch_size=BATCH_SIZE,
            learning_rate=LEARNING_RATE,
            num_epochs=epochs,
            warmup_fraction=WARMUP,
            weight_decay=WEIGHT_DECAY,
            bias_correction=True,
            layerwise_decay=1.0,
            loss_reduction="mean",
            classifier_dropout=DROPOUT,
            encoder_dropout=DROPOUT,
            double_unordered=False,
            max_seq_length=max_length,
            num_evaluations=1,
        )
    )


def transformers(task, data_dir, encoder, size, autocast=False):
    """The same recipe on Hugging Face's network: PyTorch, eager, dynamic padding.

    Args:
        autocast: Computes in bfloat16 where PyTorch thinks it safe.
    """
    import torch
    import transformers as hf

    task = load(task, data_dir, size)
    tokenizer = hf.AutoTokenizer.from_pretrained(encoder)
    encoded = {
        name: _encode(tokenizer, split)
        for name, split in task.splits.items()
        if split.labels is not None
    }
    split = _scored(task)
    batches = len(encoded["train"]) // BATCH_SIZE or 1
    epochs = num_epochs(len(encoded["train"]))
    num_steps = batches * epochs

    def run(seed):
        torch.manual_seed(seed)
        network = _first_token_classifier(encoder, task.num_outputs)
        began = time.perf_counter()
        order = np.random.default_rng(seed)
        optimizer, schedule = _torch_optimizer(network, num_steps)
        network.train()
        for _ in range(epochs):
            rows = order.permutation(len(encoded["train"]))
            for step in range(batches):
                chosen = rows[step * BATCH_SIZE : (step + 1) * BATCH_SIZE]
                batch = _pad(tokenizer, [encoded["train"][row] for row in chosen])
                labels = torch.tensor(task.splits["train"].labels[chosen])
                with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                    loss = _loss(network(batch), labels, task)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimizer.step()
                schedule.step()
        predictions = _predict(network, tokenizer, encoded[split], task, autocast)
        scores = score(task, split, predictions)
        return _answer(task, scores, time.perf_counter() - began, num_steps)

    return run


def _first_token_classifier(encoder, num_outputs):
    """Dropout and one linear layer on the vector of [CLS], as in ours."""
    import torch
    import transformers as hf

    class Classifier(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = hf.AutoModel.from_pretrained(encoder)
            self.dropout = torch.nn.Dropout(DROPOUT)
            self.linear = torch.nn.Linear(self.encoder.config.hidden_size, num_outputs)
            torch.nn.init.normal_(self.linear.weight, std=0.02)
            torch.nn.init.zeros_(self.linear.bias)

        def forward(self, batch):
            states = self.encoder(**batch).last_hidden_state
            return self.linear(self.dropout(states[:, 0])).float()

    return Classifier()


def _encode(tokenizer, split):
    pairs = [] if split.texts_b is None else [split.texts_b]
    encoded = tokenizer(
        split.texts_a, *pairs, truncation="longest_first", max_length=MAX_LENGTH
    )
    return [{n: v[row] for n, v in encoded.items()} for row in range(len(split))]


def _pad(tokenizer, rows):
    return dict(tokenizer.pad(rows, return_tensors="pt"))


def _torch_optimizer(network, num_steps):
    import torch

    decayed, free = [], []
    for name, parameter in network.named_parameters():
        is_free = name.endswith("bias") or "LayerNorm" in name
        (free if is_free else decayed).append(parameter)
    optimizer = torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": WEIGHT_DECAY},
            {"params": free, "weight_decay": 0.0},
        ],
        lr=LEARNING_RATE,
        eps=EPSILON,
        fused=True,
    )
    warmup = WARMUP * num_steps
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda t: (1 - t / num_steps) * min(1.0, t / warmup)
    )
    return optimizer, schedule


def _loss(outputs, labels, task):
    import torch

    if task.is_regression:
        target = labels / task.target_scale
        return torch.nn.functional.mse_loss(outputs[:, 0], target)
    return torch.nn.functional.cross_entropy(outputs, labels.long())


def _predict(network, tokenizer, rows, task, autocast):
    import torch

    network.eval()
    outputs = np.zeros((len(rows), task.num_outputs), np.float32)
    by_length = np.argsort([len(row["input_ids"]) for row in rows], kind="stable")
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, autocast):
        for start in range(0, len(rows), BATCH_SIZE):
            chosen = by_length[start : start + BATCH_SIZE]
            batch = _pad(tokenizer, [rows[row] for row in chosen])
            outputs[chosen] = network(batch).numpy()
    if task.is_regression:
        return outputs[:, 0] * task.target_scale
    return outputs.argmax(1)


def linear(task, data_dir, encoder, size):
    """TF-IDF of words and pairs of words, and logistic (or ridge) regression.

    The regularisation is chosen by cross-validation on the training examples, so
    nothing is chosen on a split that is scored.
    """
    del encoder
    task = load(task, data_dir, size)

    def predict(split):
        return baselines.linear_predictions(task, baselines.tfidf(task), split)

    return _without_training(task, predict)


def probe(task, data_dir, encoder, size):
    """As `linear`, on the mean of the encoder's final states, which are not trained."""
    task = load(task, data_dir, size)

    def predict(split):
        features = baselines.mean_states(task, encoder)
        return baselines.linear_predictions(task, features, split)

    return _without_training(task, predict)


def majority(task, data_dir, encoder, size):
    """The most frequent class, or the mean score, of the training examples."""
    del encoder
    task = load(task, data_dir, size)
    return _without_training(
        task, lambda split: baselines.constant_predictions(task, split)
    )


def _without_training(task, predict):
    """The contestant of a function from the scored split to its predictions."""

    def run(seed):
        del seed  # nothing is drawn
        began = time.perf_counter()
        scores = score(task, _scored(task), predict(_scored(task)))
        return _answer(task, scores, time.perf_counter() - began, 0)

    return run


def load(task, data_dir, size):
    """A GLUE task by name or the user's by path, with `size` training examples."""
    from tf_pretrain.tasks.columns import Columns
    from tf_pretrain.tasks.loading import load_task
    from tf_pretrain.tasks.subset import with_training_examples

    loaded = load_task(task, data_dir, Columns())
    return with_training_examples(loaded, size, seed=0)


def score(task, split, predictions):
    """{metric: value} of predictions, by this program's metrics for all."""
    from tf_pretrain.training import metrics

    labels = task.splits[split].labels
    return {name: metrics.METRICS[name](labels, predictions) for name in task.metrics}


def _scored(task):
    """The name of the split that is scored: test if it has labels, or else dev."""
    return task.scored_splits[-1]


def _answer(task, scores, seconds, num_steps):
    split = _scored(task)
    return {
        "scores": scores,
        "split": split,
        "train_examples": len(task.splits["train"]),
        "scored_examples": len(task.splits[split]),
        "commit": commit.current(),
        "seconds": seconds,
        "sentences_per_s": num_steps * BATCH_SIZE / seconds,
        "peak_memory": peak_memory(),
    }
