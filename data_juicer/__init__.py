"""data_juicer: fault-tolerant processing of training data."""

import importlib

from data_juicer import version

# The folder `run` shares its name with the function. A package binds a submodule's name when it is first imported: that is
# done here, before the function takes the name for good.
importlib.import_module("data_juicer.run")

from data_juicer.api import LoadedJob, load_job, run  # noqa: E402

__all__ = ["LoadedJob", "__version__", "load_job", "run"]

__version__ = version.VERSION
