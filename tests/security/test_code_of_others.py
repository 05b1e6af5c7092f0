"""Code, word lists and models that other users can change are named before they are used."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from data_juicer.api import run
from data_juicer.storage.posix import PosixStore
from tests.support.second_user import OTHER_UID, needs_second_user

OPERATOR = """
from data_juicer.ops.base_op import OPERATORS, Mapper

@OPERATORS.register_module("own_mapper")
class OwnMapper(Mapper):
    def process_single(self, sample):
        return sample
"""


def events_of(folder: Path, process: list[object], code: Path | None) -> str:
    (folder / "in.jsonl").write_text('{"text": "one"}\n')
    result = run(
        {"dataset_path": str(folder / "in.jsonl"), "process": process},
        executor_type="inline",
        export_path=str(folder / "out" / "o.jsonl"),
        custom_operator_paths=[str(code)] if code else [],
    )
    return Path(result.summary.directories["event_logs"], "events.jsonl").read_text()


@pytest.mark.parametrize("mode", [0o644, 0o666])
def test_custom_operators_that_everybody_may_change_are_reported_of(shared: Path, mode: int) -> None:
    name = f"own{mode}_mapper"  # operators of one process share their names
    (shared / "op.py").write_text(OPERATOR.replace("own_mapper", name))
    (shared / "op.py").chmod(mode)
    reported = events_of(shared, [name], shared / "op.py")
    assert (f"everybody may change {shared}/op.py (mode 0666)" in reported) is (mode == 0o666)


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o1777])
def test_a_folder_above_them_counts_too(shared: Path, mode: int) -> None:
    (shared / "code").mkdir()
    (shared / "code" / "op.py").write_text(OPERATOR)
    (shared / "code").chmod(mode)
    found = PosixStore().find_untrusted(str(shared / "code" / "op.py"))
    assert found == (f"everybody may change {shared}/code (mode 0777)" if mode == 0o777 else None)


@needs_second_user
def test_code_and_word_lists_of_another_user_are_reported_of(shared: Path) -> None:
    (shared / "function.py").write_text("def process_single(row):\n    return row\n")
    (shared / "words").mkdir()
    (shared / "words" / "stopwords.json").write_text(json.dumps({"en": ["the"]}))
    for path in (shared / "function.py", shared / "words" / "stopwords.json"):
        os.chown(path, OTHER_UID, OTHER_UID)
    process: list[object] = [
        {"python_file_mapper": {"file_path": str(shared / "function.py")}},
        {"stopwords_filter": {"stopwords_dir": str(shared / "words"), "min_ratio": 0.0}},
    ]
    reported = events_of(shared, process, None)
    for path in ("function.py", "words/stopwords.json"):
        assert (
            f"{shared}/{path} belongs to user {OTHER_UID}; who changes it decides what this job does"
            in reported
        )
