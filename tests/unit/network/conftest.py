"""Fixtures of the network's protocol."""

from __future__ import annotations

import pytest
from village import Village


@pytest.fixture
async def village() -> Village:
    """Give a network of four active businesses: seller, buyer, bank, other."""
    return await Village.founded()
