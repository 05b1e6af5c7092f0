"""Whether the kernels in C are used, decided once for a process.

They are optional. Each function of C has one of numpy that gives the same numbers, bit for bit, and is used where the C
was not built (docs/design/0270-native-kernels.md). A build of other sources than these is not used.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any, Final

MODULE: Final = "data_juicer.kernels._native"
VARIABLE: Final = "DATA_JUICER_NATIVE"
"""Set to 0 in the environment, it leaves everything to numpy."""
SOURCES: Final = "55a8d531e93d1475"
"""Digest of the C files beside this one, as setup.py computes it; a test says what it must be."""


def _load() -> tuple[Any, str]:
    if os.environ.get(VARIABLE) == "0":
        return None, f"numpy ({VARIABLE} is 0)"
    try:
        built = import_module(MODULE)
    except ModuleNotFoundError:
        return None, "numpy (the compiled ones were not built, for which the installation needs a C compiler)"
    except ImportError as error:
        return None, f"numpy (the compiled ones cannot be loaded: {error})"
    if getattr(built, "SOURCES", "") != SOURCES:
        return None, "numpy (the compiled ones were built from other sources: install again)"
    return built, "compiled"


functions: Any
"""The functions of the module, each explained where it is written in C; None where numpy is used."""
kernels_used: str
"""Which are used, and why, as `dj-process --version` says it."""
functions, kernels_used = _load()
