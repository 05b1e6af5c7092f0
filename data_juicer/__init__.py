"""data_juicer: fault-tolerant processing of training data."""

from data_juicer import version
from data_juicer.api import LoadedJob, load_job, run

__all__ = ["LoadedJob", "__version__", "load_job", "run"]

__version__ = version.VERSION
