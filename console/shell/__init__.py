"""The command line's commands: each asks, does, and says how it went."""
