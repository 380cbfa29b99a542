"""What the tests of pages share: one graded class."""

from graded_class import graded

__all__ = ["graded"]
