"""Settings of all tests."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Readline, which a plugin of pytest may import, gives every process begun later a width; messages would be folded to it.
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)

# No deadline and no health check of speed: machines of tests are shared. The same examples on every run: a failure can be seen again.
settings.register_profile(
    "data_juicer", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("data_juicer")
