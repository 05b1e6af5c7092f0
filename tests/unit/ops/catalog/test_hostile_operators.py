"""Operators that end the process, raise errors without words, fork, or return what is no row: each costs its row at most."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data_juicer.errors import ConfigError, DataJuicerError
from data_juicer.ops.catalog import custom
from data_juicer.storage.memory import MemoryStore
from data_juicer.testing import jobs

ROWS = [{"text": text, "n": number} for number, text in enumerate("abcdefgh")]
SOURCE = """
import os, sys
from data_juicer.ops.base_op import OPERATORS, Filter, Grouper, Mapper
from data_juicer.ops.effects import EffectMapper


class Wordless(Exception):
    def __str__(self):
        return 5


def panic():
    raise type("PanicException", (BaseException,), {})("index out of bounds")


def wordless():
    raise Wordless


def fork():
    child = os.fork()
    if child:
        os.waitpid(child, 0)


@OPERATORS.register_module("own_single_mapper")
class OwnSingle(Mapper):
    def __init__(self, code: str = "sample", *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.code = code

    def process_single(self, sample):
        return eval(self.code, globals(), {"sample": sample}) if sample["n"] == 3 else sample


@OPERATORS.register_module("own_batched_mapper")
class OwnBatched(Mapper):
    _batched_op = True

    def __init__(self, code: str = "samples", *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.code = code

    def process_batched(self, samples):
        return eval(self.code, globals(), {"samples": samples})


@OPERATORS.register_module("own_stats_filter")
class OwnStats(Filter):
    def __init__(self, code: str = "sample", *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.code = code

    def compute_stats_single(self, sample, context=False):
        sample["__dj__stats__"]["n"] = 1
        return eval(self.code, globals(), {"sample": sample}) if sample["n"] == 3 else sample

    def process_single(self, sample):
        return len(sample) >= 3


@OPERATORS.register_module("own_making_mapper")
class OwnMaking(Mapper):
    def __init__(self, code: str = "1", *args, **kwargs):
        super().__init__(*args, **kwargs)
        eval(code)


@OPERATORS.register_module("own_rows_grouper")
class OwnRows(Grouper):
    def __init__(self, code: str = "[]", *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.code = code

    def process(self, dataset):
        return eval(self.code)


class OwnCallMapper(EffectMapper):
    name = "own_call_mapper"

    def __init__(self, code: str = "{}") -> None:
        self.code = code

    async def call(self, row):
        return eval(self.code) if row["n"] == 3 else {"answer": 1}
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The file of these operators: one, since a name belongs to one file."""
    file = tmp_path_factory.mktemp("own") / "own.py"
    file.write_text(SOURCE)
    return str(file)


def run(
    own: str, folder: Path, operator: str, code: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows and the dead letters of a job of one operator, in partitions of four rows."""
    path = folder / "in.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    settings = {"custom_operator_paths": [own], "partition.size": 4}
    config = jobs.recipe("/disk/jobs", [str(path)], [{operator: {"code": code}}], settings)
    store = MemoryStore()
    jobs.run_inline(config, store)
    shown = [name for name in store.list("/disk/jobs/job/dead_letter") if name.count(".") == 1]
    letters = [store.read(f"/disk/jobs/job/dead_letter/{name}") for name in shown]
    rows = jobs.exported(config, store)["result.jsonl"].splitlines()
    return [json.loads(row) for row in rows], [
        json.loads(line) for file in letters for line in file.splitlines()
    ]


@pytest.mark.parametrize(
    ("operator", "code", "message"),
    [
        ("own_single_mapper", "sys.exit(0)", "SystemExit: 0"),
        ("own_single_mapper", "panic()", "PanicException: index out of bounds"),
        ("own_single_mapper", "wordless()", "(no message: its __str__ raises TypeError)"),
        ("own_single_mapper", "{5: 1}", "the name of a field must be a string, found 5"),
        ("own_single_mapper", "{'a\\ud800': 1}", "JSON has no such name"),
        ("own_single_mapper", "[sample]", "process_single must return the row, a dict; it returned [{"),
        ("own_stats_filter", "sample['__dj__stats__'].update({5: 1}) or sample", "must be a string, found 5"),
        ("own_stats_filter", "None", "compute_stats_single must return the row, a dict; it returned None"),
        ("own_stats_filter", "{**sample, '__dj__stats__': 5}", "must leave a dict of stats in the field"),
        ("own_call_mapper", "sys.exit(0)", "SystemExit: 0"),
        ("own_call_mapper", "{5: 1}", "the name of a field must be a string, found 5"),
        ("own_call_mapper", "{'answer': {1}}", "field 'answer': set: JSON has no such value"),
    ],
)
def test_a_row_that_an_operator_treats_badly_costs_itself(
    own: str, tmp_path: Path, operator: str, code: str, message: str
) -> None:
    rows, dead = run(own, tmp_path, operator, code)
    assert [row["n"] for row in rows] == [0, 1, 2, 4, 5, 6, 7]
    (letter,) = dead
    assert message in letter["message"]
    assert json.loads(letter["row"]) == ROWS[3]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("None", "process_batched must return a dict of lists; it returned None"),
        ("{**samples, 'text': 'x' * len(samples['n'])}", "field 'text' is str, no list"),
        ("{**samples, 'n': samples['n'][1:]}", "returned lists of different lengths: 'text' 1, 'n' 0"),
        ("{'text': samples['text'] * 2}", "returned 2 rows for 1 without their field 'n'"),
    ],
)
def test_lists_that_are_no_rows_are_named_by_what_is_wrong(
    own: str, tmp_path: Path, code: str, message: str
) -> None:
    rows, dead = run(own, tmp_path, "own_batched_mapper", code)
    assert not rows
    assert all(message in letter["message"] for letter in dead)
    assert len(dead) == len(ROWS)


@pytest.mark.parametrize("operator", ["own_single_mapper", "own_stats_filter"])
def test_a_dict_of_some_fields_updates_the_row(own: str, tmp_path: Path, operator: str) -> None:
    code = "sample.pop('n') and {'__dj__stats__': {}, 'text': sample['text']}"
    assert run(own, tmp_path, operator, code) == (ROWS, [])


def test_lists_of_some_fields_update_the_rows(own: str, tmp_path: Path) -> None:
    rows, dead = run(
        own, tmp_path, "own_batched_mapper", "{'text': [text.upper() for text in samples['text']]}"
    )
    assert rows == [{**row, "text": str(row["text"]).upper()} for row in ROWS]
    assert not dead
    assert run(own, tmp_path, "own_batched_mapper", "{}") == (ROWS, [])


def test_a_field_is_removed_from_the_dict_that_was_given(own: str, tmp_path: Path) -> None:
    rows, _ = run(own, tmp_path, "own_single_mapper", "sample.pop('text') and sample")
    assert rows[3] == {"n": 3}
    rows, _ = run(own, tmp_path, "own_batched_mapper", "samples.pop('text') and samples")
    assert rows == [{"n": row["n"]} for row in ROWS]


def test_a_process_that_an_operator_forked_does_not_go_on_with_the_job(own: str, tmp_path: Path) -> None:
    assert run(own, tmp_path, "own_single_mapper", "fork() or sample") == (ROWS, [])


@pytest.mark.parametrize(("code", "message"), [("exit(3)", "SystemExit: 3"), ("wordless()", "Wordless: (no")])
def test_an_operator_that_cannot_be_made_is_an_error_of_the_recipe(
    own: str, tmp_path: Path, code: str, message: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        run(own, tmp_path, "own_making_mapper", code)
    assert message in str(refused.value)


@pytest.mark.parametrize("line", ["sys.exit()", "raise Wordless"])
def test_a_file_of_operators_that_ends_the_process_is_refused_with_its_line(
    tmp_path: Path, line: str
) -> None:
    file = tmp_path / "ending.py"
    file.write_text(
        f"import sys; Wordless = type('W', (Exception,), {{'__str__': lambda _: None}})\n{line}\n"
    )
    with pytest.raises(ConfigError, match=r"ending\.py:2: (SystemExit: |W: \(no message)"):
        custom.load_custom([str(file)], taken=list)


@pytest.mark.parametrize("code", ["sys.exit(0)", "None", "[5]", "[{5: 1}]", "wordless()"])
def test_a_grouper_that_gives_no_rows_is_named(own: str, tmp_path: Path, code: str) -> None:
    with pytest.raises(DataJuicerError, match="own_rows_grouper"):
        run(own, tmp_path, "own_rows_grouper", code)
