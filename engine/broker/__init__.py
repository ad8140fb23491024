"""The broker port and those who stand behind it."""
