"""An environment that has py-data-juicer too is noticed and explained in one line."""

from pathlib import Path

import pytest

from data_juicer.events import types as t
from data_juicer.testing import jobs
from data_juicer.testing.jobs import Watch


def notes(folder: Path) -> list[str]:
    (folder / "in.jsonl").write_text('{"text": "a"}\n')
    config = jobs.recipe(str(folder), [str(folder / "in.jsonl")], ["clean_email_mapper"])
    watch = Watch()
    jobs.run_inline(config, jobs.memory_with_input(config), watch)
    return [event.message for event in watch.events(t.InfoNotice) if "py-data-juicer" in event.message]


def test_another_package_of_this_name_is_explained_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "packages" / "py_data_juicer-1.6.1.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    (note,) = notes(tmp_path)
    assert note.startswith(
        "py-data-juicer 1.6.1 is installed here too: both packages are imported as data_juicer"
    )
    assert "\n" not in note


def test_alone_nothing_is_said(tmp_path: Path) -> None:
    assert notes(tmp_path) == []
