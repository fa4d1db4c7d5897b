"""Models: list, look at, rename, archive and delete what can be asked here."""

from typing import Any

from engine.api import cards, shapes, tunings
from engine.api.catalogue import Known
from engine.api.refusals import Refusal
from engine.api.routing import TEXT, Asked, Call, Parameter, read_body
from engine.api.tunings import Tuning

TAG = "Models"
LONGEST = {"name": 100, "description": 2000}  # characters


def listed(asked: Asked) -> dict[str, Any]:
    models = [one for one in asked.desk.catalogue.listed() if not one.closed]
    wanted = asked.query["model"]
    found = [one for one in models if wanted is None or wanted == one.id or wanted in one.aliases]
    return {"object": "list", "data": [card for one in found for card in _cards(one)]}


def retrieve(asked: Asked) -> dict[str, Any]:
    return cards.model(asked.desk.catalogue.get(asked.path["model_id"])) | {"id": asked.path["model_id"]}


def delete(asked: Asked) -> dict[str, Any]:
    tunings.delete(_tuning(asked))
    return {"id": asked.path["model_id"], "object": "model", "deleted": True}


async def update(asked: Asked) -> dict[str, Any]:
    tuning = _tuning(asked)
    given = await read_body(asked.request)
    if unknown := sorted(given.keys() - LONGEST.keys()):
        raise Refusal(422, f"A model has no {', '.join(unknown)} to change; it has name and description.", unknown[0])
    for field, value in given.items():
        if value is not None and (not isinstance(value, str) or len(value) > LONGEST[field]):
            raise Refusal(422, f"{field} must be a text of at most {LONGEST[field]} characters.", field)
    ours = {"name": "title", "description": "description"}
    tunings.change(tuning, **{ours[field]: value or "" for field, value in given.items()})
    return cards.tuned_model(_known(asked))


def archive(asked: Asked) -> dict[str, Any]:
    return _archived(asked, True)


def unarchive(asked: Asked) -> dict[str, Any]:
    return _archived(asked, False)


def _archived(asked: Asked, archived: bool) -> dict[str, Any]:
    tunings.change(_tuning(asked), archived=archived)
    return {"id": asked.path["model_id"], "object": "model", "archived": archived}


def _tuning(asked: Asked) -> Tuning:
    """The job of a model that is ours to change. Refused for a base, and for what belongs to a studio."""
    known = _known(asked)
    found = next((one for one in tunings.listed(asked.desk.home) if one.name == known.id), None)
    if found is None:
        raise Refusal(
            403,
            f"{known.id} was not made by a job of this API, so it is not changed or deleted through it.",
            "model_id",
        )
    return found


def _known(asked: Asked) -> Known:
    return asked.desk.catalogue.get(asked.path["model_id"])


def _cards(known: Known) -> list[dict[str, Any]]:
    """A model under its own name and under each that means it, as Mistral lists its aliases."""
    card = cards.model(known)
    return [card, *({**card, "id": alias, "aliases": [known.id]} for alias in known.aliases)]


CALLS = [
    Call(
        "GET",
        "/models",
        "read",
        listed,
        "List the models that can be asked.",
        query=(
            Parameter("model", TEXT, says="Only the one of this name."),
            Parameter("provider", TEXT, says="Understood, and of no effect: all models are of this engine."),
        ),
        gives=shapes.listing(shapes.MODEL),
        tag=TAG,
    ),
    Call("GET", "/models/{model_id}", "read", retrieve, "Look at a model.", gives=shapes.MODEL, tag=TAG),
    Call("DELETE", "/models/{model_id}", "train", delete, "Delete a fine-tuned model.", gives=shapes.DELETED, tag=TAG),
    Call(
        "PATCH",
        "/fine_tuning/models/{model_id}",
        "train",
        update,
        "Name or describe a fine-tuned model.",
        takes=shapes.CHANGE,
        gives=shapes.TUNED,
        tag=TAG,
    ),
    Call(
        "POST",
        "/fine_tuning/models/{model_id}/archive",
        "train",
        archive,
        "Archive a model: it stays, and cannot be asked.",
        gives=shapes.ARCHIVED,
        tag=TAG,
    ),
    Call(
        "DELETE",
        "/fine_tuning/models/{model_id}/archive",
        "train",
        unarchive,
        "Bring an archived model back.",
        gives=shapes.ARCHIVED,
        tag=TAG,
    ),
]
