"""Near duplicates among 100,000 examples: `python -m benchmarks.duplicates [N]`, on two cores; prints JSON.

Seven in ten are free combinations of sentences, two in ten come from templates that differ in facts (numbers, dates,
names, products) and are no duplicates, one in ten was planted: a copy of another with one word changed, other
punctuation, other case, or its sentences in another order. Drawn from a fixed seed. A found pair is right when one is
the planted copy of the other; every other pair counts as wrong, also between two look-alikes.
"""

import json
import os
import random
import re
import resource
import sys
import time

THINGS = """lamp sofa kettle blanket speaker vacuum heater fan desk chair shelf mirror rug curtain pillow mattress
table drawer cabinet toaster blender grill bench basket planter clock radio tablet charger cable bottle""".split()
PARTS = """switch cover handle hinge cable lid filter brush battery hose strap screw button display wheel zip seam
bracket spring plug panel corner label lining sensor""".split()
STATES = """broken cracked loose missing scratched bent stained noisy wobbly torn faded rusty stuck damp sticky dull
chipped frayed warped leaking""".split()
PLACES = """kitchen hallway bedroom garden office cellar attic bathroom garage balcony workshop nursery""".split()
DEEDS = """repair replace exchange collect inspect refund clean return test measure adjust deliver""".split()
MOODS = """annoyed puzzled disappointed curious worried surprised patient grateful tired hopeful""".split()
WHO = """neighbour courier daughter technician colleague landlord partner assistant grandmother caretaker""".split()
NAMES = "Anna Bert Clara David Emma Farid Greta Hugo Ines Jonas Katja Liam Mateo Nadia Omar Priya Quinn Rosa".split()

FRAMES = [
    "The {part} of my {thing} is {state}",
    "Since it stands in the {place} the {thing} seems {state} to me",
    "My {who} tried to {deed} it with a {part} from another {thing}",
    "I am rather {mood} because the {part} arrived {state}",
    "Could somebody come to the {place} and {deed} the {thing}",
    "We were told that you {deed} every {part} without asking",
    "The {who} who brought the {thing} was {mood} about the {state} {part}",
    "Nobody explained how to {deed} a {state} {part} at home",
    "In our {place} there is hardly room for a {thing} like this",
    "Please tell my {who} when you can {deed} the {part}",
    "It would be kind to {deed} the {state} one first",
    "A {mood} {who} should not have to {deed} a new {thing}",
]
REPLIES = [
    "We are sorry that the {part} is {state} and will {deed} it soon",
    "Our {who} can {deed} the {thing} in your {place}",
    "A new {part} for the {thing} leaves our house shortly",
    "Please keep the {state} {part} until our {who} calls",
    "There is no need to {deed} anything yourself",
    "You sound {mood}, and we understand that well",
]
TEMPLATES = [
    "Your order {number} left our house on {day} May and will arrive within {few} days. Thank you for your patience",
    "Hello {name}, your payment of {number}.50 euros has arrived. We will send the receipt to you by letter",
    "Is the {thing} with the {state} {part} from your {place} page still to be had. May I see it in the shop first",
    "{name} wrote that parcel {number} was left with the caretaker. Could you ask why nobody rang our bell at all",
    "The warranty of your {thing} ends in {few} years. After that a repair of the {part} costs {number} euros",
]
FACTS = ("not", "without")  # another one would make another text
WORD = re.compile(r"[^\W\d_]{3,}")
SLOTS = {"thing": THINGS, "part": PARTS, "state": STATES, "place": PLACES, "deed": DEEDS, "mood": MOODS, "who": WHO}
ORDINARY = [word for words in SLOTS.values() for word in words]


def filled(draw: random.Random, frame: str) -> str:
    facts = {"number": str(draw.randint(1000, 99999)), "day": str(draw.randint(1, 31)), "few": str(draw.randint(2, 19))}
    chosen = {name: draw.choice(words) for name, words in SLOTS.items()}
    return frame.format(**chosen, **facts, name=draw.choice(NAMES))


def free(draw: random.Random) -> list[str]:
    asked = [filled(draw, frame) for frame in draw.sample(FRAMES, draw.randint(2, 5))]
    return asked + [filled(draw, frame) for frame in draw.sample(REPLIES, draw.randint(2, 4))]


def planted(draw: random.Random, sentences: list[str], kind: str) -> str:
    if kind == "order":
        moved = sentences[:]
        while moved == sentences:
            draw.shuffle(moved)
        return ". ".join(moved) + "."
    text = ". ".join(sentences) + "."
    if kind == "case":
        return draw.choice([str.upper, str.lower, str.title])(text)
    if kind == "punctuation":
        signs = draw.choice([" !!", " ...", ";", "\n"])
        return re.sub(r"\.(?=\s|$)", signs, text).replace(",", draw.choice(["", " -"]))
    places = [found for found in WORD.finditer(text) if found[0].islower() and found[0] not in FACTS]
    found = draw.choice(places)
    other = draw.choice([word for word in ORDINARY if word != found[0]])
    return text[: found.start()] + other + text[found.end() :]


def generated(n: int) -> tuple[list[str], dict[tuple[int, int], str]]:
    """n texts, shuffled, and the kind of each planted pair by its positions, first < second."""
    draw = random.Random(17)
    made = [free(draw) for _ in range(7 * n // 10)]
    alike: dict[str, list[str]] = {}
    while len(alike) < 2 * n // 10:  # no two are the same by chance
        text = filled(draw, draw.choice(TEMPLATES))
        alike[text] = text.split(". ")
    made += alike.values()
    kinds = ("word", "punctuation", "case", "order")
    texts, pairs = [". ".join(sentences) + "." for sentences in made], []
    originals = draw.sample(range(len(made)), n - len(made))
    for number, original in enumerate(originals):
        texts.append(planted(draw, made[original], kinds[number % 4]))
        pairs.append((original, len(texts) - 1, kinds[number % 4]))
    order = list(range(len(texts)))
    draw.shuffle(order)
    place = {old: new for new, old in enumerate(order)}
    truth = {(min(place[a], place[b]), max(place[a], place[b])): kind for a, b, kind in pairs}
    return [texts[old] for old in order], truth


def main(n: int = 100_000) -> dict[str, object]:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    from engine.quality import nearness
    from engine.scoring.stats import share

    texts, truth = generated(n)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    found = nearness.near(texts)
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pairs = {(pair.first, pair.second) for pair in found}
    by_kind = {}
    for kind in sorted(set(truth.values())):
        wanted = {pair for pair, what in truth.items() if what == kind}
        by_kind[kind] = str(share(len(wanted & pairs), len(wanted)))
    return {
        "examples": n,
        "median words": sorted(len(text.split()) for text in texts)[n // 2],
        "planted": len(truth),
        "found pairs": len(pairs),
        "of them planted": len(pairs & truth.keys()),
        "seconds": round(seconds, 1),
        "recall": str(share(len(pairs & truth.keys()), len(truth))),
        "recall by kind": by_kind,
        "precision": str(share(len(pairs & truth.keys()), len(pairs))),
        "MB before the search": before // 1024,
        "peak MB": peak // 1024,
    }


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:])), indent=2, ensure_ascii=False))
