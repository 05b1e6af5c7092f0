"""The compiled kernels, which are optional: where no compiler is, the package works without them."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from setuptools import Extension, setup

FOLDER = Path("data_juicer", "kernels", "native")
SOURCES = sorted(FOLDER.glob("*.c"))
HEADERS = sorted(FOLDER.glob("*.h"))
DIGEST = hashlib.sha256(b"".join(path.read_bytes() for path in [*SOURCES, *HEADERS])).hexdigest()[:16]
# Scores of models must not depend on whether the processor can multiply and add at once.
FLAGS = ["/O2"] if sys.platform == "win32" else ["-O3", "-g0", "-ffp-contract=off", "-fvisibility=hidden"]

setup(
    ext_modules=[
        Extension(
            "data_juicer.kernels._native",
            sources=[str(path) for path in SOURCES],
            depends=[str(path) for path in HEADERS],
            define_macros=[("Py_LIMITED_API", "0x030B0000"), ("SOURCES_DIGEST", f'"{DIGEST}"')],
            extra_compile_args=FLAGS,
            libraries=[] if sys.platform == "win32" else ["m"],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
