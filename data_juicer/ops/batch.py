"""`Batch` under the name that column operators of users import it by; its home is `rows/batch.py`."""

from data_juicer.kernels.arrays import Mask
from data_juicer.rows.batch import Batch, Rows

__all__ = ["Batch", "Mask", "Rows"]
