"""A custom operator of the soak: raises on marked rows, and does to its process what an order says, once.

The order is a file that SOAK_ORDERS names; the first process that finds it takes it away.
"""

import contextlib
import ctypes
import os
import resource
import signal

from data_juicer.ops.base_op import OPERATORS, Mapper

ORDERS = os.environ.get("SOAK_ORDERS", "")


@OPERATORS.register_module("soak_mapper")
class SoakMapper(Mapper):
    def process_single(self, sample):
        if ORDERS and os.path.exists(ORDERS):
            obey()
        text = sample[self.text_key]
        if text.startswith("!"):
            raise ValueError("a marked row")
        sample[self.text_key] = text.upper()
        return sample


def obey() -> None:
    taken = f"{ORDERS}.{os.getpid()}"
    with contextlib.suppress(FileNotFoundError):  # another worker was faster
        os.rename(ORDERS, taken)
        with open(taken) as file:
            order = file.read()
        match order:
            case "worker killed":
                os.kill(os.getpid(), signal.SIGKILL)
            case "worker crashes":
                ctypes.string_at(0)
            case "worker exits":
                os._exit(3)
            case "worker's disk full":
                resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
