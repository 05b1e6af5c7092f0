"""What the tests of security share."""

import pytest

from tests.support.second_user import shared_folder

shared = pytest.fixture(name="shared")(shared_folder)
