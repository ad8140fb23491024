"""Benchmarks: they compare and report, a person judges; nothing here is shipped or imported."""
