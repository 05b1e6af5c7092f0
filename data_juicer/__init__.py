"""data_juicer: fault-tolerant processing of training data.

import data_juicer
data_juicer.run("recipe.yaml", np=2)
data_juicer.load_job("20260313_180911_demo_b71c", work_dir="outputs")
"""

import importlib
import types
from typing import Any

from data_juicer import api, version
from data_juicer.api import LoadedJob, load_job

__all__ = ["LoadedJob", "__version__", "load_job", "run"]

__version__ = version.VERSION


class _CallableFolder(types.ModuleType):
    """The folder `run` has the name of the function that people call: the folder can be called."""

    def __call__(self, *args: Any, **overrides: Any) -> Any:
        return api.run(*args, **overrides)


run = importlib.import_module("data_juicer.run")
run.__class__ = _CallableFolder
