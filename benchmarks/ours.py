"""This package's side of the comparisons: contestants for benchmarks.worker."""

import itertools
import time
from pathlib import Path

import numpy as np

from benchmarks import corpus


def pretraining_step(folder, model, jit_compile=True):
    """The train step under `Trainer`, on prepared batches."""
    config = corpus.CONFIGS[model]()
    return timed_step(config, corpus.load_batches(folder, model), jit_compile)


def timed_step(config, batches, jit_compile=True):
    """`run(steps)` of the train step of a config, traced and compiled.

    Args:
        batches: Dicts of NumPy features, taken in turn.
    """
    import tensorflow as tf

    step = build_trainer(config, jit_compile).make_train_function()
    tokens = itertools.cycle([corpus.real_tokens(batch) for batch in batches])
    stream = itertools.cycle(
        [{n: tf.constant(v) for n, v in batch.items()} for batch in batches]
    )
    step(stream)
    next(tokens)

    def run(steps):
        began = time.perf_counter()
        for _ in range(steps):
            logs = step(stream)
        float(logs["loss"])  # waits
        seconds = time.perf_counter() - began
        seen = sum(next(tokens) for _ in range(steps))
        return {"seconds": seconds / steps, "tokens_per_s": seen / seconds}

    return run


def build_trainer(config, jit_compile):
    """The Trainer of a config, with its optimizer."""
    from tf_pretrain.models.building import build_objective
    from tf_pretrain.training.optimizers import build_optimizer
    from tf_pretrain.training.trainer import Trainer

    trainer = Trainer(build_objective(config))
    trainer.compile(optimizer=build_optimizer(config.train), jit_compile=jit_compile)
    return trainer


def input_wait(folder, model):
    """How long the train step waits for the input pipeline, masks drawn on the fly."""
    from tf_pretrain.data import batches, record_sets, tokenization

    config = corpus.CONFIGS[model]()
    records = Path(folder, config.data.tokenizer)
    stream = iter(
        batches.training_batches(
            record_sets.find_records(str(records / "train-*.tfrecord")),
            config.data,
            tokenization.load_tokenizer(records),
            config.seed,
            config.train.batch_size,
        )
    )
    step = build_trainer(config, True).make_train_function()
    step(stream)

    def run(steps):
        waited, began = 0.0, time.perf_counter()
        for _ in range(steps):
            asked = time.perf_counter()
            features = next(stream)
            waited += time.perf_counter() - asked
            float(step(iter([features]))["loss"])
        seconds = time.perf_counter() - began
        return {"wait": waited / steps, "seconds": seconds / steps}

    return run


def finetuning(folder, texts, labels, batch_size):
    """ELECTRA-Small on sentences, batches grouped by length; random weights."""
    import tensorflow as tf

    from tf_pretrain.config import FinetuneSettings
    from tf_pretrain.data import tokenization
    from tf_pretrain.models.classifier import Classifier
    from tf_pretrain.models.encoder import Encoder
    from tf_pretrain.tasks import batches
    from tf_pretrain.tasks.examples import encode_split
    from tf_pretrain.tasks.task import Split
    from tf_pretrain.training.optimizers import build_optimizer, layerwise_multipliers
    from tf_pretrain.training.trainer import Trainer

    settings = FinetuneSettings(batch_size=batch_size)
    tokenizer = tokenization.load_tokenizer(Path(folder, "wordpiece"))
    examples = encode_split(
        Split(texts, None, np.array(labels, np.int32)),
        tokenizer,
        settings.max_seq_length,
    )
    model = corpus.electra_config().model
    trainer = Trainer(Classifier(Encoder(model), num_outputs=2))
    trainer.compile(
        optimizer=build_optimizer(
            settings.train_config(1000),
            layerwise_multipliers(model.num_hidden_layers, settings.layerwise_decay),
        ),
        jit_compile=settings.jit_compile,
    )
    step = trainer.make_train_function()
    features = batches.training_batches(examples, settings, 10**6, seed=0)
    stream = ({n: tf.constant(v) for n, v in f.items()} for f in features)

    def run(steps=batches.POOL_BATCHES):  # a whole pool: short and long batches
        began = time.perf_counter()
        for _ in range(steps):
            logs = step(stream)
        float(logs["loss"])
        return {"sentences_per_s": steps * batch_size / (time.perf_counter() - began)}

    run()  # traces
    return run


def serving(folder, text):
    """A SavedModel of ELECTRA-Small with a class head: one string in, labels out."""
    import tempfile

    import tensorflow as tf

    from tf_pretrain.data import tokenization
    from tf_pretrain.models.classifier import Classifier
    from tf_pretrain.models.encoder import Encoder
    from tf_pretrain.serving import saved_model as serving_lib

    model = serving_lib.ClassifierModel(
        Classifier(Encoder(corpus.electra_config().model), num_outputs=2),
        tokenization.load_tokenizer(Path(folder, "wordpiece")),
        128,
        ("negative", "positive"),
        is_pair=False,
    )
    with tempfile.TemporaryDirectory() as saved:
        serving_lib.save(model, saved)
        serve = tf.saved_model.load(saved).signatures["serving_default"]
    answer = serve(sentence=tf.constant([text]))

    def run(calls):
        seconds = []
        for _ in range(calls):
            began = time.perf_counter()
            answer = serve(sentence=tf.constant([text]))
            answer["probabilities"].numpy()
            seconds.append(time.perf_counter() - began)
        return {"seconds": float(np.median(seconds))}

    del answer
    return run


def matrix_rate():
    """float32 products of 2048 x 2048 matrices in TensorFlow."""
    import tensorflow as tf

    a, b = (tf.random.normal([2048, 2048]) for _ in range(2))
    product = tf.function(tf.matmul)
    product(a, b)

    def run(steps):
        began = time.perf_counter()
        for _ in range(steps):
            result = product(a, b)
        result[0, 0].numpy()
        return {"rate": 2 * 2048**3 * steps / (time.perf_counter() - began)}

    return run
