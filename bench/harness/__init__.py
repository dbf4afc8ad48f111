# SPDX-License-Identifier: Apache-2.0
"""The bench harness: scenarios from files, servers and generator as programs, figures as records."""
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Refused(Exception):
    """Nothing can be run as asked: the text is for the user, code is the exit code."""

    def __init__(self, text, code=2):
        super().__init__(text)
        self.code = code


class Void(Exception):
    """A run that proves nothing."""


class Absent(Exception):
    """Something that a scenario needs is not there; the others go on without it."""
