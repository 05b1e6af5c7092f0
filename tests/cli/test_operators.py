from pathlib import Path

import pytest

from data_juicer.cli import process
from data_juicer.ops.catalog import registry

CUSTOM = '''\
from data_juicer.ops.base_op import OPERATORS, Mapper


@OPERATORS.register_module("shouting_test_mapper")
class ShoutingTestMapper(Mapper):
    """Makes texts loud."""

    def __init__(self, loudness: int = 3, **kwargs):
        super().__init__(**kwargs)
        self.loudness = loudness

    def process_single(self, sample):
        sample[self.text_key] = sample[self.text_key].upper()
        return sample
'''


@pytest.fixture
def custom_path(tmp_path: Path) -> str:
    path = tmp_path / "shouting.py"
    path.write_text(CUSTOM)
    return str(path)


def test_every_operator_is_listed_within_the_screen(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert process.main(["--list-ops"]) == 0
    reported = capsys.readouterr().out
    assert all(f"  {name}" in reported for name in registry.names())
    assert max(map(len, reported.splitlines())) <= 80


def test_other_names_are_listed_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    process.main(["--list-ops"])
    reported = " ".join(capsys.readouterr().out.split())
    assert "ray_document_deduplicator alias of document_deduplicator" in reported
    process.main(["--describe-op", "ray_document_deduplicator"])
    assert "alias of document_deduplicator" in capsys.readouterr().out.splitlines()[0]


@pytest.mark.parametrize("name", registry.names())
def test_every_operator_is_described(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert process.main(["--describe-op", name]) == 0
    reported = capsys.readouterr().out
    assert reported.startswith(f"{name}: ")
    assert f"    - {name}" in reported
    assert "text_key" in reported


def test_a_description_names_parameters_defaults_and_what_is_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    process.main(["--describe-op", "words_num_filter"])
    reported = capsys.readouterr().out
    assert "  min_num (int | None): default 10\n      least number of words." in reported
    assert "writes  __dj__stats__.num_words" in reported
    assert "max_num (int | None): default no limit" in reported


def test_a_description_says_what_kinds_of_values_fit_and_what_is_inherited(
    capsys: pytest.CaptureFixture[str],
) -> None:
    process.main(["--describe-op", "character_repetition_filter"])
    assert "  rep_len (int from 1): default 10" in capsys.readouterr().out
    process.main(["--describe-op", "document_minhash_deduplicator_with_uid"])
    reported = capsys.readouterr().out
    assert "  lowercase (bool): default true\n      compare texts in lower case." in reported
    assert "writes  nothing" in reported


def test_operators_of_the_users_own_are_listed_and_described(
    custom_path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    process.main(["--list-ops", "--custom_operator_paths", custom_path])
    assert "shouting_test_mapper" in capsys.readouterr().out
    process.main(["--describe-op", "shouting_test_mapper", "--custom_operator_paths", custom_path])
    reported = capsys.readouterr().out
    assert "Makes texts loud." in reported
    assert "  loudness (int): default 3" in reported
