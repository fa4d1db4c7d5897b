"""Support conversations: customers' messages with plain replies, topics named, messages restated and summed up."""

from collections.abc import Callable
from functools import cache
from random import Random
from typing import ClassVar

from engine.pretraining.corpus import facts, names, values, words
from engine.pretraining.corpus.conversation import Conversation, Turn, conversation
from engine.pretraining.corpus.templates import Block, blocks, expand, fill, slots

_GREETINGS = (
    "Hello,",
    "Hi,",
    "Hi there,",
    "Good morning,",
    "Dear support team,",
    "Hello, my name is {name}.",
    "Dear Sir or Madam,",
)
_ASIDES = (
    "I have been a customer (since {year}|for years).",
    "(This is|It is) (urgent|important to me).",
    "I (am|feel) (annoyed|confused).",
    "I (already|have) (wrote|written|called) {n} times.",
    "(My|The) order number is {order}.",
    "I live in {city}.",
    "I could not find (anything|an answer) on your (site|page).",
    "I (use|have) {product}.",
    "I have (attached|added) a photo.",
    "Please (answer|reply|help|look into it)( soon| as soon as you can|).",
    "Thanks( in advance| a lot|).",
    "(Regards|Best regards|Kind regards), {name}",
    "What (can|should) I do( now|)?",
    "(Can|Could) you help( me|)?",
)
_REPLIES = (
    "I am sorry about that. Please send me your order number and I will look into it.",
    "Thank you for your message. I will look into it and write to you.",
    "I am sorry for the trouble. Could you tell me a little more?",
    "Thank you for telling us. I will pass it on to the team.",
)
_ABOUT = (
    "What is this (message|request|about)?",
    "(Name|Give) the topic( of this message|).",
    "What does the customer (want|write about)?",
    "(Sort|Classify) this (message|request).",
    "Topic?",
    "Which topic (fits|is this)?",
)
_RESTATE = (
    "(Rewrite|Rephrase) (this|this message|the following)( for a customer| in plain words| in other words|):",
    "(Say|Write) this in (other|plain|simple|your own) words:",
    "Turn this into a message to a customer:",
    "Put this plainly:",
)
_SUM_UP = (
    "Sum this up in one line:",
    "Summarise:",
    "Give me the message in one sentence:",
    "What does the customer say? One line:",
)
_CARRIED = {
    "order": "the order number",
    "amount": "the amount",
    "date": "the date",
    "product": "the product",
    "city": "the city",
    "name": "the name",
    "plan": "the plan",
    "code": "the code",
    "email": "the email address",
    "phone": "the phone number",
}


@cache
def topics() -> tuple[Block, ...]:
    return blocks("topics.txt")


class Particulars(dict[str, str]):
    """The slots of one document: drawn when first asked for, then kept."""

    _MAKERS: ClassVar[dict[str, Callable[[Random], str]]] = {
        "product": names.product,
        "name": names.first_name,
        "plan": names.plan,
        "thing": lambda r: r.choice(words.GOODS),
        "city": values.place,
        "amount": values.money,
        "n": lambda r: str(r.randint(2, 60)),
        "month": lambda r: r.choice(words.MONTHS),
    }

    def __init__(self, random: Random) -> None:
        self._random = random

    def __missing__(self, slot: str) -> str:
        kind = slot.rstrip("2")
        maker = self._MAKERS.get(kind)
        self[slot] = maker(self._random) if maker else values.draw(kind, self._random)
        return self[slot]


def answered(random: Random) -> Conversation:
    """A customer's message and a reply that invents nothing: it mentions only what the customer did."""
    block, known = random.choice(topics()), Particulars(random)
    message = _message(random, block, known)
    replies = [
        text
        for text in (expand(line, random) for line in block.lines["<"])
        if all(slot in known for slot in slots(text))
    ]
    reply = fill(random.choice(replies), known) if replies and random.random() < 0.85 else random.choice(_REPLIES)
    return conversation(random, [Turn(message, reply)])


