"""Drills: failures that are put in on purpose, watched, taken out again, and judged."""
