"""Opportunities of the example company."""

from .example_topics import ALL_PRODUCTS, PRINTERS, SCALES, SCANNERS, TERMINALS, Topic

# what is said the same way whatever is sold
_SAID = {
    "aside": "",
    "test": "I would like to ask whether our offer {offer} answers all your questions. "
    "The delivery time we promised still holds for orders of this month.",
    "thanks": (
        "We are happy to place the order as offered. Our order number is {order}.",
        "The management has agreed. Please find our order {order} attached.",
        "After comparing three offers we have chosen yours. Order {order} follows by "
        "post; please start already.",
    ),
    "expert": "Thank you very much for your order. The confirmation with the delivery "
    "date is attached; our technician will call you about the installation.",
    "again": "Thank you for your patience. We have decided for another supplier, "
    "mainly because of the delivery time. We would like to stay in touch.",
    "apology": "Thank you for telling us openly. We would be glad to hear from you "
    "again; your conditions stay on file for a year.",
    "dropped": (
        "The budget was moved to next year. Call again in spring.",
        "Contact has left the company, the project was stopped.",
        "Student's project, no intention to buy.",
    ),
}

_QUESTION = (
    "Thank you for your interest. So that our offer fits: when do you need the "
    "devices, and which systems do they have to work with?"
)
_REPLY = (
    "We need them within about {percent} weeks. They have to work with our warehouse "
    "system; the interface is a plain text file."
)
_OFFER = (
    "Please find our offer {offer} attached. It covers {quantity} pieces with "
    "installation and training, and is valid for six weeks."
)


def _sale(category, subject, text, products, question=_QUESTION, reply=_REPLY):
    return Topic(
        category,
        subject,
        text,
        question,
        reply,
        _OFFER,
        products=tuple(products),
        **_SAID,
    )


TOPICS = (
    _sale(
        "online",
        "Price of {quantity} {product}s",
        "on your web page we saw the {product}. What would {quantity} pieces cost, "
        "delivered to our warehouse, and how long is the warranty?",
        ALL_PRODUCTS,
    ),
    _sale(
        "online",
        "Trial of the {product}",
        "we are looking for a successor of our old devices and would like to try the "
        "{product} for two weeks. If it passes, we need about {quantity}.",
        {**SCANNERS, **PRINTERS},
        "You can have one for two weeks, free of charge. To which address, and who "
        "will try it?",
        "To our address, attention of the warehouse manager. Two people on the early "
        "shift will use it.",
    ),
    _sale(
        "fair",
        "Fair contact: {product} for {place}",
        "Visited our stand, saw the {product} and wants about {quantity} for {place}. "
        "Very interested in the mobile demonstration. Send documents and call.",
        ALL_PRODUCTS,
    ),
    _sale(
        "fair",
        "Fair contact: label printing in {place}",
        "Talked for half an hour about labels in {place}; prints on A4 sheets today. "
        "Estimates {quantity} workplaces. Colleague from IT will join the next talk.",
        PRINTERS,
        "It was a pleasure to meet you at the fair. As agreed I send you the "
        "documents; when could we have a call together with your IT?",
        "Thank you. Next Tuesday at ten would suit both of us.",
    ),
    _sale(
        "referral",
        "Recommended by a partner: {product}",
        "your partner in our town recommended the {product} to us. We would like an "
        "offer for {quantity} pieces and a reference near us.",
        ALL_PRODUCTS,
    ),
    _sale(
        "referral",
        "Weighing line with {quantity} {product}s",
        "our planner recommends your scales for the new line in {place}: {quantity} "
        "{product}s with a terminal each. Could somebody visit us before we decide?",
        SCALES,
        "Gladly. I could come on Wednesday or Thursday next week. Do you already have "
        "a drawing of the line?",
        "Thursday is fine. The drawing is attached; the loads are marked in red.",
    ),
    _sale(
        "existing",
        "Extension: {quantity} more {product}s",
        "we are very content with the {product}s from order {order} and open a second "
        "site. Please offer {quantity} more, under the same conditions.",
        ALL_PRODUCTS,
        "We are glad to hear that. The conditions stay. Shall we deliver to the new "
        "site, and configure the devices like the existing ones?",
        "Yes to both, please. The new address is in the signature below.",
    ),
    _sale(
        "existing",
        "Maintenance contract for our {product}s",
        "the warranty of our {quantity} {product}s ends soon. What would a contract "
        "with a visit per year and replacement within a day cost?",
        {**SCALES, **PRINTERS, **TERMINALS},
        "We have three levels; for replacement within a day you need the middle one. "
        "Are all devices at one site?",
        "Two sites, about half of them at each.",
    ),
    _sale(
        "existing",
        "Replacement of old scanners by {product}",
        "our {quantity} scanners are eight years old and spare parts get rare. Would "
        "you take them back if we change to the {product}?",
        SCANNERS,
    ),
    _sale(
        "tender",
        "Call for tenders: {quantity} {product}s",
        "we invite you to tender for {quantity} {product}s including spare parts for "
        "five years. The specification is attached; please note the closing date.",
        ALL_PRODUCTS,
        "Thank you for the invitation, we will take part. One question on page 7: does "
        "the protection class also hold for the connectors?",
        "Yes, it does. The answer was sent to all bidders.",
    ),
)
