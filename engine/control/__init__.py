"""The control socket: one protocol for the console, `attach` and the command line."""
