from __future__ import annotations

import json
from pathlib import Path

import pytest

from data_juicer.errors import ConfigError
from data_juicer.ops.catalog import registry
from data_juicer.ops.resources import word_lists


@pytest.fixture(autouse=True)
def _no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def load(lang: str = "en", folder: str = word_lists.DEFAULT_FOLDER) -> word_lists.WordList:
    return word_lists.load("stopwords", folder, lang, operator="stopwords_filter")


def test_the_package_has_lists_of_its_own() -> None:
    assert {"the", "and", "of"} <= load().words
    assert {"的", "了"} <= load("zh").words
    assert load("all").words > load("zh").words


@pytest.mark.parametrize("kind", ["stopwords", "flagged_words"])
def test_the_package_lists_hold_words_as_operators_compare_them(kind: word_lists.Kind) -> None:
    words = word_lists.load(kind, word_lists.DEFAULT_FOLDER, "all", operator="a test").words
    assert [word for word in words if word != word.lower() or word != word.strip() or not word] == []


def test_files_in_the_default_folder_go_before_the_package(tmp_path: Path) -> None:
    folder = tmp_path / "home" / ".cache" / "data_juicer" / "assets"
    folder.mkdir(parents=True)
    (folder / "stopwords.json").write_text('{"en": ["only"]}')
    assert load().words == {"only"}
    assert load().files == (str(folder / "stopwords.json"),)


def test_several_files_of_a_folder_are_joined(tmp_path: Path) -> None:
    (tmp_path / "stopwords.json").write_text('{"en": ["a"], "fr": ["le"]}')
    (tmp_path / "more_stopwords.json").write_text('{"en": ["b"]}')
    (tmp_path / "flagged_words.json").write_text('{"en": ["c"]}')
    assert load("en", str(tmp_path)).words == {"a", "b"}
    assert load("all", str(tmp_path)).words == {"a", "b", "le"}


def test_a_language_without_list_is_refused_with_those_that_have_one() -> None:
    with pytest.raises(ConfigError, match=r"lang 'xx' has no list of stopwords.*Allowed: af, all, ar"):
        registry.make("stopwords_filter", {"lang": "xx"})
    with pytest.raises(ConfigError, match="lang 'xx' has no list of flagged_words"):
        registry.make("flagged_words_filter", {"lang": "xx"})


@pytest.mark.parametrize("kind", ["stopwords", "flagged_words"])
def test_where_a_folder_does_not_exist_the_package_serves_and_says_so(tmp_path: Path, kind: str) -> None:
    """Recipes of DataJuicer's name folders into which it downloads."""
    missing = str(tmp_path / "assets")
    operator = registry.make(f"{kind}_filter", {f"{kind}_dir": missing})
    assert operator.notices() == (
        f"{kind}_dir: {missing} does not exist; the {kind} of this package are used",
    )
    assert operator.assets() == registry.make(f"{kind}_filter", {}).assets()
    assert registry.make(f"{kind}_filter", {}).notices() == ()


def test_a_folder_without_lists_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"stopwords_dir .* holds no file \*stopwords\*\.json"):
        load("en", str(tmp_path))


@pytest.mark.parametrize("text", ["", "[]", '{"en": "the"}', '{"en": [1]}', "\udcff"])
def test_a_damaged_list_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "stopwords.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match="is no list of words by language"):
        load("en", str(tmp_path))


def test_the_lists_are_assets_of_their_operators(tmp_path: Path) -> None:
    (tmp_path / "flagged_words.json").write_text(json.dumps({"en": ["x"]}))
    operator = registry.make("flagged_words_filter", {"flagged_words_dir": str(tmp_path)})
    assert operator.assets() == (str(tmp_path / "flagged_words.json"),)
