"""The HTTP server: 1,000 requests at once, hostile texts, requests that are wrong.

python -m pytest -s -m "slow or not slow" tests/faults/test_served_under_load.py
"""

import asyncio
import json
import random
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from starlette.testclient import TestClient

from support import programs
from support.paths import ROOT, VOCABULARIES
from tf_pretrain.config import EncoderConfig
from tf_pretrain.data.tokenization import load_tokenizer
from tf_pretrain.models.classifier import Classifier
from tf_pretrain.models.encoder import Encoder
from tf_pretrain.serving import saved_model

pytest.importorskip("starlette", reason="needs requirements-serving.txt")
pytest.importorskip("uvicorn", reason="needs requirements-serving.txt")

from tf_pretrain.serving import http as http_server  # noqa: E402

pytestmark = pytest.mark.integration

LENGTH, NUM_REQUESTS = 64, 1000
PREDICT = "/v1/models/sst2:predict"
HOSTILE = [
    "",
    " \t\n",
    "\0\0\0",
    "null\0byte",
    "\ud83d half a surrogate pair",
    "\U0001f600\u202e\u0301\ufeff",
    '"}]} {"instances": [',
    "'; DROP TABLE texts; --",
    "../../../../etc/passwd",
    "<script>alert(1)</script> %s %n {0} ${HOME} $(id)",
    "x" * 20_000,
    "word " * 20_000,
    "\u0e01" * 5_000,
    "[CLS] [SEP] [MASK] [PAD] [UNK]",
]


@pytest.fixture(scope="module")
def model(golden_vocabulary, tmp_path_factory):
    """Folder of a SavedModel: an untrained classifier with a real vocabulary."""
    tokenizer = load_tokenizer(golden_vocabulary)
    config = EncoderConfig(
        vocab_size=tokenizer.vocab_size,
        embedding_size=8,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=LENGTH,
        initializer_range=0.5,
    )
    network = Classifier(Encoder(config), 2)
    folder = tmp_path_factory.mktemp("served") / "sst2" / "1"
    folder.mkdir(parents=True)
    saved_model.save(
        saved_model.ClassifierModel(network, tokenizer, LENGTH, ("bad", "good"), False),
        folder,
    )
    return folder


@pytest.fixture(scope="module")
def golden_vocabulary():
    return VOCABULARIES / "bert-base-uncased-vocab.txt"


