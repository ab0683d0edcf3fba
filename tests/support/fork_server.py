"""Forks programs off a process that has imported the libraries: fork_server.py SOCKET.

Importing TensorFlow takes longer than most of the programs that tests start. Here it
is imported once, and each program is a process of its own that begins with it: with its
own arguments, environment, folder and output.

A client (programs.py) connects to SOCKET once for each program and sends one JSON
object {"argv", "cwd", "env"} along with three open files: what the program has as
stdin, stdout and stderr. It gets lines back: the process id, then the exit status, as
subprocess has it. The server ends when its own stdin does.
"""

import atexit
import json
import os
import runpy
import select
import socket
import sys
import threading
import traceback

SUPPORT = os.path.dirname(os.path.abspath(__file__))

# What most programs import; of this repository nothing, so that every program runs its
# import time code itself.
LIBRARIES = (
    "absl.app",
    "keras",
    "matplotlib.figure",
    "safetensors.numpy",
)
OF_TENSORFLOW = ("tensorflow", "sentencepiece", "tokenizers")


def import_libraries():
    """On another backend than TensorFlow's as on a machine without it."""
    names = LIBRARIES
    if os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow":
        names += OF_TENSORFLOW
    else:
        import without_tensorflow

        without_tensorflow.block()
    for name in names:
        __import__(name)


def serve(path):
    """Returns in each process that is to be a program: its argv."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        while True:
            ready, _, _ = select.select([server, sys.stdin], [], [])
            _forget_finished()
            if sys.stdin in ready:
                os._exit(0)
            connection, _ = server.accept()
            if os.fork() == 0:
                server.close()
                return _start(connection)
            connection.close()


def _forget_finished():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _start(connection):
    """Forks once more: the parent reports of the child, which becomes the program."""
    message, files, _, _ = socket.recv_fds(connection, 2**20, 3)
    child = os.fork()
    if child:
        connection.sendall(f"{child}\n".encode())
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        connection.sendall(f"{status}\n".encode())
        os._exit(0)
    connection.close()
    for target, file in enumerate(files):
        os.dup2(file, target)
        os.close(file)
    request = json.loads(message)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    return request["argv"]


def run(argv):
    """As `python ARGV`, to the end of the process.

    What Python does after the functions of atexit, it takes the libraries apart, would
    take longer than most programs.
    """
    status = 1
    try:
        _main(argv)
        status = 0
    except SystemExit as end:
        status = end.code
        if not isinstance(status, int | None):
            print(status, file=sys.stderr)
            status = 1
    except BaseException:
        traceback.print_exc()
    finally:
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status or 0)


def _main(argv):
    """Of a script, `-m module` or `-c code`."""
    sys.argv = argv[1:] if argv[0] in ("-c", "-m") else argv
    folders = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [folder for folder in folders if folder]
    if argv[0] == "-c":
        sys.path.insert(0, "")
        sys.argv = ["-c", *argv[2:]]
        exec(compile(argv[1], "<string>", "exec"), {"__name__": "__main__"})
    elif argv[0] == "-m":
        sys.path.insert(0, os.getcwd())
        runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, os.path.dirname(os.path.abspath(argv[0])))
        runpy.run_path(argv[0], run_name="__main__")


if __name__ == "__main__":
    import_libraries()
    sys.path.remove(SUPPORT)
    run(serve(sys.argv[1]))
