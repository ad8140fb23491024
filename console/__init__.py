"""The Textual console and the command line: a client of the engine."""
