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

# what we buy -> end of the supplier's xml id, price of one piece
COMPONENTS = {
    "printed circuit boards PCB-104": ("elektra", 38),
    "power supplies PS-24": ("elektra", 19),
    "load cells LC-60": ("cellforce", 74),
    "aluminium housings H-22": ("metalform", 41),
    "mounting frames MF-3": ("metalform", 27),
    "rubber rollers R-110": ("gummiwerk", 4),
    "colour displays D-7": ("displaytec", 56),
    "thermal print heads TH-8": ("displaytec", 112),
    "cable sets CS-5": ("kabelwerk", 7),
}
FREIGHT = {"express freight": ("transrapide", 26)}
CALIBRATION = {"calibration of test weights": ("calibra", 95)}
SUPPLIES = {**COMPONENTS, **FREIGHT, **CALIBRATION}
PRICES = ALL_PRODUCTS | {name: price for name, (_who, price) in SUPPLIES.items()}


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
    fixed: str = ""
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
