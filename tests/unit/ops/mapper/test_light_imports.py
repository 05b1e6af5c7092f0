"""Operators load their libraries when they are prepared, not when they are imported."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import importlib, pkgutil, sys
import data_juicer.ops.mapper as mappers
for module in pkgutil.iter_modules(mappers.__path__):
    importlib.import_module(f"data_juicer.ops.mapper.{module.name}")
print(sorted({"bs4", "nltk", "opencc", "selectolax", "tokenizers", "sentencepiece", "polars"} & set(sys.modules)))
"""


def test_importing_every_mapper_imports_no_optional_library() -> None:
    found = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]", found.stdout
