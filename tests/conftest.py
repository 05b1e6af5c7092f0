"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

# No deadline: machines of tests are shared. The same examples on every run: a failure can be seen again.
settings.register_profile("data_juicer", deadline=None, derandomize=True)
settings.load_profile("data_juicer")
