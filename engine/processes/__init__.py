"""The five supervised processes, one file each."""
