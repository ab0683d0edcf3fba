"""Python programs in processes of their own, forked off one that has the libraries."""

import atexit
import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from support.paths import ROOT, SUPPORT


class Program:
    """A running program: `python ARGUMENTS`, see fork_server.py.

    Args:
        arguments: A script and its arguments, or "-m" and a module, or "-c" and code.
        env: Environment variables besides this process's. If KERAS_BACKEND is not
            TensorFlow, it cannot be imported.
    """

    def __init__(self, *arguments, cwd=ROOT, **env):
        self.arguments = [str(argument) for argument in arguments]
        self.returncode = None
        self._output = [tempfile.TemporaryFile() for _ in range(2)]
        environment = {**os.environ, **env}
        backend = environment.get("KERAS_BACKEND") or "tensorflow"
        request = {"argv": self.arguments, "cwd": str(cwd), "env": environment}
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(_server(backend))
        with open(os.devnull) as nothing:
            files = [file.fileno() for file in (nothing, *self._output)]
            message = json.dumps(request).encode()
            socket.send_fds(self._connection, [message], files)
        self._replies = self._connection.makefile()
        self.pid = int(self._replies.readline())

    def finish(self, timeout=300) -> subprocess.CompletedProcess:
        """Waits for its end; stdout and stderr of the result are text."""
        self._connection.settimeout(timeout)
        try:
            self.returncode = int(self._replies.readline())
        except TimeoutError:
            self.kill()
            raise
        finally:
            self._connection.close()
        texts = []
        for file in self._output:
            file.seek(0)
            texts.append(file.read().decode())
            file.close()
        return subprocess.CompletedProcess(self.arguments, self.returncode, *texts)

    def kill(self):
        """Ends it, if it has not."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def run(*arguments, **options) -> subprocess.CompletedProcess:
    """The finished program; arguments as of Program."""
    return Program(*arguments, **options).finish()


@functools.cache
def _server(backend):
    """The socket of the server that has this backend's libraries."""
    folder = Path(tempfile.mkdtemp(prefix="fork-server-"))
    socket_path, log_path = folder / "socket", folder / "log"
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        # What JAX compiles for one program, it need not compile for the next.
        "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    environment.pop("PYTHONPATH", None)
    with open(log_path, "w") as log:
        server = subprocess.Popen(
            [sys.executable, SUPPORT / "fork_server.py", socket_path],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=environment,
        )

    def stop():
        server.stdin.close()
        server.wait()
        shutil.rmtree(folder)

    atexit.register(stop)
    while not socket_path.exists():
        assert server.poll() is None, log_path.read_text()
        time.sleep(0.02)
    return str(socket_path)
