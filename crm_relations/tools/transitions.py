"""The life of a case as one table: which state may follow which.

Everything that shows or checks a state reads it from here: the selection of the
field, the buttons, the error texts, the filters and the tests.
"""

DRAFT = "draft"
OPEN = "open"
PENDING = "pending"
DONE = "done"
CANCEL = "cancel"

STATES = [
    (DRAFT, "Draft"),
    (OPEN, "Open"),
    (PENDING, "Pending"),
    (DONE, "Closed"),
    (CANCEL, "Cancelled"),
]

# source state -> the states it may move to, in the order people are told them
MOVES = {
    DRAFT: (OPEN, PENDING, DONE, CANCEL),
    OPEN: (PENDING, DONE, CANCEL),
    PENDING: (OPEN, DONE, CANCEL),
    DONE: (DRAFT,),
    CANCEL: (DRAFT,),
}

# still work to do: may be escalated, can be late, counts as a person's load
UNCLOSED = (DRAFT, OPEN, PENDING)
CLOSED = (DONE, CANCEL)


def allowed_moves(source: str) -> tuple[str, ...]:
    """Give the states that may follow ``source``.

    >>> allowed_moves("done")
    ('draft',)
    >>> allowed_moves("open")
    ('pending', 'done', 'cancel')

    :raise KeyError: ``source`` is no state
    """
    return MOVES[source]


def is_allowed(source: str, target: str) -> bool:
    """Tell whether a case may go from ``source`` to ``target``.

    Staying where one is, is always allowed, so that saving a form or dropping a
    card where it came from is no error.

    >>> is_allowed("open", "open")
    True
    >>> is_allowed("pending", "open"), is_allowed("done", "open")
    (True, False)

    :raise KeyError: ``source`` is no state
    """
    return source == target or target in MOVES[source]


def path_to_open(source: str) -> tuple[str, ...]:
    """Give the allowed moves that bring a case to ``open``, in order.

    A closed case has no direct way back: reopening is two moves, and both are
    kept in the case's history.

    >>> path_to_open("done")
    ('draft', 'open')
    >>> path_to_open("pending"), path_to_open("open")
    (('open',), ())

    :raise KeyError: ``source`` is no state
    """
    if source == OPEN:
        return ()
    return (OPEN,) if OPEN in MOVES[source] else (*MOVES[source][:1], OPEN)
