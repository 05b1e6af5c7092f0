"""What the tests of security share."""

import pytest
from second_user import shared_folder

shared = pytest.fixture(name="shared")(shared_folder)