class _Server:
    """The command in a process of its own."""

    def __init__(self, model):
        self.log = open(model.parent / "log", "w+", encoding="utf-8")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tf_pretrain.serve"]
            + [f"--model={model}", f"--port={self.port}"],
            cwd=ROOT,
            stdout=self.log,
            stderr=self.log,
        )

    def __enter__(self):
        for _ in range(600):
            assert self.process.poll() is None, self.logged
            try:
                status, _ = asyncio.run(self.request("GET", "/v1/models/sst2"))
                assert status == 200
                return self
            except OSError:
                time.sleep(0.2)
        raise AssertionError("the server does not answer")

    def __exit__(self, *exception):
        self.process.kill()
        self.process.wait()
        self.log.close()

    @property
    def logged(self):
        self.log.seek(0)
        return self.log.read()

    async def request(self, method, path, body=b""):
        """(status, parsed answer) over a connection of its own."""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        async with asyncio.timeout(200):  # a lost answer is no endless test
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
            answer = await reader.read()
            writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)

    async def timed(self, instances):
        """(predictions, seconds) of a request that must succeed."""
        body = json.dumps({"instances": instances}).encode()
        began = time.perf_counter()
        status, answer = await self.request("POST", PREDICT, body)
        assert status == 200, answer
        return answer["predictions"], time.perf_counter() - began

    @property
    def resident_mb(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


@pytest.fixture(scope="module")
def server(model):
    with _Server(model) as running:
        yield running


def _requests(model, count, seed=0):
    """Lists of 1 to 4 texts, one in ten hostile, and what the model itself says."""
    generator = random.Random(seed)
    vocabulary = (VOCABULARIES / "bert-base-uncased-vocab.txt").read_text()
    words = [word for word in vocabulary.split("\n") if word.isalpha()]

    def text():
        if generator.random() < 0.1:
            return generator.choice(HOSTILE)
        return " ".join(generator.choices(words, k=generator.randrange(1, 120)))

    requests = [[text() for _ in range(generator.randint(1, 4))] for _ in range(count)]
    serve = tf.saved_model.load(str(model)).signatures["serving_default"]
    flat = [text.encode("utf-8", "surrogatepass") for r in requests for text in r]
    parts = [
        serve(sentence=tf.constant(flat[i : i + 64]))["probabilities"].numpy()
        for i in range(0, len(flat), 64)
    ]
    return requests, iter(np.concatenate(parts))


async def _all_at_once(server, requests):
    return await asyncio.gather(*(server.timed(instances) for instances in requests))


def _check(requests, answers, expected):
    for instances, (predictions, _) in zip(requests, answers, strict=True):
        assert len(predictions) == len(instances)
        for prediction in predictions:
            own = next(expected)
            np.testing.assert_allclose(prediction["probabilities"], own, atol=1e-5)
            assert prediction["label"] == ("bad", "good")[own.argmax()]
            assert prediction["class_names"] == ["bad", "good"]


def _quantiles(answers):
    milliseconds = [1000 * seconds for _, seconds in answers]
    return " / ".join(f"{x:.0f}" for x in np.percentile(milliseconds, [50, 95, 99]))


def test_a_thousand_requests_at_once(server, model):
    requests, expected = _requests(model, NUM_REQUESTS)
    answers = asyncio.run(_all_at_once(server, requests))
    _check(requests, answers, expected)
    print(f"\nat once, p50/p95/p99: {_quantiles(answers)} ms")


@pytest.mark.slow
def test_memory_stays_flat(server, model):
    requests, _ = _requests(model, NUM_REQUESTS, seed=1)
    sizes = []
    for _ in range(10):
        asyncio.run(_all_at_once(server, requests))
        sizes.append(server.resident_mb)
    print("\nMB after each 1,000:", " ".join(f"{size:.0f}" for size in sizes))
    assert sizes[-1] - sizes[2] < 0.05 * sizes[2]


@pytest.mark.slow
@pytest.mark.parametrize("clients", [1, 10, 100])
def test_latency(clients, server, model):
    """Clients that each send their next request when they have an answer."""
    requests, expected = _requests(model, 500, seed=2)

    async def load():
        queue = iter(enumerate(requests))
        answers = [None] * len(requests)

        async def client():
            for number, instances in queue:
                answers[number] = await server.timed(instances)

        await asyncio.gather(*(client() for _ in range(clients)))
        return answers

    began = time.perf_counter()
    answers = asyncio.run(load())
    rate = len(requests) / (time.perf_counter() - began)
    _check(requests, answers, expected)
    print(f"\n{clients} clients: {rate:.0f} requests/s, {_quantiles(answers)} ms")


def _nested(depth):
    return b'{"instances": ' + b"[" * depth + b"]" * depth + b"}"


@pytest.mark.parametrize(
    "body,status,reason",
    [
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b"\xff\xfe\x00", 400, "not JSON"),
        (b'{"instances": [' + b"9" * 5000 + b"]}", 400, "not JSON"),
        (_nested(200_000), 400, "not JSON"),
        (b"[]", 400, "expected {"),
        (b"{}", 400, "expected {"),
        (b'{"inputs": {"sentence": ["a"]}}', 400, "expected {"),
        (b'{"instances": "a"}', 400, "expected {"),
        (b'{"instances": []}', 400, "expected {"),
        (b'{"instances": ["a", 1]}', 400, "instances[1]: expected"),
        (b'{"instances": [null]}', 400, "instances[0]: expected"),
        (b'{"instances": [NaN]}', 400, "instances[0]: expected"),
        (b'{"instances": [{"text": "a"}]}', 400, '"sentence": "a text"'),
        (b'{"instances": [{"sentence": "a", "b": "c"}]}', 400, "expected {"),
        (b'{"instances": [{"sentence": ["a"]}]}', 400, "but a list"),
        (json.dumps({"instances": [""] * 20_001}).encode(), 413, "more than 20000"),
        (b'{"instances": ["' + b"a" * 10_000_000 + b'"]}', 413, "longer than"),
    ],
    ids=range(18),
)
def test_wrong_requests_get_a_reason(body, status, reason, server):
    got, answer = asyncio.run(server.request("POST", PREDICT, body))
    assert got == status
    assert reason in answer["error"]


