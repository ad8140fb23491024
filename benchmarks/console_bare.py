"""The least that Textual can show, with nothing of ours loaded."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Static


class Bare(App[None]):
    """One word, on the driver that Textual brings."""

    def compose(self) -> ComposeResult:
        """The word that stands on our screen too."""
        yield Static("SYMBOL")


if __name__ == "__main__":
    Bare().run(mouse=False)
