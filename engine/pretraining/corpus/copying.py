"""Copying: lists of words and names to repeat, in part or whole, and small talk with its plain answers."""

from random import Random

from engine.pretraining.corpus import names, values
from engine.pretraining.corpus.conversation import Conversation, Turn, conversation

_KINDS = ("order", "code", "money", "date", "person", "colour", "email", "phone", "place", "material", "weight")
_PLACES = ("first", "second", "third", "fourth", "last")
_SMALL_TALK = (
    (("Hello", "Hi", "Good morning", "Hello there", "Hey"), "Hello. How can I help you?"),
    (("Thank you", "Thanks", "Thanks a lot", "That helped, thank you"), "You are welcome."),
    (("Who are you?", "What are you?", "Are you a robot?"), "I am a small model that answers questions from passages."),
    (("Goodbye", "Bye", "That is all"), "Goodbye."),
    (
        ("How are you?", "Tell me a joke", "What do you think?", "Do you like music?"),
        "I can only help with service questions.",
    ),
    (("Help", "I have a question", "Can you help me?", "I need help"), "Yes. What would you like to know?"),
)


def repeated(random: Random) -> Conversation:
    """A list, to be repeated whole or at one place."""
    items = [_item(random) for _ in range(random.randint(2, 6))]
    text = ", ".join(items)
    if random.random() < 0.6:
        ask = random.choice(["Repeat: ", "Repeat this: ", "Copy this exactly: ", "Say this again: ", "Echo: "])
        return conversation(random, [Turn(ask + text, text)])
    at = random.randrange(len(items))
    place = "last" if at == len(items) - 1 else _PLACES[min(at, 3)]
    at = min(at, 3) if place != "last" else at
    return conversation(random, [Turn(f"{text}\nWhich is the {place} one?", items[at])])


def small_talk(random: Random) -> Conversation:
    asked, answer = random.choice(_SMALL_TALK)
    return conversation(random, [Turn(random.choice(asked) + random.choice(["", ".", "!"]), answer)])


def _item(random: Random) -> str:
    if random.random() < 0.4:
        return names.syllables(random)
    return values.draw(random.choice(_KINDS), random)
