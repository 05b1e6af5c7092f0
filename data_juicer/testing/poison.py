"""A mapper that does to its worker what single rows tell it to: for tests and rehearsals of failures.

Load it with `custom_operator_paths`. A row whose text begins with one of these words is poison:

    !raise      raises ValueError            !segv       segmentation fault
    !exit N     os._exit(N)                  !kill       SIGKILL
    !sleep      sleeps for an hour           !spin       holds the interpreter for an hour
    !eat N      asks for N gigabytes         !once PATH  SIGKILL, unless PATH exists, which it creates first

Every other text comes out in upper case.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from typing import Any

from data_juicer.ops.base_op import OPERATORS, Mapper


@OPERATORS.register_module("poison_mapper")
class PoisonMapper(Mapper):
    """Obeys rows; see the module."""

    text_key: str

    def process_single(self, sample: dict[str, Any]) -> dict[str, Any]:
        text: str = sample[self.text_key]
        word, _, argument = text.partition(" ")
        if word.startswith("!"):
            _obey(word, argument)
        sample[self.text_key] = text.upper()
        return sample


def _obey(word: str, argument: str) -> None:
    match word:
        case "!raise":
            raise ValueError("this row is poison")
        case "!segv":
            ctypes.string_at(0)
        case "!exit":
            os._exit(int(argument))
        case "!kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "!sleep":
            time.sleep(3600)
        case "!spin":
            hold = ctypes.PyDLL(None).sleep  # unlike a CDLL it keeps the interpreter to itself
            while True:
                hold(3600)
        case "!eat":
            bytearray(int(argument) << 30)
        case "!once":
            if not os.path.exists(argument):
                with open(argument, "w"):
                    os.kill(os.getpid(), signal.SIGKILL)
        case _:
            pass
