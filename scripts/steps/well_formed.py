"""Say which of the XML files named are not well-formed, and where."""

import sys

from lxml import etree


def fault(path):
    """Return what is wrong with a file, or an empty text."""
    try:
        etree.parse(path)
    except (OSError, etree.XMLSyntaxError) as error:
        return f"{path}: {error}"
    return ""


if __name__ == "__main__":
    faults = [text for path in sys.argv[1:] if (text := fault(path))]
    sys.exit("\n".join(faults) or 0)
