"""dj-jobs completions."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NAME: Final = "completions"
HELP: Final = "Print what makes a shell complete the words of dj-jobs and dj-process."

SHELLS: Final = ("bash", "zsh", "fish")
_FOLDERS: Final = frozenset({"JOB", "DIR"})
_FILES: Final = frozenset({"RECIPE", "FILE", "PATH"})
_HOW: Final = """\
bash:  eval "$(dj-jobs completions bash)"     as a line of ~/.bashrc
zsh:   eval "$(dj-jobs completions zsh)"      in ~/.zshrc, after compinit
fish:  dj-jobs completions fish | source      in ~/.config/fish/config.fish
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help="bash, zsh or fish")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _HOW


def run(arguments: argparse.Namespace, _: Output, __: StopSignals) -> None:
    """The form of the result is the shell's, whatever --output says."""
    from data_juicer.cli.process import build_whole_parser

    sys.stdout.write(completions(arguments.shell, [arguments.build_parser(), build_whole_parser()]))


def completions(shell: str, parsers: Sequence[argparse.ArgumentParser]) -> str:
    """The script for one shell, made from the parsers of programs. Raises: ConfigError: the extra is not installed."""
    try:
        import shtab
    except ImportError:
        raise ConfigError(
            "completions need the extra completions; to install it: pip install 'data-juicer[completions]'"
        ) from None
    scripts = []
    for parser in parsers:
        for each in _every_parser(parser):
            for action in each._actions:  # noqa: SLF001 - argparse has no other way to its options
                if action.choices is None and (values := _values(action.dest)):
                    action.choices = values
                metavar = action.metavar if isinstance(action.metavar, str) else ""
                if metavar in _FOLDERS | _FILES:
                    vars(action)["complete"] = shtab.DIRECTORY if metavar in _FOLDERS else shtab.FILE
        scripts.append(shtab.complete(parser, shell=shell))
    return "\n".join(scripts)


def _values(setting: str) -> tuple[str, ...]:
    """Those that a setting may have; the parser of settings takes any word, since it is checked with the recipe."""
    from data_juicer.config.schema import SPECS
    from data_juicer.config.spec import Choice, Flag

    spec = SPECS.get(setting)
    if isinstance(spec, Flag):
        return ("true", "false")
    return tuple(spec.choices) if isinstance(spec, Choice) else ()


def _every_parser(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parser and those of its subcommands."""
    yield parser
    for action in parser._actions:  # noqa: SLF001 - as above
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for each in action.choices.values():
                yield from _every_parser(each)
