"""Which of Python's command lines start the package, and what becomes of PYTHONPATH."""

import os
import sys

import pytest

from data_juicer import safe_path


@pytest.mark.parametrize(
    ("command", "is_ours"),
    [
        (["python", "-m", "data_juicer", "--config", "r.yaml"], True),
        (["python", "-mdata_juicer"], True),
        (["python", "-u", "-X", "dev", "-m", "data_juicer.cli.process"], True),
        (["python", "-Ximporttime", "-Wm", "-um", "data_juicer"], True),
        (["python", "-m", "data_juicer_tools"], False),
        (["python", "-m", "pytest", "-m", "data_juicer"], False),
        (["python", "-X", "-m", "data_juicer.py"], False),
        (["python"], False),
    ],
)
def test_only_a_start_of_the_package_itself_changes_the_search_path(
    command: list[str], is_ours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = ["/elsewhere", "/lib"]
    monkeypatch.setattr(sys, "orig_argv", command)
    monkeypatch.setattr(sys, "argv", ["-m"])
    monkeypatch.setattr(sys, "path", ["/folder/of/data", *rest])
    monkeypatch.delenv("PYTHONPATH", raising=False)
    safe_path.begin_command()
    assert sys.path == (rest if is_ours and not sys.flags.safe_path else ["/folder/of/data", *rest])


@pytest.mark.parametrize(
    ("variable", "stays"), [(":/lib", False), ("/lib:", False), ("/lib", True), (".:/lib:", True), ("", True)]
)
def test_an_empty_part_of_pythonpath_is_not_the_current_directory(
    variable: str, stays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/dj-process"])
    monkeypatch.setattr(sys, "path", [os.getcwd(), "/lib"])
    monkeypatch.setenv("PYTHONPATH", variable)
    safe_path.begin_command()
    assert (os.getcwd() in sys.path) is stays


def test_a_child_is_given_pythonpath_without_its_empty_parts() -> None:
    assert safe_path.child_environment({"PYTHONPATH": ":/a::/b:", "X": "1"}) == {
        "PYTHONPATH": "/a:/b",
        "X": "1",
    }
    assert safe_path.child_environment({"PYTHONPATH": ":"}) == {}