def test_wrong_addresses_and_methods(server):
    ask = server.request
    assert asyncio.run(ask("POST", "/v1/models/other:predict", b"{}"))[0] == 404
    assert asyncio.run(ask("GET", "/../../etc/passwd"))[0] == 404
    assert asyncio.run(ask("GET", PREDICT))[0] == 405
    status, answer = asyncio.run(ask("GET", "/v1/models/sst2"))
    assert answer["model_version_status"][0]["state"] == "AVAILABLE"


def test_clients_that_leave_do_no_harm(server, model):
    async def leave(size):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        body = json.dumps({"instances": ["a film"] * 100}).encode()
        head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        writer.write((head + "\r\n").encode() + body[: int(size * len(body))])
        await writer.drain()
        writer.transport.abort()

    async def load():
        await asyncio.gather(*(leave(i / 50) for i in range(51)))
        return await _all_at_once(server, requests)

    requests, expected = _requests(model, 20, seed=3)
    _check(requests, asyncio.run(load()), expected)
    assert "Traceback" not in server.logged


def test_a_row_that_fails_takes_no_other_along():

    def answer(rows):
        if "bad" in rows:
            raise ValueError("bad row")
        return [row.upper() for row in rows]

    async def ask():
        batcher = http_server.Batcher(answer, max_batch_size=2)
        task = asyncio.create_task(batcher.run())
        both = [batcher(["a", "b", "c"]), batcher(["bad"]), batcher(["d"])]
        got = await asyncio.gather(*both, return_exceptions=True)
        task.cancel()
        return got

    first, bad, last = asyncio.run(ask())
    assert first == ["A", "B", "C"] and last == ["D"]
    assert bad.status_code == 500


def test_answers_that_cannot_be_given():
    """One is not finite, one too long: an error in JSON, and the others are there."""

    def predict(rows):
        served = object.__new__(http_server.ServedModel)
        values = np.array([float(text) for (text,) in rows])
        return [served._prediction({"score": values}, i) for i in range(len(rows))]

    predict.inputs, predict.lists = ("sentence",), ()

    def post(texts):
        app = http_server.build_app(predict, "m", max_batch_size=2)
        with TestClient(app) as client:
            return client.post("/v1/models/m:predict", json={"instances": texts})

    assert post(["1.5", "2.0", "3.0"]).json() == {"predictions": [1.5, 2.0, 3.0]}
    bad = post(["1.5", "nan"])
    assert bad.status_code == 500
    assert bad.json() == {"error": "the model's answer is not finite"}


def test_an_answer_that_is_too_long(monkeypatch):
    monkeypatch.setattr(http_server, "MAX_ANSWER_BYTES", 10)
    asked = []

    def predict(rows):
        asked.extend(rows)
        return [b"12345" for _ in rows]

    predict.inputs, predict.lists = ("sentence",), ()
    with TestClient(http_server.build_app(predict, "m", max_batch_size=2)) as client:
        found = client.post("/v1/models/m:predict", json={"instances": ["a"] * 9})
    assert found.status_code == 413 and "ask for fewer" in found.json()["error"]
    assert len(asked) == 4


def test_encoders_answer_without_padding(golden_vocabulary, tmp_path):
    tokenizer = load_tokenizer(golden_vocabulary)
    config = EncoderConfig(
        vocab_size=tokenizer.vocab_size, embedding_size=8, hidden_size=16,
        num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=LENGTH, initializer_range=0.5,
    )  # fmt: skip
    saved_model.save(
        saved_model.EncoderModel(Encoder(config), tokenizer, LENGTH), tmp_path
    )
    served = http_server.ServedModel(tmp_path)
    texts = [(b"a",), (b"a gorgeous, witty movie",)]
    together = served(texts)
    together = [json.loads(row) for row in together]
    for row, text in zip(together, texts, strict=True):
        alone = json.loads(*served([text]))
        assert row["input_mask"] == alone["input_mask"] == [1] * len(row["input_mask"])
        for name in ("sequence_output", "embedding"):
            np.testing.assert_allclose(row[name], alone[name], atol=1e-5)
    assert len(together[0]["sequence_output"]) == 3


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["--model=none"], "error: none is not a SavedModel"),
        (["--model=none", "--name=a/b"], "cannot be part of an address"),
    ],
)
def test_the_command_says_what_is_wrong(arguments, message):
    done = programs.run("-m", "tf_pretrain.serve", *arguments)
    assert done.returncode == 1 and message in done.stderr
    assert "Traceback" not in done.stderr
