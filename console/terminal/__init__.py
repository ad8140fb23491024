"""The terminal may die, the engine may not."""
