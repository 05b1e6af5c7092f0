"""The flags of `dj-process` that are settings: one for each setting of the schema, by its dotted key.

argparse rather than jsonargparse: docs/design/0002-config.md.
"""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

from data_juicer.config.schema import DEFAULTS, SPECS, JobConfig
from data_juicer.config.sources import foreign, legacy
from data_juicer.config.sources.layers import COMMAND_LINE, Given, Source, suggestion, variable_of
from data_juicer.config.sources.operator_flags import split_flags
from data_juicer.config.sources.parser import OneLineParser
from data_juicer.config.spec import Choice, Flag, Integer, Names, Number, Spec
from data_juicer.config.wording import nearest, one_line, show
from data_juicer.errors import ConfigError
from data_juicer.version import PROGRAM

HELP_COLUMNS: Final = 80
_RECIPE_SUFFIXES: Final = (".yaml", ".yml", ".json")
SOURCE: Final = Source(rank=COMMAND_LINE, name="command line", lines={})

_TITLES: Final[Mapping[str, str]] = {"": "settings of the job"} | {
    section: f"{section}: {(kind.__doc__ or '').strip().rstrip('.')}"
    for section, kind in JobConfig.SECTIONS.items()
}
_EPILOG: Final = f"""\
Precedence: defaults, recipe, environment, flags. {variable_of("checkpoint.strategy")}=manual sets
checkpoint.strategy; other settings likewise. A recipe of DataJuicer's runs as it is: older flat names
(partition_size, storage_format, ...) and settings that have no use here are accepted too."""


def build_parser() -> argparse.ArgumentParser:
    """The parser of all settings. What is not given is not in its namespace; values are words, not yet checked.

    It knows no `--help`: the command adds its own options.
    """
    parser = OneLineParser(
        prog=PROGRAM,
        usage=f"{PROGRAM} --config RECIPE [--job_id ID] [--SETTING VALUE ...]",
        description="Process a dataset by a recipe; the same command with the job's id resumes it.",
        epilog=_EPILOG,
        add_help=False,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=30, width=HELP_COLUMNS),
    )
    groups = {section: parser.add_argument_group(title) for section, title in _TITLES.items()}
    groups[""].add_argument("--config", metavar="RECIPE", help="The recipe: a YAML or JSON file.")
    for key, spec in SPECS.items():
        group = groups[key.rpartition(".")[0]]
        group.add_argument(
            f"--{key}", dest=key, help=_help(key, spec), metavar=_metavar(spec), nargs=_nargs(spec)
        )
    parser.add_argument(
        "--custom-operator-paths", dest="custom_operator_paths", nargs="+", help=argparse.SUPPRESS
    )
    for key in sorted({*legacy.FLAT, *legacy.BELOW_PARTITION, *foreign.NAMES}):
        parser.add_argument(f"--{key}", dest=key, nargs="*", help=argparse.SUPPRESS)
    return parser


def read_flags(argv: Sequence[str]) -> tuple[str | None, list[Given]]:
    """The recipe's path and the settings of a command line.

    Raises: ConfigError: a word is no setting, or a setting lacks its value.
    """
    namespace, rest = build_parser().parse_known_args(list(argv))
    parameters, unknown = split_flags(rest, JobConfig.SECTIONS)
    if unknown:
        raise _unknown(unknown[0])
    words = vars(namespace)
    recipe_path = words.pop("config", None)
    given = [*((key, _words(value)) for key, value in words.items()), *parameters]
    return recipe_path, [Given(source=SOURCE, path=path, value=value) for path, value in given]


def as_word(given: Given) -> str:
    """A setting of a variable or of a caller as the word of a command line that gives the same."""
    value = given.value
    if isinstance(value, tuple):
        return f"--{given.path}={' '.join(value)}"
    if isinstance(value, str) and isinstance(SPECS.get(given.path), Names):
        value = [value]  # a comma in it parts nothing
    return f"--{given.path}={value if isinstance(value, str) else json.dumps(value)}"


def _words(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _unknown(word: str) -> ConfigError:
    if word.lower().endswith(_RECIPE_SUFFIXES):
        command = shlex.join([PROGRAM, "--config", word])
        return ConfigError(one_line(f"{SOURCE.name}: a recipe is named by --config; type {command}"))
    if not word.startswith("--"):
        return ConfigError(
            one_line(f"{SOURCE.name}: {show(word)} belongs to no setting; write --setting value")
        )
    name = word[2:].partition("=")[0]
    hint = "; did you mean config?" if nearest(name, ("config",)) else suggestion(name.replace("-", "_"))
    return SOURCE.refuse(name, f"unknown setting{hint}")


def _nargs(spec: Spec) -> str | None:
    if isinstance(spec, Flag):
        return "?"
    return "+" if isinstance(spec, Names) else None


def _metavar(spec: Spec) -> str:
    match spec:
        case Flag():
            return "true|false"
        case Integer():
            return "N"
        case Number():
            return "X"
        case Choice():
            return "NAME"
        case _:
            return "VALUE"


def _help(key: str, spec: Spec) -> str:
    choices = f" One of: {', '.join(spec.choices)}." if isinstance(spec, Choice) else ""
    default = spec.default_note or _default_words(DEFAULTS[key])
    return f"{spec.help}{choices} [{default}]".replace("%", "%%")


def _default_words(default: Any) -> str:
    """A default as it is written: `true`, `3`, `parquet`, `a,b`, `none` for nothing."""
    if isinstance(default, tuple):
        return ",".join(default) or "none"
    if isinstance(default, bool):
        return str(default).lower()
    return "none" if default is None else str(default)
