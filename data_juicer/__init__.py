"""data_juicer: fault-tolerant processing of training data."""

from data_juicer.api import LoadedJob, load_job, run
from data_juicer.version import VERSION as __version__

__all__ = ["LoadedJob", "__version__", "load_job", "run"]
