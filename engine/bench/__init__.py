"""What the program measures of itself: starts against the broker's floor, the cost of an answer.

The quick set is here and not in `benchmarks/`, because whoever installed the program has only
this; the larger tables there are made with the same rooms.
"""
