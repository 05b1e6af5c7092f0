"""Makes real input on any machine, without network: what Python's own standard library says about itself.

    python demos/partition_and_checkpoint/make_data.py [PATH]

Docstrings, sources, the topics of `help()` and the licence become JSON Lines documents: prose and code with links,
e-mail addresses, tables and odd white space. The same Python gives the same bytes. Existing data stays as it is.
"""

from __future__ import annotations

import ast
import json
import os
import sys
import sysconfig
from collections.abc import Iterator
from typing import Any

DEFAULT_PATH = "demo-outputs/data/stdlib.jsonl"
DOCUMENTS_MAX = 6_000
TEXT_CHARS_MIN = 60
SOURCE_CHARS_MAX = 12_000
"""A longer source is cut into several documents."""
LEFT_OUT = frozenset(
    (
        "__pycache__",
        "dist-packages",
        "encodings",
        "ensurepip",
        "idlelib",
        "lib2to3",
        "site-packages",
        "test",
        "tests",
    )
)


def main() -> None:
    path = sys.argv[1] if len(sys.argv) > 1 else DEFAULT_PATH
    if os.path.exists(path):
        print(f"{path} is there already ({os.path.getsize(path) / 1e6:.1f} MB)")
        return
    documents, size_bytes = make_data(path)
    print(
        f"{path}: {documents:,} documents, {size_bytes / 1e6:.1f} MB of text from Python {sys.version.split()[0]}"
    )


def make_data(path: str, documents_max: int = DOCUMENTS_MAX) -> tuple[int, int]:
    """Write the documents aside and rename them into place, so that a half-written file is never taken for data.

    Returns: documents, bytes.
    """
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    aside = f"{path}.partial"
    count = 0
    with open(aside, "w", encoding="utf-8", newline="\n") as file:
        for document in with_duplicates(documents()):
            file.write(json.dumps(document, ensure_ascii=False) + "\n")
            count += 1
            if count == documents_max:
                break
    os.replace(aside, path)
    return count, os.path.getsize(path)


def with_duplicates(originals: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Documents with the blemishes of text from the web, and every fortieth of them twice."""
    for number, document in enumerate(originals):
        weathered = {**document, "text": weather(document["text"], number)}
        yield {"id": f"{number:06d}", **weathered}
        if number % 40 == 0:
            yield {"id": f"{number:06d}-again", **weathered}


def weather(text: str, number: int) -> str:
    """Every seventh text with no-break spaces and tabs, every eleventh with its quotes curled and misread."""
    if number % 7 == 0:
        text = text.replace(". ", ".\u00a0 ").replace("\n    ", "\n\t")
    if number % 11 == 0:
        text = text.replace("'", "\u2019".encode().decode("cp1252"))  # â€™
    return text


def documents() -> Iterator[dict[str, Any]]:
    """Everything there is, in an order that does not depend on the file system."""
    library = sysconfig.get_path("stdlib")
    yield from topics()
    for path in sources(library):
        with open(path, encoding="utf-8", errors="replace") as file:
            source = file.read()
        module = os.path.relpath(path, library).removesuffix(".py").replace(os.sep, ".")
        yield from pieces(source, module)
        yield from docstrings(source, module)


def topics() -> Iterator[dict[str, Any]]:
    """The licence, and the chapters of the language reference that `help()` shows."""
    yield document(sys.copyright, "sys", "licence", 1)
    try:
        from pydoc_data.topics import topics as texts
    except ImportError:  # some distributions ship it apart
        return
    for name in sorted(texts):
        yield document(texts[name], f"pydoc.{name}", "topic", 1)


def sources(library: str) -> Iterator[str]:
    for folder, folders, files in os.walk(library):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
        yield from (os.path.join(folder, name) for name in sorted(files) if name.endswith(".py"))


def pieces(source: str, module: str) -> Iterator[dict[str, Any]]:
    """A source, cut at line ends into documents of at most SOURCE_CHARS_MAX characters or one line."""
    lines, size, first_line = [], 0, 1
    for number, line in enumerate(source.splitlines(keepends=True), start=1):
        if lines and size + len(line) > SOURCE_CHARS_MAX:
            yield document("".join(lines), module, "source", first_line)
            lines, size, first_line = [], 0, number
        lines.append(line)
        size += len(line)
    if size >= TEXT_CHARS_MIN:
        yield document("".join(lines), module, "source", first_line)


def docstrings(source: str, module: str) -> Iterator[dict[str, Any]]:
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a template, not a module
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False)
            if text and len(text) >= TEXT_CHARS_MIN:
                name = getattr(node, "name", "")
                yield document(text, f"{module}.{name}".rstrip("."), "docstring", getattr(node, "lineno", 1))


def document(text: str, name: str, kind: str, line: int) -> dict[str, Any]:
    """`meta` is for no operator: it must come out as it went in, the float that is whole and the large integer too."""
    meta = {
        "name": name,
        "kind": kind,
        "line": line,
        "weight": 1.0,
        "number": 2**70 + line,
        "tags": ["python", kind],
    }
    return {"text": text, "meta": meta}


if __name__ == "__main__":
    main()
