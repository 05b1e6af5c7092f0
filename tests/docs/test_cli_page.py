"""docs/cli.md says what the commands say: its transcripts are run again, its usage is that of the parsers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from data_juicer.cli import job_commands
from tests.support import cli_page

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


@pytest.fixture(scope="module")
def made() -> str:
    return cli_page.page()


def test_the_page_is_what_the_commands_say_now(made: str) -> None:
    present, now = cli_page.normal(PAGE.read_text()), cli_page.normal(made)
    assert present.splitlines() == now.splitlines(), (
        "to write it anew: python -m tests.support.cli_page > docs/cli.md"
    )


def test_every_command_has_a_section_and_no_transcript_is_wider_than_eighty_columns(made: str) -> None:
    titles = re.findall(r"^## dj-jobs (\S+)$", made, re.MULTILINE)
    assert titles == [command.NAME for command in job_commands.COMMANDS]
    blocks = re.findall(r"^```(?:console)?\n(.*?)^```$", made, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if cli_page.HERE not in line]
    assert [line for line in lines if len(line) > cli_page.COLUMNS] == []


def test_a_command_that_says_something_else_is_found(made: str) -> None:
    assert cli_page.normal(made) != cli_page.normal(made.replace("Explain what", "Tell what"))
