"""Whether this machine has GPUs, as operators written for DataJuicer ask."""

from __future__ import annotations

import importlib.util


def cuda_device_count() -> int:
    """GPUs that PyTorch sees; 0 where it is not installed."""
    if importlib.util.find_spec("torch") is None:
        return 0
    import torch

    return int(torch.cuda.device_count())


def is_cuda_available() -> bool:
    return cuda_device_count() > 0