def named(random: Random) -> Conversation:
    """A message and the name of its topic, asked for freely or out of a few."""
    block, known = random.choice(topics()), Particulars(random)
    message, label = _message(random, block, known), _label(random, block)
    if random.random() < 0.4:
        others = [_label(random, other) for other in random.sample(topics(), 4) if other != block][
            : random.randint(2, 3)
        ]
        options = random.sample([label, *others], len(others) + 1)
        ask, answer = f"Is this about {', '.join(options[:-1])} or {options[-1]}?", label[:1].upper() + label[1:] + "."
    else:
        ask = expand(random.choice(_ABOUT), random)
        answer = expand("(This is about|It is about|The customer writes about|The topic is) ", random) + f" {label}."
    return conversation(random, [Turn(_beside(random, ask, message), answer)])


def restated(random: Random) -> Conversation:
    """A dry announcement and the same in other plain words, every name, amount and date kept."""
    known = Particulars(random)
    before, after = _told_twice(random, known) if random.random() < 0.6 else _fact_twice(random)
    if random.random() < 0.3:
        greeting = random.choice(["Dear {name}, ", "Hello {name}, ", "{name}, "]).format(name=known["name"])
        before, after = greeting + before[0].lower() + before[1:], greeting + after[0].lower() + after[1:]
    if random.random() < 0.25:
        extra = fill(expand(random.choice(random.choice(topics()).lines["<"]), random), known)
        before, after = f"{before} {extra}", f"{after} {extra}"
    ask = before if random.random() < 0.5 else _beside(random, expand(random.choice(_RESTATE), random), before)
    return conversation(random, [Turn(ask, after)])


def _told_twice(random: Random, known: Particulars) -> tuple[str, str]:
    """An announcement in two wordings, the same where there is only one."""
    block = random.choice([block for block in topics() if "!" in block.lines])
    first = expand(random.choice(block.lines["!"]), random)
    same = [text for line in block.lines["!"] for text in (expand(line, random), expand(line, random))]
    same = [text for text in same if sorted(slots(text)) == sorted(slots(first))] or [first]
    other = [text for text in same if text != first] or same
    return fill(first, known), fill(random.choice(other), known)


def _fact_twice(random: Random) -> tuple[str, str]:
    """A sentence of documentation and, mostly, the same again."""
    one = facts.facts_of(random, facts.entity(random), 1)[0]
    first = one.told(random)
    return first, first if random.random() < 0.7 else one.told(random)


def summed_up(random: Random) -> Conversation:
    """A long message and its core in one line."""
    block, known = random.choice(topics()), Particulars(random)
    core = fill(expand(random.choice(block.lines[">"]), random), known)
    message = f"{_aside(random, known)} {core} {_aside(random, known)}"
    return conversation(random, [Turn(_beside(random, random.choice(_SUM_UP), message), core)])


def looked_up(random: Random) -> Conversation:
    """Questions about what a message says: its order number, amount, date or name, copied."""
    block, known = random.choice(topics()), Particulars(random)
    message = f"{_message(random, block, known)} {fill('My order number is {order}.', known)}"
    asked = [slot for slot in _CARRIED if slot in known]
    turns = [
        Turn(f"What is {_CARRIED[slot]}?", known[slot][:1].upper() + known[slot][1:] + ".")
        for slot in random.sample(asked, min(len(asked), 2))
    ]
    turns[0] = Turn(_beside(random, turns[0].user, message), turns[0].assistant)
    return conversation(random, turns)


def _message(random: Random, block: Block, known: Particulars) -> str:
    parts = [fill(expand(random.choice(block.lines[">"]), random), known)]
    if random.random() < 0.2:
        parts.insert(0, fill(random.choice(_GREETINGS), known))
    parts += [_aside(random, known) for _ in range(random.choice([0, 0, 0, 1, 1, 2]))]
    text = " ".join(parts)
    return text.lower() if random.random() < 0.08 else text


def _aside(random: Random, known: Particulars) -> str:
    return fill(expand(random.choice(_ASIDES), random), known)


def _label(random: Random, block: Block) -> str:
    return expand(block.heading.split(" = ")[1], random)


def _beside(random: Random, ask: str, message: str) -> str:
    """The task before the message, or after it."""
    join = random.choice([" ", "\n", "\n\n"])
    return f"{ask}{join}{message}" if random.random() < 0.6 or ask.endswith(":") else f"{message}{join}{ask}"
