"""Processes that must not outlive the one that started them."""

import os
import threading
import time

_POLL_S = 0.1


def die_with_parent(parent: int) -> None:
    """Ends this process soon after its parent has ended, however that ended.

    Args:
        parent: The parent's process id, as the parent told it. `os.getppid()` would not
            do: if the parent has ended before this call, that is another process.
    """

    def watch():
        while os.getppid() == parent:
            time.sleep(_POLL_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
