"""All commands that need neither a screen nor an engine of their own, in the order of the help."""

from __future__ import annotations

import typer

from .cli_acts import app as acts
from .cli_at_rest import app as at_rest
from .cli_drills import app as drills
from .cli_looking import app as looking
from .cli_simulation import app as simulation

app = typer.Typer(rich_markup_mode=None)
"""Its commands stand behind those of `cli.py`."""
app.add_typer(looking)
app.add_typer(acts)
app.add_typer(at_rest)
app.add_typer(drills, name="drill")
app.add_typer(simulation)
