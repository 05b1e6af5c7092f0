"""No code is imported from the current directory: who is in a folder of data need not trust what is in it.

This module imports nothing but what the interpreter has loaded already, since it is the first of ours that runs.
"""

import os
import sys
from collections.abc import Mapping, Sequence

SAFE: tuple[str, ...] = ("-P",)
"""Options of a Python that we start: the folder of a script, and with `-m` the current one, are no places for modules."""

_COMMANDS = frozenset({"dj-process", "dj-jobs"})
_PACKAGE = "data_juicer"
_PATH = "PYTHONPATH"
_THREADS = (
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)
_WITH_ARGUMENT = "XW"
"""Short options of Python that take the rest of the word, or the next word, as their argument."""


def begin_command() -> None:
    """Take the current directory out of the search path of dj-process, dj-jobs and `python -m data_juicer`.

    Called as the package begins to load; a program that imports it keeps the search path that it has.
    """
    is_module = sys.argv[:1] == ["-m"] and _runs_package(sys.orig_argv)
    if is_module and not sys.flags.safe_path:
        del sys.path[0]
    if is_module or os.path.basename(sys.argv[0] if sys.argv else "") in _COMMANDS:
        _leave_empty_entries()


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables for a Python that we start: the same, without empty parts of PYTHONPATH."""
    kept = os.pathsep.join(filter(None, environ.get(_PATH, "").split(os.pathsep)))
    without = {name: value for name, value in environ.items() if name != _PATH}
    return without | ({_PATH: kept} if kept else {})


def worker_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables for a Python that runs operators: libraries in it run one thread, so that `np` means what it says."""
    return {**child_environment(environ), **dict.fromkeys(_THREADS, "1"), "TOKENIZERS_PARALLELISM": "false"}


def _leave_empty_entries() -> None:
    """Python takes an empty part of PYTHONPATH, as in `:/lib`, for the current directory; nobody means it."""
    parts = os.environ.get(_PATH, "").split(os.pathsep)
    named = {os.path.abspath(part) for part in parts if part}
    if "" in parts and named:
        here = os.getcwd()
        sys.path[:] = [path for path in sys.path if path and (path != here or here in named)]


def _runs_package(command: Sequence[str]) -> bool:
    """Whether a command line of Python says `-m data_juicer`, or names a module of it."""
    words = iter(command[1:])
    for word in words:
        if not word.startswith("-") or word.startswith("--"):
            continue
        for place, letter in enumerate(word[1:], 2):
            if letter == "m":
                named = word[place:] or next(words, "")
                return named.partition(".")[0] == _PACKAGE
            if letter in _WITH_ARGUMENT:
                if not word[place:]:
                    next(words, None)
                break
    return False
