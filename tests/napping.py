"""A job kind for the tests that needs little of the machine."""

from tests.sleeping import run

__all__ = ["run"]
