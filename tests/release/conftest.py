"""Fixtures for the tests of release/."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_course import Tiny


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    """A course of one small assignment, ps1, on disk."""
    return Tiny(tmp_path)
