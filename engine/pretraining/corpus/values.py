"""Values: the facts themselves, drawn at random so that a model can only read them, never know them.

`draw(kind, random)` makes one value of a kind; the kinds are the names that the text files use.
"""

from collections.abc import Callable
from random import Random

from engine.pretraining.corpus import names, words


def _count(random: Random, low: int, high: int) -> str:
    return f"{random.randint(low, high):,}" if random.random() < 0.7 else str(random.randint(low, high))


def _of(unit: str, low: int, high: int) -> Callable[[Random], str]:
    """Whole numbers of a unit that is in the plural: `14 hours`; now and then written out or with a decimal."""

    def value(random: Random) -> str:
        number = random.randint(low, high)
        kind = random.random()
        if kind < 0.12 and 2 <= number < 2 + len(words.NUMBERS):
            return f"{words.NUMBERS[number - 2]} {unit}"
        if kind < 0.17:
            return f"{number}.{random.randint(1, 9)} {unit}"
        if kind < 0.22:
            return f"{number} to {number + random.randint(1, 9)} {unit}"
        return f"{number} {unit}" if number != 1 else f"{number + 1} {unit}"

    return value


def _any(*makers: Callable[[Random], str]) -> Callable[[Random], str]:
    return lambda random: random.choice(makers)(random)


def _one(options: tuple[str, ...]) -> Callable[[Random], str]:
    return lambda random: random.choice(options)


def _joined(options: tuple[str, ...], least: int = 1, most: int = 3) -> Callable[[Random], str]:
    def value(random: Random) -> str:
        chosen = random.sample(options, random.randint(least, most))
        return chosen[0] if len(chosen) == 1 else f"{', '.join(chosen[:-1])} and {chosen[-1]}"

    return value


def money(random: Random) -> str:
    amount = random.randint(1, 999)
    cents = random.choice([f".{random.randint(0, 99):02}", ".90", ".99", "", ""])
    return random.choice(
        [
            f"€{amount}{cents}",
            f"${amount}{cents}",
            f"£{amount}{cents}",
            f"{amount}{cents} euros",
            f"{amount}{cents} EUR",
        ]
    )


def date(random: Random) -> str:
    day, month, year = random.randint(1, 31), random.choice(words.MONTHS), random.randint(1998, 2031)
    return random.choice(
        [
            f"{day} {month}",
            f"{month} {day}",
            f"{day} {month} {year}",
            f"{month} {day}, {year}",
            f"{month} {year}",
            f"{year}-{random.randint(1, 12):02}-{random.randint(1, 28):02}",
            f"{day}.{random.randint(1, 12)}.{year}",
            f"{random.choice(words.DAYS)}, {day} {month}",
        ]
    )


def code(random: Random) -> str:
    letters = "".join(random.choices("ABCDEFGHJKLMNPQRSTUVWXYZ", k=random.randint(1, 3)))
    digits = "".join(random.choices("0123456789", k=random.randint(1, 5)))
    return random.choice([f"{letters}{digits}", f"{letters}-{digits}", f"{letters}{digits}-{random.randint(1, 99)}"])


def order(random: Random) -> str:
    return random.choice(["", "", "#", "A-", "B"]) + "".join(random.choices("0123456789", k=random.randint(3, 7)))


def phone(random: Random) -> str:
    groups = ["".join(random.choices("0123456789", k=k)) for k in random.choice([(4, 3, 3), (3, 4), (4, 6), (2, 3, 4)])]
    return random.choice(["", "", "+4", "0"]) + random.choice([" ", "-", " "]).join(groups)


def time(random: Random) -> str:
    hour = random.randint(1, 12)
    return random.choice(
        [f"{hour} {random.choice(['am', 'pm'])}", f"{random.randint(0, 23)}:{random.choice(['00', '15', '30', '45'])}"]
    )


def opening_hours(random: Random) -> str:
    first, last = random.sample(words.DAYS, 2)
    days = random.choice([f"{first} to {last}", f"from {first} to {last}", "every day", "on weekdays", f"on {first}s"])
    return random.choice([f"{days} from {time(random)} to {time(random)}", f"{days}, {time(random)} to {time(random)}"])


def email(random: Random) -> str:
    return (
        f"{random.choice(words.MAILBOXES)}@{names.syllables(random)}.{random.choice(['example', 'test', 'com', 'org'])}"
    )


def place(random: Random) -> str:
    invented = names.syllables(random).capitalize()
    return random.choice([random.choice(words.PLACES), invented, f"{invented}, {random.choice(words.PLACES)}"])


def colour(random: Random) -> str:
    def one() -> str:
        return random.choice(["", "", *words.SHADES]).strip() + " " + random.choice(words.COLOURS)

    return one().strip() if random.random() < 0.7 else f"{one().strip()} and {one().strip()}"


def material(random: Random) -> str:
    def one() -> str:
        return (random.choice(["", *words.TREATMENTS]) + " " + random.choice(words.MATERIALS)).strip()

    return one() if random.random() < 0.75 else f"{one()} and {one()}"


def fault(random: Random) -> str:
    return f"the {random.choice(words.PARTS)} {random.choice(words.STATES)}"


def instruction(random: Random) -> str:
    def step() -> str:
        verb, thing = random.choice(words.HANDLINGS), f"the {random.choice(words.PARTS)}"
        after = random.choice(
            ["", "", f" for {random.randint(2, 60)} seconds", f" {random.choice(words.NUMBERS)} times"]
        )
        return f"{verb} {thing}{after}"

    return step() if random.random() < 0.6 else f"{step()} and {random.choice(['', 'then '])}{step()}"


def menu(random: Random) -> str:
    path = random.sample(words.MENUS, random.randint(1, 3))
    return random.choice([" > ", " > ", " / ", ", then "]).join(path)


