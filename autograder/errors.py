"""Errors that end a command. Each is one line for the person who reads it: file, key or cell, and the remedy."""

from __future__ import annotations


class TorchmarkError(Exception):
    """What a user can put right. The command line prints its text, without a traceback, and exits with 2."""


class SettingsError(TorchmarkError):
    """grader.toml cannot be used as it is."""


class CourseError(TorchmarkError):
    """A folder of the course, or a file in it, is missing or malformed."""


class ReleaseError(TorchmarkError):
    """What would be released cannot be built, or must not be released."""


class SubmissionError(TorchmarkError):
    """One submission cannot be graded. It costs that submission its points, never the batch."""


class DeviceError(TorchmarkError):
    """There is no GPU to check placement on, neither a real nor a simulated one. The text says why, in one line."""


class IsolationError(TorchmarkError):
    """This machine cannot separate student code from the grader as far as the settings demand."""
