"""What is generated for people: `python -m data_juicer.cli.reference`.

The operator reference in docs/operators/ comes from classes, signatures and docstrings, the text of `dj-process --help` from
the schema of settings. Tests hold both against what this renders.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from data_juicer.cli.operators import describe, summary
from data_juicer.cli.process import HELP_FILE, render_help
from data_juicer.ops.catalog import registry

FOLDER = os.path.join("docs", "operators")
_WIDTH = 96
_INTRODUCTION = """# Operators

Made by `python -m data_juicer.cli.reference` from the operators themselves. On the command line: `dj-process --list-ops` and
`dj-process --describe-op NAME`. What differs from DataJuicer: [differences](../differences.md). Your own:
[custom operators](../custom_operators.md).
"""


def render() -> Mapping[str, str]:
    """File name -> page: a list of all operators, and a page for each kind."""
    kinds: dict[str, list[tuple[str, str]]] = {}
    for name in registry.names():
        kind, sentence = summary(name)
        kinds.setdefault(kind, []).append((name, sentence))
    pages = {
        "README.md": _INTRODUCTION + "".join(_list(kind, entries) for kind, entries in sorted(kinds.items()))
    }
    for kind, entries in kinds.items():
        sections = "\n".join(_section(name) for name, _ in entries)
        pages[f"{kind}s.md"] = f"# {kind.capitalize()}s\n\n{sections}"
    return pages


def _list(kind: str, entries: list[tuple[str, str]]) -> str:
    lines = [f"| [{name}]({kind}s.md#{name}) | {sentence} |" for name, sentence in entries]
    return "\n".join(
        ["", f"## {kind.capitalize()}s", "", "| operator | what it does |", "|---|---|", *lines, ""]
    )


def _section(name: str) -> str:
    body = describe(name, (), _WIDTH).split("\n", 2)[2].strip()
    return f"## {name}\n\n```text\n{body}\n```\n"


def main() -> None:
    os.makedirs(FOLDER, exist_ok=True)
    for file, page in render().items():
        with open(os.path.join(FOLDER, file), "w", encoding="utf-8") as stream:
            stream.write(page)
    with open(HELP_FILE, "w", encoding="utf-8") as stream:
        stream.write(render_help())


if __name__ == "__main__":
    main()
