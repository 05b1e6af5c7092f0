"""The shapes of arrays that kernels and batches share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
"""A yes or no for each row, shape (rows,)."""
