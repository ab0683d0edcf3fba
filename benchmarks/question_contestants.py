"""Question answering by this program and by transformers: for benchmarks.worker.

Both read the same questions with the same vocabulary. A contestant that builds features
answers `questions_per_s` and `windows`, one that trains `windows_per_s` and
`peak_memory`.
"""

import dataclasses
import itertools
import time

import numpy as np

from benchmarks import corpus
from benchmarks.worker import peak_memory

LENGTH, STRIDE = 384, 128  # pieces of an input, and from window to window
_LEARNING_RATE = 1e-5  # of both; the speed does not depend on it
_CHUNK = 1000  # questions that the peer tokenizes at once, as `datasets.map` does


def our_features(data, vocab, questions=None):
    """Windows and labels, in one process, as `run_finetuning.py` makes them."""
    from tf_pretrain.data.tokenization import load_tokenizer
    from tf_pretrain.tasks.question_answering import codec

    asked, model = _questions(data, questions), _our_network()

    def run():
        tokenizer = load_tokenizer(vocab)  # it keeps the words that it has seen
        tokenizer.plain.tokenize([""])  # makes it
        began = time.perf_counter()
        examples, _ = codec.encode(asked, model, tokenizer, is_train=True)
        rate = len(asked) / (time.perf_counter() - began)
        return {"questions_per_s": rate, "windows": len(examples)}

    return run


def peer_features(data, vocab, questions=None):
    """The same by the fast tokenizer, with the loop of transformers' `run_qa.py`."""
    asked, tokenizer = _questions(data, questions), _fast_tokenizer(vocab)

    def run():
        began = time.perf_counter()
        windows = sum(
            len(encode(tokenizer, asked[start : start + _CHUNK])["input_ids"])
            for start in range(0, len(asked), _CHUNK)
        )
        rate = len(asked) / (time.perf_counter() - began)
        return {"questions_per_s": rate, "windows": windows}

    return run


def our_training(data, vocab, batch_size, is_grouped, questions=None):
    """ELECTRA-Small with the independent head, dropout 0.1; random weights.

    Args:
        is_grouped: Batches of windows of about one length without XLA, as
            `run_finetuning.py` makes them by default; otherwise all windows are padded
            to LENGTH, and XLA compiles the step.
    """
    from tf_pretrain.config import FinetuneSettings
    from tf_pretrain.data.tokenization import load_tokenizer
    from tf_pretrain.tasks import batches
    from tf_pretrain.tasks.question_answering import codec

    settings = FinetuneSettings(
        batch_size=batch_size,
        max_seq_length=LENGTH,
        learning_rate=_LEARNING_RATE,
        group_by_length=is_grouped,
        jit_compile=not is_grouped,
    )
    model, asked = _our_network(), _questions(data, questions)
    examples, _ = codec.encode(asked, model, load_tokenizer(vocab), is_train=True)
    stream = iter(
        batches.as_dataset(
            lambda: batches.training_batches(examples, settings, 10**6, seed=0)
        )
    )
    step = _our_step(model, settings)
    for _ in range(8 if is_grouped else 1):  # traces one length, then any; compiles
        step(stream)

    def run(steps):
        began = time.perf_counter()
        for _ in range(steps):
            logs = step(stream)
        float(logs["loss"])  # waits
        return _answer(steps * batch_size, began)

    return run


def _our_step(model, settings):
    from tf_pretrain.training.optimizers import build_optimizer
    from tf_pretrain.training.trainer import Trainer

    trainer = Trainer(model.build())
    trainer.compile(
        optimizer=build_optimizer(settings, 10**6, 0),
        jit_compile=settings.jit_compile,
    )
    return trainer.make_train_function()


