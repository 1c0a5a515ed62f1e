"""How a process of ours ends: by the exit code that the work gave it, whatever native libraries do at the end."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn


def leave_after(work: Callable[[], object]) -> NoReturn:
    """Does the work, and ends the process with the code that it exits with, or 0.

    The interpreter's own end would tear down the thread pools of native libraries, which now and then aborts the
    process (Arrow issue 34314), and wait for pools of workers that are still at it: a verdict would be lost in exit
    code 134. So that part is left out; what has to be tidied up is tidied up where it was made.
    """
    code: object = 0
    try:
        work()
    except SystemExit as exit_:
        code = exit_.code
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))
