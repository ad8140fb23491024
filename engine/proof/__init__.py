"""Whether what is stored is true: `verify`."""
