"""Support requests of the example company."""

from .example_topics import (
    ALL_PRODUCTS,
    PRINTERS,
    SCALES,
    SCANNERS,
    TERMINALS,
    Topic,
)

_SAID = {
    "test": "Thank you, we did as you say. It has been running since this morning "
    "without trouble. We would like to watch it one more day.",
    "fixed": "Thank you for watching it so closely. I take it that the fault is gone; "
    "should it return, just answer this mail.",
    "aside": "Same thing as at another customer last month. Should go into the "
    "frequently asked questions.",
    "thanks": (
        "That was it, everything works again. Thank you for the quick help.",
        "Problem solved, you can close the request.",
        "Many thanks, the colleagues on the late shift confirm that it works.",
        "Works. Please send us the instructions as a PDF too, for our files.",
    ),
    "again": "Unfortunately the problem is back since last night, exactly as before. "
    "Could you look at it once more?",
    "apology": "I am sorry that it came back. The first update had not reached all "
    "your devices; I have now sent it to each of them and checked the versions.",
    "dropped": (
        "Duplicate: the customer had already called about the same device.",
        "Customer found the cause himself, no answer needed any more.",
        "Not one of our devices. Told the customer whom to ask.",
    ),
}


def _request(category, subject, text, answers, products, level_2=()):
    """Put one topic together.

    :param answers: what we ask, what the customer answers, what solves it
    :param level_2: what level 1 writes to level 2, what level 2 tells the customer
    """
    question, reply, solution = answers
    handover, expert = level_2 or ("", "")
    return Topic(
        category,
        subject,
        text,
        question,
        reply,
        solution,
        products=tuple(products),
        handover=handover,
        expert=expert,
        **_SAID,
    )


