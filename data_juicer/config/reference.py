"""configs/config_all.yaml: every setting with its default and a line of explanation.

python -m data_juicer.config.reference > configs/config_all.yaml
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Iterator
from typing import Any, Final

from data_juicer.config.schema import DEFAULTS, SPECS, JobConfig
from data_juicer.config.sources import foreign, legacy
from data_juicer.config.sources.scalars import resolve_scalar

COLUMNS: Final = 110
EXAMPLES: Final[dict[str, Any]] = {
    "dataset_path": ["./demo-outputs/data/stdlib.jsonl"],
    "process": ["clean_links_mapper", "whitespace_normalization_mapper"],
}
"""Settings whose default, nothing, would make the file useless."""

_HEAD: Final = """\
Every setting of dj-process, with its default. Generated from the schema; not to be edited:
    python -m data_juicer.config.reference > configs/config_all.yaml
What counts: defaults, then older flat names, then this form, then variables (DJ_CHECKPOINT__STRATEGY=manual),
then flags (--checkpoint.strategy manual)."""


def render_reference() -> str:
    """The text of configs/config_all.yaml; a recipe that runs over the demo data."""
    parts = [_comment(_HEAD), ""]
    for key in SPECS:
        if "." not in key:
            parts += [*_entry(key, ""), ""]
    for section, kind in JobConfig.SECTIONS.items():
        parts += [_comment(kind.__doc__ or ""), f"{section}:"]
        for key in SPECS:
            if key.startswith(section + "."):
                parts += _entry(key, "  ")
        parts += [""]
    return "\n".join([*parts, *_older_names(), "", *_foreign_names()]) + "\n"


def _entry(key: str, indent: str) -> Iterator[str]:
    spec = SPECS[key]
    note = f" Default: {spec.default_note}." if spec.default_note else ""
    example = " Default: none; this is an example." if key in EXAMPLES else ""
    yield _comment(f"{spec.help} {spec.allowed[0].upper()}{spec.allowed[1:]}.{note}{example}", indent)
    name = key.rpartition(".")[2]
    if key == "np":  # its default is this machine's, not the reader's
        yield f"{indent}# {name}: 4"
    else:
        yield f"{indent}{name}: {_yaml(EXAMPLES.get(key, DEFAULTS[key] or _empty(key)))}"


def _empty(key: str) -> Any:
    """A default that is empty, as it is written: null where it follows from other settings."""
    return None if SPECS[key].default_note else DEFAULTS[key]


def _yaml(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    if isinstance(value, str) and re.fullmatch(r"[\w./-]+", value) and resolve_scalar(value) == value:
        return value
    return json.dumps(value)


def _comment(text: str, indent: str = "") -> str:
    lines = [
        wrapped
        for line in text.splitlines()
        for wrapped in textwrap.wrap(line, COLUMNS - len(indent) - 2, break_on_hyphens=False) or [""]
    ]
    return "\n".join(f"{indent}# {line}" for line in lines)


def _older_names() -> Iterator[str]:
    yield _comment("Older names that are accepted; the settings they stand for win over them:")
    for old, new in {**legacy.BELOW_PARTITION, **legacy.FLAT}.items():
        yield f"#   {old}: {new}"


def _foreign_names() -> Iterator[str]:
    yield _comment("Settings of DataJuicer's that are accepted and have no effect here:")
    for name, reason in foreign.NO_EFFECT.items():
        yield f"#   {name}: {reason}"
    yield "#"
    yield _comment("Settings of DataJuicer's that are not available yet:")
    yield from (f"#   {name}" for name in foreign.REFUSED)


if __name__ == "__main__":
    sys.stdout.write(render_reference())
