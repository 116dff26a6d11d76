"""The states of a partner on a call list: who may be taken, who is not through with.

>>> set(UNFINISHED) - set(OPEN)
{'working'}
"""

OPEN = ("todo", "again", "missed")  # somebody may take the partner
UNFINISHED = (*OPEN, "working")  # or has the partner in hand
