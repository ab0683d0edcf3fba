"""Serves our SavedModels over HTTP, with batching and TensorFlow Serving's REST API.

    POST /v1/models/NAME:predict  {"instances": [{"sentence": "a text"}, ...]}
         -> {"predictions": [...]}, one for each instance, in their order
    GET  /v1/models/NAME          -> whether it is available

If a model has one input, an instance may be the text itself. If it has one output, a
prediction is the value itself. The options of a multiple-choice model are a list of
texts. An encoder's outputs have a row for each token of the text and none for padding,
and a tagger's for each word and span. Invalid requests get a 4xx and {"error": REASON}.

Instances of all waiting requests are answered together, so the cost of a request falls
with their number. There is no authentication: put the server behind a proxy that has.
"""

import asyncio
import collections
import contextlib
import json
import sys
from pathlib import Path

import tensorflow as tf
import tensorflow_text  # noqa: F401  (registers the ops of the graph)
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tf_pretrain.errors import UserError

MAX_BODY_BYTES = 4_000_000
MAX_WAITING = 20_000  # instances, of all requests
MAX_OPTIONS = 26  # of one question
MAX_ANSWER_BYTES = 200_000_000  # an encoder's outputs are megabytes for each text
# This much of a body that is too long is read and discarded, so that the client can
# read its answer.
_DRAINED_BYTES = 16 * MAX_BODY_BYTES
# Outputs that count the values of a row, and which outputs have so many in each row.
_COUNTS = {
    "input_mask": ("input_mask", "sequence_output"),
    "num_words": ("words", "tags"),
    "num_spans": ("spans", "span_classes", "span_starts", "span_ends"),
}


class ServedModel:
    """A SavedModel that `tf_pretrain.export` wrote, as a function of rows of strings.

    Args:
        folder: The SavedModel.

    Raises:
        UserError: If it is not a SavedModel, or its inputs are not strings.
    """

    def __init__(self, folder):
        if not (Path(folder) / "saved_model.pb").is_file():
            raise UserError(
                f"{folder} is not a SavedModel; tf_pretrain.export makes one"
            )
        try:
            self._model = tf.saved_model.load(str(folder))  # it owns the variables
        except (tf.errors.OpError, OSError, ValueError) as error:
            raise UserError(f"{folder} cannot be loaded: {error}") from None
        self._serve = self._model.signatures.get("serving_default")
        specs = self._serve.structured_input_signature[1] if self._serve else {}
        if not specs or any(spec.dtype != tf.string for spec in specs.values()):
            raise UserError(f"{folder} has no signature serving_default from strings")
        self.inputs = tuple(specs)
        self.lists = tuple(name for name in specs if specs[name].shape.rank == 2)

    def __call__(self, rows: list[tuple]) -> list:
        """The prediction of each row, as JSON.

        A row has one string in bytes for each input, or a tuple of them. Only rows
        whose tuples are equally long are answered together. An HTTPException replaces a
        prediction that is not finite.
        """
        groups = collections.defaultdict(list)
        for number, row in enumerate(rows):
            sizes = [len(value) for value in row if isinstance(value, tuple)]
            groups[tuple(sizes)].append(number)
        answers = [None] * len(rows)
        for numbers in groups.values():
            found = self._answer([rows[number] for number in numbers])
            for number, answer in zip(numbers, found, strict=True):
                answers[number] = answer
        return answers

    def _answer(self, rows):
        columns = zip(self.inputs, zip(*rows, strict=True), strict=True)
        outputs = self._serve(**{name: tf.constant(texts) for name, texts in columns})
        arrays = {name: value.numpy() for name, value in sorted(outputs.items())}
        return [self._prediction(arrays, row) for row in range(len(rows))]

    def _prediction(self, arrays, row):
        values = {name: array[row] for name, array in arrays.items()}
        for count, names in _COUNTS.items():
            if count in values:
                length = values[count].sum()
                values |= {name: values[name][:length] for name in names}
        values = {name: _to_json(value) for name, value in values.items()}
        answer = values if len(values) > 1 else next(iter(values.values()))
        try:
            return json.dumps(answer, allow_nan=False, separators=(",", ":")).encode()
        except ValueError:
            return HTTPException(500, "the model's answer is not finite")