def contents(random: Random) -> str:
    def item() -> str:
        article = random.choice(["a", "two", "three", "one", "a spare"])
        noun = random.choice(words.ITEMS)
        return f"{article} {noun}s" if article in ("two", "three") else f"{article} {noun}"

    return f"{item()} and {item()}" if random.random() < 0.6 else f"{item()}, {item()} and {item()}"


def thing(random: Random) -> str:
    """Something to hold or see: half a lemon, the red seal, oak shavings."""
    pool = random.choice([words.PARTS, words.ITEMS, words.GOODS, words.MATERIALS, words.SUBSTANCES])
    noun = random.choice(pool) if random.random() < 0.7 else names.syllables(random)
    quality = random.choice([*words.SHADES, *words.COLOURS, *words.TREATMENTS, names.syllables(random)])
    article = random.choice(["a ", "the ", "half a ", "", "", "one ", "a pair of ", "a piece of ", "only the "])
    return f"{article}{quality + ' ' if random.random() < 0.5 else ''}{noun}"


def interval(random: Random) -> str:
    number = random.randint(2, 18)
    unit = random.choice(["days", "weeks", "months", "uses", "hours of use", "cycles"])
    return random.choice(
        [
            f"every {number} {unit}",
            f"after {number} {unit}",
            f"every {random.choice(words.NUMBERS)} {unit}",
            random.choice(words.INTERVALS),
        ]
    )


def version(random: Random) -> str:
    return ".".join(str(random.randint(0, 19)) for _ in range(random.randint(2, 3)))


def app_name(random: Random) -> str:
    return names.brand(random) + random.choice(["", "", " Home", " Connect", " Go", " Link"])


KINDS: dict[str, Callable[[Random], str]] = {
    "hours": _any(_of("hours", 2, 96), _of("hours", 2, 24), _of("days", 2, 40)),
    "minutes": _any(_of("minutes", 2, 90), _of("hours", 2, 9), _of("seconds", 5, 90)),
    "days": _any(_of("days", 2, 100), _of("working days", 2, 14), _of("weeks", 2, 10), _of("months", 2, 6)),
    "months": _any(_of("months", 2, 36), _of("weeks", 2, 12)),
    "years": _any(_of("years", 2, 15), _of("months", 6, 60), lambda random: f"{random.choice(words.NUMBERS)}-year"),
    "weight": _any(_of("grams", 20, 990), _of("kilograms", 2, 40), _of("kg", 2, 150), _of("g", 30, 990)),
    "volume": _any(_of("litres", 2, 60), _of("millilitres", 100, 990), _of("ml", 100, 990), _of("cups", 2, 14)),
    "watts": _any(_of("watts", 2, 2400), _of("W", 3, 2400), _of("kilowatts", 2, 9)),
    "decibels": _any(_of("decibels", 14, 89), _of("dB", 14, 89)),
    "temperature": _any(_of("degrees", 15, 290), _of("°C", 15, 290), _of("degrees Celsius", 15, 99)),
    "distance": _any(_of("metres", 2, 300), _of("kilometres", 2, 40), _of("m", 3, 250)),
    "length": _any(_of("centimetres", 3, 240), _of("cm", 3, 240), _of("metres", 2, 12), _of("mm", 20, 900)),
    "area": _any(_of("square metres", 8, 240), _of("m²", 8, 240), _of("rooms", 2, 9)),
    "speed": _any(
        _of("revolutions per minute", 100, 9000), _of("km/h", 3, 60), _of("Mbit/s", 10, 900), _of("rpm", 90, 9000)
    ),
    "lumens": _of("lumens", 80, 4000),
    "lifespan": _any(_of("hours", 1000, 60000), _of("years", 2, 25), _of("cycles", 200, 9000)),
    "dose": _any(_of("grams", 5, 90), _of("spoons", 2, 9), _of("ml", 5, 90), _of("tablets", 2, 5)),
    "storage": _any(_of("GB", 5, 900), _of("TB", 2, 9), _of("gigabytes", 5, 900)),
    "percent": _any(
        lambda r: f"{r.randint(2, 80)} %", lambda r: f"{r.randint(2, 80)}%", lambda r: f"{r.randint(2, 80)} percent"
    ),
    "count": _any(lambda r: _count(r, 2, 60), lambda r: _count(r, 100, 9000), _one(words.NUMBERS)),
    "year": lambda random: str(random.randint(1890, 2026)),
    "battery": lambda random: f"{random.choice(words.NUMBERS)} {random.choice(words.BATTERIES)}",
    "version": version,
    "colour": colour,
    "material": material,
    "interval": interval,
    "thing": thing,
    "code": code,
    "fault": fault,
    "instruction": instruction,
    "menu": menu,
    "person": names.person,
    "place": place,
    "placelist": _joined(words.PLACES, 2, 4),
    "date": date,
    "money": money,
    "contents": contents,
    "effect": _one(words.EFFECTS),
    "warning": _one(words.WARNINGS),
    "benefit": _joined(words.BENEFITS, 1, 2),
    "spot": _one(words.SPOTS),
    "connector": _joined(words.CONNECTORS, 1, 2),
    "system": _joined(words.SYSTEMS, 1, 3),
    "agegroup": lambda random: random.choice(words.GROUPS).format(n=random.randint(2, 16)),
    "payment": _joined(words.PAYMENTS, 2, 3),
    "appname": app_name,
    "phone": phone,
    "openinghours": opening_hours,
    "email": email,
    "order": order,
    "time": time,
}


def draw(kind: str, random: Random) -> str:
    """One value of a kind. KeyError when there is no such kind."""
    return KINDS[kind](random)
