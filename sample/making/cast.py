"""The people, things and figures that fill the slots of the banks.

A slot is `{name}`, or `{hours:6-20}` for a number of that range which the same text may repeat as `{hours}`.
The products here have no document: training on tone or tickets must not teach any answer to the questions.
"""

import random
import re


def _words(text: str) -> list[str]:
    return text.split()


PEOPLE = _words(
    "Nikos Amara Jonas Priya Leila Mateo Ines Oskar Freya Tomasz Yuki Bruno Clara Dmitri Elif Farah Gabriel Hanna "
    "Idris Julia Kofi Lena Marek Nadia Olga Pablo Quinn Rosa Samir Thea Umar Vera Wendy Xavier Yasmin Zoe Anton "
    "Beatriz Cyrus Dora Emil Fiona Greta Hugo Iris Jamal Katja Liam Mira Noor Otto Petra Rafael Sofia Tariq"
)

CAST: dict[str, list[str]] = {
    "name": PEOPLE,
    "lamp": [f"{name} lamp" for name in _words("Dapple Marlow Saffi Twill Halo Firefly Candela Lumi Beacon Shade")],
    "kettle": [f"{name} kettle" for name in _words("Whistle Puffin Brook Steamy Merlin Rosie Tilly Drizzle Oolong")],
    "speaker": [f"{name} speaker" for name in _words("Bop Hum Ditty Tempo Chirp Jive Melody Rumba Polka")],
    "robot": [f"{name} vacuum" for name in _words("Crumb Rover Dusty Pickle Nibble Scout Zippy Waffle Tumble")],
    "sensor": [f"{name} plant sensor" for name in _words("Fernly Leafy Ivy Poppy Sage Mint Daisy Tulip Violet")],
    "blanket": [f"{name} blanket" for name in _words("Huddle Snowdrop Fable Biscotti Mellow Alpine Velvet Nest")],
    "day": _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
    "date": [
        f"{day} {month}"
        for month, days in {
            "January": (4, 17), "February": (9, 26), "March": (3, 21), "April": (8, 30), "May": (6, 19),
            "June": (2, 24), "July": (11, 28), "August": (5, 16), "September": (7, 23), "October": (1, 13),
            "November": (10, 29), "December": (12, 18),
        }.items()
        for day in days
    ],
    "time": _words("08:15 09:00 09:45 10:30 11:20 12:10 13:40 14:00 15:25 16:50 17:30 18:05 19:15"),
    "amount": [
        f"{price} euros"
        for price in _words(
            "4.50 6.80 7.25 9.90 12.90 14.40 18.75 19.90 23.60 27.40 31.20 34.90 42.00 49.95 58.30 64.90 71.15 79.00 "
            "86.45 93.70 104.90 118.00 129.50 146.20"
        )
    ],
    "fee": [f"{price} euros" for price in _words("2.50 3.20 3.90 4.40 4.95 5.30 5.80 6.10 6.75 7.20 7.90 8.50")],
    "price": [f"{price} euros" for price in _words("29.90 34.50 39.00 45.80 49.90 54.40 59.00 64.90 69.50 74.80")],
    "voucher": [f"{price} euros" for price in _words("5 8 10 12 15 20 25 30 40 50")],
    "percent": _words("10 12 15 20 25 30 40 50"),
    "degrees": _words("30 40 50 60"),
    "evening": _words("19:30 20:00 20:45 21:15 21:30 22:00 22:20 23:00"),
    "order": [f"FW-{20417 + 1373 * n}" for n in range(40)],
    "code": _words("FERN10 COSY15 LEAF20 HELLO5 MOSS12 TEATIME NEST25 SPRING8 GLOW30 MAPLE6"),
    "city": _words("Lisbon Ghent Leeds Malmo Turin Graz Lyon Porto Bremen Krakow Galway Basel"),
    "colour": _words("green blue cream yellow grey pink white copper"),
    "thing": [
        "lamp", "kettle", "speaker", "toaster", "blanket", "plant sensor", "robot vacuum", "coffee grinder", "heater",
        "desk fan", "blender", "alarm clock", "air purifier", "kitchen scale", "doorbell", "humidifier",
    ],
    "electric": [
        "lamp", "kettle", "speaker", "toaster", "robot vacuum", "heater", "desk fan", "blender", "air purifier",
        "doorbell", "humidifier", "coffee grinder",
    ],
    "cordless": ["lamp", "speaker", "robot vacuum", "plant sensor", "doorbell", "hand vacuum", "alarm clock", "fan"],
    "connected": ["lamp", "speaker", "robot vacuum", "plant sensor", "doorbell", "heater", "air purifier", "camera"],
}  # fmt: skip
CAST["machine"] = [CAST[kind][n] for n in range(8) for kind in ("lamp", "kettle", "speaker", "robot")]
CAST["product"] = [CAST[kind][n] for n in range(8) for kind in ("lamp", "kettle", "speaker", "robot", "blanket")]

BARE_ARTICLE = re.compile(r"\b([Aa])(?= (?:air|alarm)\b)")
SLOT = re.compile(r"\{(\w+)(?::(\d+)-(\d+))?\}")


def cast_for(text: str, family: str, row: int) -> dict[str, str]:
    """What fills each slot of `text` in this row: rows of one family never draw the same value until all are used.

    A pair such as `{time}` and `{time2}` comes in the order of its list, so that no shop closes before it opens.
    """
    values = {slot: _draw(slot, low, high, family, row) for slot, low, high in SLOT.findall(text)}
    for slot, second in ((slot, f"{slot}2") for slot in CAST):
        if {slot, second} <= values.keys() and values[slot] in CAST[slot]:
            values[slot], values[second] = sorted((values[slot], values[second]), key=CAST[slot].index)
    return values


def filled(text: str, values: dict[str, str]) -> str:
    """`text` with its slots filled, and "a" before a vowel mended; a slot that `values` lacks is a KeyError."""
    return BARE_ARTICLE.sub(r"\1n", SLOT.sub(lambda match: values[match[1]], text))


def _draw(slot: str, low: str, high: str, family: str, row: int) -> str:
    if low:
        choices = [str(n) for n in range(int(low), int(high) + 1)]
    else:
        # The second of a pair is what the next row draws first: never the same value twice in one text.
        row += slot.endswith("2")
        slot = slot.rstrip("2")
        choices = CAST[slot]
    order = random.Random(f"{family}/{slot}").sample(choices, len(choices))
    return order[row % len(order)]
