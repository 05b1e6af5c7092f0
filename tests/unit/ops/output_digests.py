"""What each built-in operator makes of a fixed set of rows, as a digest.

    python tests/unit/ops/output_digests.py        writes output_digests.json anew

`version` is part of every checkpoint's key: an operator whose output changes without it would let old checkpoints pass.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import xxhash

import data_juicer
from data_juicer.errors import DataJuicerError
from data_juicer.ops.base import Filter, Mapper, Operator
from data_juicer.ops.catalog import registry
from data_juicer.rows.batch import Batch
from data_juicer.testing.rows import batch_of

PACKAGE = Path(data_juicer.__file__).parent
RECORDED = Path(__file__).with_suffix(".json")

TEXTS = [
    "",
    "   \n\t  \n",
    "Ask a.b@example.org or see https://example.org/a_(b)?c=d, 10.20.30.40 and fe80:0:0:0:1:2:3:4.\r\nwww.example.org/x",
    "donâ€™t &amp; “quote” ﬁne　ＡＢＣ，（１）… — naïve\u200bcafe\u0301 ► 50％",
    "# Copyright (c) someone\n# all rights reserved\n\nint main(void) { return 0; } // comment\n",
    "\\documentclass{a}\n\\newcommand{\\x}{long}\n\\section{One} text \\x{} % comment\n\\begin{thebibliography}{9} b",
    "<div><p>One</p><li>two</li>&nbsp;three</div>",
    "昨夜山里下了一场小雨，溪水涨了半尺。老陈背着竹篓去采菌子，回来时天已经黑了。",
    "the the the the the the and and and of of of to to a a in in is is it it that that was was for for on on",
    "supercalifragilisticexpialidocious" * 4 + " http www .com // short",
    "One sentence here. Another one follows! One sentence here. And a third? One sentence here.",
    "a\tb\tc\n1\t2\t3\n4\t5\t6\n\nplain ◆●■►▼▲▴∆▻▷❖♡□ end",
    "Привет, мир. Как дела? 한국어 텍스트 العربية हिन्दी 😀👍🏽",
]


def rows() -> list[dict[str, Any]]:
    return [{"text": text, "id": number, "meta": {"n": number / 2}} for number, text in enumerate(TEXTS)]


def local_operators() -> dict[str, Operator]:
    """Built-in operators that can be made with default parameters and run on a partition alone, without models."""
    found: dict[str, Operator] = {}
    for name in registry.names():
        cls = registry.find(name)
        if cls.scope != "partition" or not isinstance(cls.version, int):
            continue
        try:
            operator = registry.make(name, {})
            if all(Path(asset).is_relative_to(PACKAGE) for asset in operator.assets()):
                operator.prepare()
                found[name] = operator
        except DataJuicerError:
            continue
    return found


def digest(operator: Operator) -> str:
    try:
        made = json.dumps(_output(operator, batch_of(rows())), sort_keys=True)
    except (ValueError, KeyError, TypeError) as error:  # the operator wants fields that these rows lack
        made = type(error).__name__
    return str(xxhash.xxh3_128_hexdigest(made.encode()))


def _output(operator: Operator, batch: Batch) -> list[Any]:
    figures: dict[str, list[Any]] = {}
    if isinstance(operator, Filter):
        stats = operator.compute_stats(batch)
        figures = {name: [_rounded(value) for value in column.to_pylist()] for name, column in stats.items()}
        batch = batch.select(operator.keep(stats))
    elif isinstance(operator, Mapper):
        batch = operator.process(batch)
    return [figures, [batch.row(index) for index in range(len(batch))]]


def _rounded(value: Any) -> Any:
    return round(value, 9) if isinstance(value, float) else value


def current() -> dict[str, Any]:
    return {
        name: {"version": operator.version, "digest": digest(operator)}
        for name, operator in local_operators().items()
    }


if __name__ == "__main__":
    RECORDED.write_text(json.dumps(current(), indent=1) + "\n")
