"""Serves an exported model over HTTP; needs requirements-serving.txt.

    python -m tf_pretrain.serve --model=served/sst2/1
    curl -d '{"instances": ["A gorgeous, witty movie."]}' http://localhost:8501/v1/models/sst2:predict

See tf_pretrain.serving.http for what it answers.
"""

import re
from pathlib import Path

from absl import flags

from tf_pretrain import commands
from tf_pretrain.errors import UserError

FLAGS = flags.FlagValues()
_MODEL = flags.DEFINE_string(
    "model",
    None,
    "SavedModel that tf_pretrain.export wrote.",
    required=True,
    flag_values=FLAGS,
)
_NAME = flags.DEFINE_string(
    "name",
    None,
    "Name in the address; default: the folder's, without its version.",
    flag_values=FLAGS,
)
_HOST = flags.DEFINE_string(
    "host",
    "127.0.0.1",
    "Address to listen at; 0.0.0.0 for all, if a proxy guards it.",
    flag_values=FLAGS,
)
_PORT = flags.DEFINE_integer(
    "port",
    8501,
    "Port to listen at.",
    lower_bound=1,
    flag_values=FLAGS,
)
_MAX_BATCH_SIZE = flags.DEFINE_integer(
    "max_batch_size",
    64,
    "Most instances that the model gets at once.",
    lower_bound=1,
    flag_values=FLAGS,
)


def _name(folder):
    """ "sst2" for served/sst2 and served/sst2/1."""
    folder = Path(folder).resolve()
    return folder.parent.name if folder.name.isdecimal() else folder.name


def _main():
    name = _NAME.value or _name(_MODEL.value)
    if not re.fullmatch(r"[\w.-]+", name, re.ASCII):
        raise UserError(f"{name!r} cannot be part of an address; give --name")
    # TensorFlow takes seconds to import: wrong flags are reported before.
    try:
        import uvicorn

        from tf_pretrain.serving import http as http_server
    except ModuleNotFoundError as error:
        raise UserError(f"{error}; pip install -r requirements-serving.txt") from None
    model = http_server.ServedModel(_MODEL.value)
    service = http_server.build_app(model, name, _MAX_BATCH_SIZE.value)
    address = f"http://{_HOST.value}:{_PORT.value}/v1/models/{name}:predict"
    print(f"{address} takes {', '.join(model.inputs)}", flush=True)
    # No access log: it would hold nothing but addresses and cost time.
    uvicorn.run(
        service,
        host=_HOST.value,
        port=_PORT.value,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=30,
    )


def main(argv=None):
    """The command, from the shell or from Python; argv are its arguments."""
    commands.run(_main, FLAGS, argv)


if __name__ == "__main__":
    main()
