"""No garbage is looked for while programs are being loaded: there is none, and the heap grows."""

from __future__ import annotations

import gc


def uncollected() -> None:
    """From now on things are loaded; whoever says this says `collected` when they are."""
    gc.disable()


def collected() -> None:
    """What was loaded is never looked at again; what comes now is."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
