"""argparse whose errors are ours: one line, exit code 2."""

from __future__ import annotations

import argparse
from typing import NoReturn

from data_juicer.errors import ConfigError
from data_juicer.printable import printable


class OneLineParser(argparse.ArgumentParser):
    """Raises ConfigError instead of printing its usage and leaving the process."""

    def error(self, message: str) -> NoReturn:
        command = self.prog.partition(" ")[2]
        place = f"command line, {command}" if command else "command line"
        raise ConfigError(printable(f"{place}: {message}"))
