"""Meetings of the example company."""

from .example_topics import ALL_PRODUCTS, COMPONENTS, Topic

_DROPPED = (
    "Cancelled by the guest, a new date will be found.",
    "Cancelled: two of us are ill.",
    "No open points this time, cancelled.",
)


def _meeting(category, subject, text, minutes, hosts, guest=("", ""), **values):
    """Put one meeting together.

    :param minutes: what is noted afterwards
    :param guest: invitation and answer
    """
    invitation, answer = guest
    return Topic(
        category,
        subject,
        text,
        invitation,
        answer,
        minutes,
        hosts=hosts,
        dropped=_DROPPED,
        **values,
    )


TOPICS = (
    _meeting(
        "internal",
        "Sales meeting",
        "Open offers, visits of the coming weeks, prices.",
        "Went through the open offers; three follow-up calls were shared out.",
        ("general", "admin"),
        hours=1.5,
    ),
    _meeting(
        "internal",
        "Support handover, level 1 and level 2",
        "Escalated cases of the month: what could level 1 have solved?",
        "Two instructions will be written so that level 1 can solve these cases.",
        ("senior",),
        hours=1.0,
    ),
    _meeting(
        "internal",
        "Quality circle",
        "Findings at incoming inspection, complaints, actions that are due.",
        "Two actions closed, one prolonged. Supplier ranking updated.",
        ("quality",),
        hours=2.0,
    ),
    _meeting(
        "internal",
        "Introduction of a new colleague",
        "Tour through the house, how we work with cases, mailboxes, questions.",
        "Done; first cases are taken together with Support.",
        ("general", "senior"),
        hours=3.0,
    ),
    _meeting(
        "visit",
        "Demonstration of the {product}",
        "Demonstration at the customer's site. Take the demonstration kit along.",
        "Good talk. Wants a trial device; opportunity to be opened.",
        ("sales", "general", "admin"),
        (
            "May I confirm our visit? I bring the {product} with me and need a socket "
            "and about an hour.",
            "Confirmed. Please report at the gate; the warehouse manager joins us.",
        ),
        hours=2.0,
        products=tuple(ALL_PRODUCTS),
    ),
    _meeting(
        "visit",
        "Yearly review with the customer",
        "Figures of the year, open support requests, plans for the next year.",
        "Customer content with support, prices discussed. Minutes sent.",
        ("general", "sales"),
        (
            "Thank you for the date. I send you our figures before, so that we have "
            "time for your plans.",
            "We look forward to it. Please add the delivery times to the agenda.",
        ),
        hours=1.5,
    ),
    _meeting(
        "visit",
        "Training on the {product}",
        "Training of the users in two groups.",
        "Eleven people trained, certificates sent.",
        ("support", "senior"),
        (
            "Everything is prepared for the training. How many people will take part?",
            "Eleven, in two groups. The room has a projector.",
        ),
        hours=4.0,
        products=tuple(ALL_PRODUCTS),
    ),
    _meeting(
        "call",
        "Call about the offer for {product}",
        "Go through the offer together, price and delivery time.",
        "Open question on the interface answered; decision is due at the end of the "
        "month.",
        ("sales",),
        (
            "I call you at the agreed time. Our offer is attached once more.",
            "Good. My colleague from purchasing will be on the line as well.",
        ),
        hours=0.5,
        products=tuple(ALL_PRODUCTS),
    ),
    _meeting(
        "audit",
        "Supplier audit: {product}",
        "Process audit at the supplier: incoming goods, production, final test, "
        "handling of faulty parts.",
        "Result 86 per cent, two minor findings. Report sent, actions within six "
        "weeks.",
        ("quality",),
        (
            "As announced I will visit you for the yearly audit. The check list is "
            "attached.",
            "You are welcome. Our quality manager will be at your disposal all day.",
        ),
        hours=6.0,
        products=tuple(COMPONENTS),
    ),
)