def peer_training(data, vocab, batch_size, padding, questions=None):
    """`ElectraForQuestionAnswering`, eager.

    Args:
        padding: "max_length" (LENGTH) or "longest" of each batch.
    """
    import torch
    import transformers

    from benchmarks import torch_peers

    encoded = encode(_fast_tokenizer(vocab), _questions(data, questions))
    stream = _peer_batches(encoded, batch_size, padding)
    model = corpus.electra_config().model
    network = transformers.ElectraForQuestionAnswering(
        torch_peers.electra_network_config(model)
    ).train()
    step = torch_peers.train_step(network, lambda batch: network(**batch).loss)

    def tensors():
        batch = next(stream)
        return {name: torch.from_numpy(value).long() for name, value in batch.items()}

    step(tensors())

    def run(steps):
        began = time.perf_counter()
        for _ in range(steps):
            loss = step(tensors())
        loss.item()
        return _answer(steps * batch_size, began)

    return run


def _peer_batches(encoded, batch_size, padding):
    """Dicts of arrays in random order, without end."""
    arrays = {name: np.array(value, np.int32) for name, value in encoded.items()}
    lengths = arrays["attention_mask"].sum(axis=1)
    rows = itertools.chain.from_iterable(
        np.random.default_rng(epoch).permutation(len(lengths))
        for epoch in itertools.count()
    )
    while True:
        chosen = list(itertools.islice(rows, batch_size))
        length = LENGTH if padding == "max_length" else lengths[chosen].max()
        yield {
            name: values[chosen, :length] if values.ndim > 1 else values[chosen]
            for name, values in arrays.items()
        }


def encode(tokenizer, questions) -> dict[str, list]:
    """What `prepare_train_features` of transformers' example `run_qa.py` returns.

    Its `stride` is the overlap of two windows, ours the step from one to the next, so
    that a text of several windows has fewer here.
    """
    encoded = tokenizer(
        [question.text.lstrip() for question in questions],
        [question.context for question in questions],
        truncation="only_second",
        max_length=LENGTH,
        stride=STRIDE,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        padding="max_length",
    )
    rows = encoded.pop("overflow_to_sample_mapping")
    places = [
        _positions(encoded, window, offsets, questions[row], tokenizer)
        for window, (offsets, row) in enumerate(
            zip(encoded.pop("offset_mapping"), rows, strict=True)
        )
    ]
    encoded["start_positions"], encoded["end_positions"] = zip(*places, strict=True)
    return dict(encoded)


def _positions(encoded, window, offsets, question, tokenizer):
    """The answer's first and last position, or that of [CLS], as `run_qa.py` finds."""
    ids, sequence = encoded["input_ids"][window], encoded.sequence_ids(window)
    nowhere = ids.index(tokenizer.cls_token_id)
    if not question.answers:
        return nowhere, nowhere
    answer = question.answers[0]
    begin, end = answer.start, answer.start + len(answer.text)
    first, last = 0, len(ids) - 1
    while sequence[first] != 1:
        first += 1
    while sequence[last] != 1:
        last -= 1
    if not (offsets[first][0] <= begin and offsets[last][1] >= end):
        return nowhere, nowhere
    while first < len(offsets) and offsets[first][0] <= begin:
        first += 1
    while offsets[last][1] >= end:
        last -= 1
    return first - 1, last + 1


def _questions(data, number):
    from tf_pretrain.tasks.question_answering.squad_files import read_questions

    return read_questions(data)[:number]


def _our_network():
    from tf_pretrain.interchange.finetuned_networks import QuestionAnswererConfig

    encoder = dataclasses.replace(
        corpus.electra_config().model, max_position_embeddings=512
    )
    return QuestionAnswererConfig(
        task="benchmark",
        encoder=encoder,
        max_seq_length=LENGTH,
        head="independent",
        has_answerability=False,
        doc_stride=STRIDE,
    )


def _fast_tokenizer(vocab):
    import transformers

    return transformers.BertTokenizerFast(vocab=vocab, do_lower_case=True)


def _answer(windows, began):
    rate = windows / (time.perf_counter() - began)
    return {"windows_per_s": rate, "peak_memory": peak_memory()}
