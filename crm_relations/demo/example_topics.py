"""What the cases of the example company are about.

The company makes label printers, hand scanners and industrial scales. The texts are
templates; `Topic.told` fills in the product, quantities and numbers of one case.
"""

from dataclasses import dataclass, fields, replace

# product -> price of one piece
PRINTERS = {
    "LP-220 label printer": 1450,
    "LP-480 wide label printer": 2900,
    "MP-90 mobile printer": 690,
}
SCANNERS = {"HS-30 hand scanner": 420, "HS-55 long range scanner": 860}
SCALES = {"DW-15 bench scale": 980, "DW-600 floor scale": 3600}
TERMINALS = {"CT-7 control terminal": 1250, "LinkBox gateway": 650}
ALL_PRODUCTS = {**PRINTERS, **SCANNERS, **SCALES, **TERMINALS}

# what we buy -> price of one piece
PARTS = {
    "printed circuit boards PCB-104": 38,
    "load cells LC-60": 74,
    "thermal print heads TH-8": 112,
    "aluminium housings H-22": 41,
    "power supplies PS-24": 19,
    "cable sets CS-5": 7,
    "colour displays D-7": 56,
    "rubber rollers R-110": 4,
}


@dataclass(frozen=True)
class Topic:
    """One subject with everything people may say about it, in the order of a story.

    Which text is said when is in `example_scripts`.
    """

    category: str  # end of the xml id: crm_case_category_<category>
    subject: str
    text: str
    question: str
    reply: str
    solution: str
    products: tuple = ()
    handover: str = ""  # note of level 1 to level 2; empty: never escalated
    expert: str = ""
    test: str = ""
    aside: str = ""
    thanks: tuple = ()
    again: str = ""
    apology: str = ""
    dropped: tuple = ()
    hosts: tuple = ()  # logins
    hours: float = 1.0

    def told(self, facts):
        """Give the topic with its texts filled in.

        :param facts: {placeholder: text}
        """
        filled = {
            field.name: _fill(getattr(self, field.name), facts)
            for field in fields(self)
        }
        return replace(self, **filled)


def _fill(value, facts):
    if isinstance(value, str):
        return value.format_map(facts)
    if isinstance(value, tuple):
        return tuple(_fill(entry, facts) for entry in value)
    return value
