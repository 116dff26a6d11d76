"""What may be in a regular expression that PostgreSQL searches for."""

import re

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def has_back_reference(pattern: str) -> bool:
    r"""Tell whether a pattern repeats what an earlier part of it has found.

    Only for these does PostgreSQL try all ways, which may take for ever.

    >>> has_back_reference(r"(a*)\1"), has_back_reference(r"(a)(b)\2+")
    (True, True)
    >>> has_back_reference(r"\d+\.\w"), has_back_reference("")
    (False, False)
    >>> has_back_reference(r"C:\\1")  # an escaped backslash, then a figure
    False
    >>> has_back_reference(r"\\\1")
    True
    """
    return any(found in "123456789" for found in _ESCAPE.findall(pattern))