class Batcher:
    """Answers rows of several requests together: all that wait when it becomes free.

    Args:
        answer: Called in a thread with at most `max_batch_size` rows.
    """

    def __init__(self, answer, max_batch_size: int):
        self._answer, self._max_batch_size = answer, max_batch_size
        self._waiting = collections.deque()  # (row, future of its answer)
        self._has_work = asyncio.Event()

    async def __call__(self, rows: list) -> list:
        """The answers of the rows, in their order."""
        if len(self._waiting) + len(rows) > MAX_WAITING:
            raise HTTPException(503, f"{len(self._waiting)} instances wait already")
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in rows]
        self._waiting.extend(zip(rows, futures, strict=True))
        self._has_work.set()
        return await asyncio.gather(*futures)

    async def run(self) -> None:
        """Answers until it is cancelled."""
        while True:
            await self._has_work.wait()
            count = min(self._max_batch_size, len(self._waiting))
            batch = [self._waiting.popleft() for _ in range(count)]
            if not self._waiting:
                self._has_work.clear()
            rows, futures = zip(*batch, strict=True)
            answers = await asyncio.to_thread(self._answers, rows)
            for future, answer in zip(futures, answers, strict=True):
                if future.done():  # the request is answered already, by an error
                    continue
                if isinstance(answer, HTTPException):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

    def _answers(self, rows):
        """The answers of a batch, or of each row alone if the whole batch fails."""
        try:
            return self._answer(rows)
        except Exception as error:  # the graph may raise any error
            if len(rows) > 1:
                return [answer for row in rows for answer in self._answers([row])]
            print(f"the model failed: {error}", file=sys.stderr, flush=True)
            return [HTTPException(500, "the model failed")]


def build_app(model: ServedModel, name: str, max_batch_size: int) -> Starlette:
    """The ASGI application that serves one model under a name."""
    batcher = Batcher(model, max_batch_size)

    async def predict(request):
        rows = _rows(await _body(request), model.inputs, model.lists)
        answers, size = [], 0
        # The answer is built in parts, so that one that is too long is noticed early.
        for start in range(0, len(rows), max_batch_size):
            answers += await batcher(rows[start : start + max_batch_size])
            size += sum(map(len, answers[start:]))
            if size > MAX_ANSWER_BYTES:
                reason = f"the answer is longer than {MAX_ANSWER_BYTES} bytes"
                raise HTTPException(413, f"{reason}; ask for fewer texts at a time")
        content = b'{"predictions": [' + b", ".join(answers) + b"]}"
        return Response(content, media_type="application/json")

    async def status(request):
        state = {"version": "1", "state": "AVAILABLE"}
        return JSONResponse({"model_version_status": [state]})

    async def error(request, exception):
        answer = {"error": exception.detail}
        return JSONResponse(answer, exception.status_code, exception.headers)

    @contextlib.asynccontextmanager
    async def lifespan(app):
        task = asyncio.create_task(batcher.run())
        yield
        task.cancel()

    path = f"/v1/models/{name}"
    return Starlette(
        routes=[
            Route(f"{path}:predict", predict, methods=["POST"]),
            Route(path, status),
        ],
        exception_handlers={HTTPException: error},
        lifespan=lifespan,
    )


async def _body(request):
    body, size = bytearray(), 0
    try:
        async for part in request.stream():
            size += len(part)
            if size <= MAX_BODY_BYTES:
                body += part
            elif size > _DRAINED_BYTES:
                break
    except ClientDisconnect:
        raise HTTPException(400, "the client left") from None  # nobody reads it
    if size > MAX_BODY_BYTES:
        raise HTTPException(413, f"the body is longer than {MAX_BODY_BYTES} bytes")
    return bytes(body)


def _rows(body, inputs, lists=()):
    """The instances of a request: for each one the strings of every input, in bytes."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from None
    instances = request.get("instances") if isinstance(request, dict) else None
    if not isinstance(instances, list) or not instances:
        raise HTTPException(400, 'expected {"instances": [...]} with one or more')
    if len(instances) > MAX_WAITING:
        raise HTTPException(413, f"more than {MAX_WAITING} instances in one request")
    return [_row(number, each, inputs, lists) for number, each in enumerate(instances)]


def _row(number, instance, inputs, lists):
    if isinstance(instance, str) and len(inputs) == 1:
        instance = {inputs[0]: instance}
    if not isinstance(instance, dict) or set(instance) != set(inputs):
        expected = ", ".join(
            f'"{name}": ["a text", ...]' if name in lists else f'"{name}": "a text"'
            for name in inputs
        )
        raise HTTPException(400, f"instances[{number}]: expected {{{expected}}}")
    row = []
    for name in inputs:
        where = f"instances[{number}]: {name}"
        if name in lists:
            row.append(_texts(instance[name], where))
        else:
            row.append(_text(instance[name], where))
    return tuple(row)


def _texts(values, where):
    if not isinstance(values, list) or not 1 <= len(values) <= MAX_OPTIONS:
        raise HTTPException(400, f"{where} is not a list of 1 to {MAX_OPTIONS} texts")
    return tuple(_text(value, f"{where}[{i}]") for i, value in enumerate(values))


def _text(value, where):
    if not isinstance(value, str):
        found = type(value).__name__
        raise HTTPException(400, f"{where} is not a string but a {found}")
    # Half a surrogate pair has no UTF-8 form. The model reads U+FFFD instead.
    return value.encode("utf-8", "surrogatepass")


def _to_json(value):
    """A value of a row for JSON: numbers unchanged, strings decoded."""
    if isinstance(value, bytes):
        return value.decode()
    if value.dtype == object:  # an array of strings
        return [_to_json(item) for item in value]
    return value.tolist()
