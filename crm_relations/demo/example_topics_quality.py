"""Problems with suppliers and complaints of customers of the example company."""

from .example_topics import (
    ALL_PRODUCTS,
    CALIBRATION,
    COMPONENTS,
    FREIGHT,
    SCALES,
    Topic,
)

_TO_SUPPLIER = {
    "question": "In the delivery for our order {order} we found the following: "
    "{finding} Please tell us within five working days what caused it and what you do "
    "at once.",
    "reply": "We regret the trouble. The first analysis shows a mistake in the set-up "
    "of one machine. The stock was blocked; {quantity} good pieces leave us today.",
    "solution": "Thank you for the replacement. Please send the corrective action with "
    "its root cause and the date when it will be in force.",
    "thanks": (
        "The report is attached. The set-up is now released by two persons and the "
        "first piece is measured; in force since Monday.",
        "Cause found and removed: a worn tool. Its life is now counted and it is "
        "changed in time. The report is attached.",
        "The packaging was changed as agreed, photos are attached. Our staff was "
        "trained on it.",
    ),
    "aside": "Cost so far: sorting {percent} hours, express freight, one day's delay "
    "in assembly. To be charged to the supplier.",
    "test": "Three deliveries checked since then, no more findings. Effectiveness "
    "confirmed, the action can be closed.",
    "dropped": (
        "Measured again with the calibrated gauge: within tolerance. Our mistake.",
        "Already part of an earlier case with this supplier.",
    ),
}

_TO_CUSTOMER = {
    "aside": "Checked the packing records of that week: the same packer, the same day. "
    "Talked to the store's manager.",
    "test": "No further complaint of this kind for three weeks. Work instruction "
    "changed and hung out.",
    "thanks": (
        "Thank you, the replacement has arrived and everything is fine.",
        "Credit note received. We appreciate how you dealt with it.",
    ),
    "dropped": ("Damage by the carrier, passed on to the insurance.",),
}


def _finding(category, subject, finding, parts=COMPONENTS):
    """Put together what incoming inspection found on a supplier's parts."""
    said = {
        key: value.replace("{finding}", finding) if isinstance(value, str) else value
        for key, value in _TO_SUPPLIER.items()
    }
    text = f"Incoming inspection, order {{order}}: {finding}"
    return Topic(category, subject, text, products=tuple(parts), **said)


def _complaint(subject, text, answers, products=ALL_PRODUCTS):
    question, reply, solution = answers
    return Topic(
        "complaint",
        subject,
        text,
        question,
        reply,
        solution,
        products=tuple(products),
        **_TO_CUSTOMER,
    )


TOPICS = (
    _finding(
        "corrective",
        "Wrong dimensions: {product}",
        "{percent} of 50 measured pieces of the {product} are out of tolerance by up "
        "to 0.4 mm. The lot is blocked.",
    ),
    _finding(
        "corrective",
        "Transport damage: {product}",
        "one pallet of {product} arrived with crushed corners, {quantity} pieces "
        "cannot be used. The boxes had no edge protection.",
    ),
    _finding(
        "corrective",
        "Short delivery: {product}",
        "the delivery note says {quantity}0 pieces of {product}, we counted {percent} "
        "less in three boxes.",
    ),
    _finding(
        "corrective",
        "Failures in the final test: {product}",
        "{percent} per cent of the devices built with the last lot of {product} failed "
        "the final test; with the lot before it was one in a thousand.",
        ("printed circuit boards PCB-104", "load cells LC-60", "power supplies PS-24"),
    ),
    _finding(
        "corrective",
        "Scratched surfaces: {product}",
        "{quantity} pieces of {product} have scratches on the visible side. They touch "
        "each other in the box.",
        ("aluminium housings H-22", "colour displays D-7"),
    ),
    _finding(
        "corrective",
        "Late delivery: {product}",
        "the {product} came {percent} working days late and without notice; assembly "
        "stood still for half a day.",
    ),
    _finding(
        "preventive",
        "Certificates missing: {product}",
        "the material certificates for {product} were missing for the third time, "
        "although they stand in the contract.",
    ),
    _finding(
        "preventive",
        "Change of production site: {product}",
        "the {product} now come from another site. We need the first sample report "
        "before we can use them.",
    ),
    _finding(
        "corrective",
        "Parcels damaged on the way: {product}",
        "{percent} parcels of last week reached our customers damaged; the photos show "
        "a drop from the conveyor. Customers wait for replacement.",
        FREIGHT,
    ),
    _finding(
        "preventive",
        "Certificates late: {product}",
        "the certificates came {percent} working days after the test weights. Until "
        "then we could not adjust any scale.",
        CALIBRATION,
    ),
    _complaint(
        "Complaint: {product} delivered without accessories",
        "order {order} arrived, but the power cords and the manuals of the {quantity} "
        "{product}s are missing. We cannot install them like this.",
        (
            "I apologise. The accessories go out by express today. Did all boxes carry "
            "the same packing date?",
            "Yes, all of them were packed on the same day.",
            "Everything should have reached you by now. We checked the packing and "
            "grant you five per cent on this order.",
        ),
    ),
    _complaint(
        "Complaint: {product} out of use for three days",
        "our {product} (serial number {serial}) was out of use for three days because "
        "the spare part sent was the wrong one. This cost us a whole shift.",
        (
            "You are right to be angry. I look after it myself; could you tell me who "
            "confirmed the part's number to you?",
            "The number was in your mail, we ordered exactly that one.",
            "Our list had an error, which is corrected. The part, the express freight "
            "and the technician are free of charge for you.",
        ),
        SCALES,
    ),
    _complaint(
        "Complaint: invoice for {product} does not match the offer",
        "the invoice for order {order} is {percent} per cent above your offer. We will "
        "pay as soon as it is corrected.",
        (
            "Thank you for pointing it out. May I ask for the number of the offer that "
            "you hold?",
            "It is {offer}.",
            "The discount was not carried over. A credit note is on its way and the "
            "order entry now compares both.",
        ),
    ),
)
