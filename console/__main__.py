"""`python -m console` is the console script."""

from .cli import run

run()
