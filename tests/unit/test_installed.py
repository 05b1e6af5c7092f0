"""Versions of installed packages, found without importlib.metadata."""

from importlib import metadata
from pathlib import Path

import pytest

from data_juicer.installed import find_version


@pytest.mark.parametrize("name", ["msgspec", "pyarrow", "PyYAML", "typing_extensions", "py-data-juicer"])
def test_the_version_is_what_the_metadata_says(name: str) -> None:
    try:
        expected = metadata.version(name)
    except metadata.PackageNotFoundError:
        expected = None
    assert find_version(name) == expected


def test_the_first_one_on_the_search_path_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, version in (("b", "1.0"), ("a", "2.0rc1+local")):
        (tmp_path / folder / f"Some.Thing-{version}.dist-info").mkdir(parents=True)
        monkeypatch.syspath_prepend(tmp_path / folder)
    assert find_version("some_thing") == "2.0rc1+local"


def test_a_folder_without_a_version_in_its_name_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "thing.egg-info").mkdir()
    (tmp_path / "thing.egg-info" / "PKG-INFO").write_text(
        "Metadata-Version: 2.1\nName: thing\nVersion: 3.4\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert find_version("thing") == "3.4"


def test_what_is_not_installed_has_no_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path / "missing")
    assert find_version("no-such-thing") is None