TOPICS = (
    _request(
        "fault",
        "{product} prints blank labels",
        "since this morning our {product} (serial number {serial}) feeds labels but "
        "prints nothing on them. We changed the roll and restarted it twice. "
        "{quantity} parcels are waiting.",
        (
            "Please print the self test: hold the feed key while switching on. Is it "
            "blank as well? And which label material do you use?",
            "The self test is blank too. The roll is the usual thermal paper, but from "
            "a new delivery.",
            "The new roll is wound with the coated side inside. Turn it around, or use "
            "the other roll holder; then it prints.",
        ),
        PRINTERS,
    ),
    _request(
        "fault",
        "Paper jam on {product} several times a day",
        "our {product} jams about {percent} times per shift, always after the cutter. "
        "It is cleaned every evening.",
        (
            "Could you send a photo of the cutter and tell us the firmware shown in "
            "the menu under Service?",
            "Firmware {version}. On the photo you see that the left spring is bent.",
            "A new spring set is on its way to you, free of charge. The leaflet shows "
            "how to put it in; it takes five minutes.",
        ),
        PRINTERS,
    ),
    _request(
        "fault",
        "{product} loses its network connection",
        "the {product} in {place} drops off the network every few hours. Only "
        "switching it off and on helps. Other devices on the same switch have no "
        "trouble.",
        (
            "Does it use a fixed address or DHCP? Please also send the log from the "
            "device's web page.",
            "It uses DHCP, the lease is 8 hours. The log is attached to the ticket of "
            "our IT department; I copied the last lines for you.",
            "Firmware {version} renews the lease too late. The update is on the "
            "support page; with a fixed address it also works without the update.",
        ),
        {**PRINTERS, **TERMINALS},
        (
            "The log shows a renewal that is never answered, I cannot reproduce it "
            "here. Needs somebody who knows the network stack.",
            "I have your log before me. The device misses the renewal when the switch "
            "is in power saving mode. Please try the attached setting on two devices.",
        ),
    ),
    _request(
        "fault",
        "{product} does not read damaged codes any more",
        "since the update to {version} the {product} refuses codes that it read "
        "before, mainly the ones on shrink film. We have {quantity} of them in "
        "{place}.",
        (
            "Thank you for the report. Could you send two or three of the labels, or "
            "sharp photos of them?",
            "Photos are attached. The old firmware on a spare device reads all three.",
            "The update switched the contrast correction off. Scan the code on the "
            "attached sheet once with each device to switch it on again.",
        ),
        SCANNERS,
        (
            "Reproduced with the customer's photos, old firmware reads them. Decoder "
            "settings are above my level.",
            "I compared both decoders with your photos: the contrast correction was "
            "off. A corrected version is attached; please try it on one device first.",
        ),
    ),
    _request(
        "fault",
        "Battery of {product} lasts two hours only",
        "the batteries of our {product} devices, bought with order {order}, are empty "
        "after two hours. In the first months they lasted a whole shift.",
        (
            "How many charging cycles does the battery menu show, and are the devices "
            "left in the cradle at weekends?",
            "Between 180 and 220 cycles. Yes, they stay in the cradle from Friday to "
            "Monday.",
            "The cells are within warranty; we replace {percent} batteries. Please "
            "keep the cradle's storage mode on at weekends, the leaflet explains it.",
        ),
        SCANNERS,
    ),
    _request(
        "fault",
        "{product} shows different weights for the same load",
        "our {product} (serial number {serial}) shows up to {percent} per cent "
        "difference when the same box is weighed twice. Our own check weight confirms "
        "it.",
        (
            "Please weigh the check weight in the middle and in each corner and send "
            "us the five values. Has the scale been moved lately?",
            "The rear left corner is too low by 40 g. The scale was moved last week to "
            "make room for a new conveyor.",
            "One foot no longer carries. Adjust it until the level is centred, then "
            "run the corner adjustment from the service menu.",
        ),
        SCALES,
        (
            "Corner adjustment does not hold, the customer did it twice. Looks like a "
            "load cell.",
            "The values point to the rear left load cell. I have ordered one for you; "
            "until then please weigh in the front half, there the scale is correct.",
        ),
    ),
    _request(
        "fault",
        "{product} stops with error E{percent}",
        "the {product} in {place} stops with error E{percent}. After switching it off "
        "and on it runs for about half an hour.",
        (
            "What is the temperature at the device, and is the fan running when the "
            "error comes?",
            "It is about 38 degrees there in the afternoon. The fan runs, but loudly.",
            "The fan bearing is worn. A replacement leaves our store today; until it "
            "arrives, please take the side panel off.",
        ),
        {**PRINTERS, **TERMINALS},
    ),
    _request(
        "fault",
        "Wrong totals in the export of {product}",
        "the daily export of the {product} contains some lines twice, so our totals "
        "are too high. On Monday it was {percent} lines out of {quantity}00.",
        (
            "Could you send one such file and tell us at which times the export runs?",
            "File attached. The export runs at 12:00 and again at 18:00.",
            "Both runs took the lines of noon. With version {version} each line is "
            "marked once exported; the update can run during the day.",
        ),
        TERMINALS,
        (
            "Lines of the minute of the run are in both files. This is a fault of "
            "ours, please pass it on to development.",
            "You are right, it is our fault. I corrected today's file by hand and "
            "attached it, and send you a preliminary version this week.",
        ),
    ),
    _request(
        "fault",
        "{product} arrived with a broken display",
        "one of the {quantity} {product} devices from order {order} arrived with a "
        "cracked display. The outer box shows no damage.",
        (
            "We are sorry. Please send a photo of the device and of its serial number.",
            "Photos attached, the serial number is {serial}.",
            "The replacement was sent today by express. The carrier takes the broken "
            "one back.",
        ),
        {**SCALES, **TERMINALS},
    ),
    _request(
        "question",
        "Which labels fit the {product}?",
        "we would like to order labels for the {product} from our local dealer. Which "
        "core and outer diameter does it take, and are synthetic labels possible?",
        (
            "With pleasure. For which temperatures do you need them, and do they have "
            "to withstand cleaning agents?",
            "Cold store, minus 25 degrees, and they are wiped with a mild cleaner.",
            "Core 40 mm, outer diameter 127 mm at most. For the cold store take the "
            "polyester type; three dealers near you have it, list attached.",
        ),
        PRINTERS,
    ),
    _request(
        "question",
        "How to connect {product} to our ERP",
        "we plan to connect {quantity} {product} devices to our ERP system. Is there a "
        "description of the interface, and do we need a gateway?",
        (
            "There are two ways, depending on who starts the transfer. Does your "
            "system ask for the data or should the device send it?",
            "The system should ask, every minute or so.",
            "Then no gateway is needed. The description with an example in Python is "
            "attached; page 14 shows exactly your case.",
        ),
        ALL_PRODUCTS,
    ),
    _request(
        "question",
        "Verification of {product} expires in {place}",
        "the verification of {percent} {product} devices expires at the end of next "
        "month. Do you do it on site, and what does it cost?",
        (
            "We do it on site. Are all devices in the same building, and can they be "
            "taken out of use for half an hour each?",
            "Yes, all in one hall; early mornings would be best.",
            "Our partner for your region comes on the agreed morning. The price list "
            "is attached; driving costs are shared with a neighbour of yours.",
        ),
        SCALES,
    ),
    _request(
        "question",
        "Reset of the administrator's code on {product}",
        "a colleague who left us set a code on our {product} (serial number {serial}) "
        "and nobody knows it. How can we reset it?",
        (
            "For your safety we need a confirmation from the person in charge, on your "
            "company's paper. A scan is enough.",
            "The signed letter is attached.",
            "Thank you. I have just called you with the one-time code; please set a "
            "new one at once.",
        ),
        {**TERMINALS, **PRINTERS},
    ),
    _request(
        "question",
        "Does {product} work with Linux?",
        "we are moving the workplaces in {place} to Linux. Is there a driver for the "
        "{product}, or does it work without?",
        (
            "It works without a driver. Which distribution and which connection do you "
            "use, USB or network?",
            "Debian, and network wherever possible.",
            "Then add it as a raw queue; the file with the settings is attached. It is "
            "what we use ourselves.",
        ),
        {**PRINTERS, **SCANNERS},
    ),
    _request(
        "question",
        "Spare part number for {product}",
        "we need the order number of the cover and of the power supply of the "
        "{product}, bought with order {order}.",
        (
            "There are two series. Does the type plate say A or B before the serial "
            "number?",
            "It says B, {serial}.",
            "Cover: 7120-B, power supply: PS-24-2. Both are in stock; delivery takes "
            "two days.",
        ),
        ALL_PRODUCTS,
    ),
    _request(
        "feature",
        "Printing two copies by default on {product}",
        "it would save us {quantity} key strokes a day if the {product} could print "
        "two copies of each label by default.",
        (
            "A good idea. Should it hold for all labels or for one layout?",
            "For one layout: the pallet label.",
            "Noted for the next version of the layout editor. Until then you can put "
            "the quantity into the layout's header, see the attached example.",
        ),
        PRINTERS,
    ),
    _request(
        "feature",
        "French menus on {product}",
        "many colleagues in {place} do not read English well. Are French menus planned "
        "for the {product}?",
        (
            "They are planned. Would your colleagues try a preliminary version and "
            "correct our words?",
            "Gladly, two of them volunteered.",
            "The preliminary version is attached. We put your names on the list of "
            "translators, if you agree.",
        ),
        {**SCANNERS, **SCALES, **TERMINALS},
    ),
    _request(
        "feature",
        "Acoustic signal when {product} has read a code",
        "in {place} it is so loud that nobody hears the {product}. Could it vibrate, "
        "or beep louder?",
        (
            "Newer devices can vibrate. Which serial numbers do yours have?",
            "They begin with {serial}.",
            "Yours have the motor built in, it only is switched off. Scan the code on "
            "the attached sheet to switch it on.",
        ),
        SCANNERS,
    ),
)
