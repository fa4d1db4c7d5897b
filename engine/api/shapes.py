"""Shapes: JSON schemas of what goes in and comes out, small ones, for the OpenAPI page and its test."""

from dataclasses import fields
from typing import Any

from engine import specs
from engine.api.orders import HYPERPARAMETERS, OWN, WHOLE
from engine.training.settings import TrainSpec

Schema = dict[str, Any]
ANY: Schema = {"type": "object"}
NAMES: dict[type, Schema] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    list: {"type": "array", "items": {}},
}


def maybe(kind: str) -> Schema:
    return {"type": [kind, "null"]}


def made_of(required: Schema, **more: Schema) -> Schema:
    """An object with fields that are always there, and some that may be."""
    return {"type": "object", "properties": {**required, **more}, "required": list(required)}


def array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def listing(item: Schema) -> Schema:
    return made_of({"object": {"const": "list"}, "data": array(item)}, total=maybe("integer"))


def settings() -> Schema:
    """Every setting of a run that a client may choose, with its help and its range."""
    found: Schema = {}
    for f in fields(TrainSpec):
        if f.name in OWN:
            continue
        default = specs.defaults(TrainSpec)[f.name]
        found[f.name] = {**NAMES[type(default)], "default": default, "description": f.metadata.get("help", "")}
        for ours, theirs in (("least", "minimum"), ("most", "maximum")):
            if f.metadata.get(ours) is not None:
                found[f.name][theirs] = f.metadata[ours]
    return {"type": "object", "properties": found, "additionalProperties": False}


def hyperparameters() -> Schema:
    named = {
        name: {"type": ["integer" if name in WHOLE else "number", "null"], "minimum": least, "maximum": most}
        for name, (_, least, most) in HYPERPARAMETERS.items()
    }
    return {"type": "object", "properties": named | {"fim_ratio": maybe("number")}, "additionalProperties": False}


TEXT, NUMBER, TRUTH = NAMES[str], NAMES[int], NAMES[bool]
DELETED = made_of({"id": TEXT, "object": TEXT, "deleted": {"const": True}})
URL = made_of({"url": TEXT})
FILE = made_of(
    {
        "id": TEXT,
        "object": {"const": "file"},
        "bytes": NUMBER,
        "created_at": NUMBER,
        "filename": TEXT,
        "purpose": TEXT,
        "sample_type": TEXT,
        "source": TEXT,
    },
    num_lines=maybe("integer"),
    mimetype=maybe("string"),
    signature=maybe("string"),
    deleted=TRUTH,
)
ORDER = made_of(
    {
        "model": TEXT,
        "training_files": array(
            {"anyOf": [TEXT, made_of({"file_id": TEXT}, weight={"type": "number", "exclusiveMinimum": 0})]}
        ),
    },
    validation_files={"anyOf": [array(TEXT), {"type": "null"}]},
    hyperparameters=hyperparameters(),
    suffix=maybe("string"),
    integrations={"anyOf": [array(ANY), {"type": "null"}]},
    auto_start=maybe("boolean"),
    invalid_sample_skip_percentage={"type": "number", "minimum": 0, "maximum": 100},
    job_type={"enum": ["completion", None]},
    repositories={"anyOf": [{"type": "array", "maxItems": 0}, {"type": "null"}]},
    classifier_targets={"anyOf": [{"type": "array", "maxItems": 0}, {"type": "null"}]},
    atelier=settings(),
)
FIGURES = made_of(
    {
        "expected_duration_seconds": maybe("integer"),
        "cost": maybe("number"),
        "cost_currency": maybe("string"),
        "train_tokens_per_step": maybe("integer"),
        "train_tokens": maybe("integer"),
        "data_tokens": maybe("integer"),
    },
    estimated_start_time=maybe("integer"),
)
JOB = made_of(
    {
        "id": TEXT,
        "object": {"const": "job"},
        "job_type": {"const": "completion"},
        "auto_start": TRUTH,
        "model": TEXT,
        "fine_tuned_model": maybe("string"),
        "status": TEXT,
        "created_at": NUMBER,
        "modified_at": NUMBER,
        "training_files": array(TEXT),
        "validation_files": array(TEXT),
        "hyperparameters": ANY,
        "suffix": maybe("string"),
        "integrations": array(ANY),
        "trained_tokens": maybe("integer"),
        "metadata": FIGURES,
    },
    atelier=ANY,
)
EVENT = made_of({"name": TEXT, "created_at": NUMBER}, data={"type": ["object", "null"]})
CHECKPOINT = made_of({"metrics": ANY, "step_number": NUMBER, "created_at": NUMBER})
DETAILED = {**JOB, "properties": {**JOB["properties"], "events": array(EVENT), "checkpoints": array(CHECKPOINT)}}
MODEL = made_of(
    {
        "id": TEXT,
        "object": {"const": "model"},
        "created": NUMBER,
        "owned_by": TEXT,
        "capabilities": ANY,
        "type": {"enum": ["base", "fine-tuned"]},
    },
    name=maybe("string"),
    description=maybe("string"),
    max_context_length=NUMBER,
    aliases=array(TEXT),
    job=TEXT,
    root=TEXT,
    archived=TRUTH,
)
TUNED = made_of({"id": TEXT, "object": {"const": "model"}, "model_type": {"const": "completion"}, "archived": TRUTH})
ARCHIVED = made_of({"id": TEXT, "object": {"const": "model"}, "archived": TRUTH})
CHANGE = {
    "type": "object",
    "properties": {"name": maybe("string"), "description": maybe("string")},
    "additionalProperties": False,
}
CHAT = made_of({"model": TEXT, "messages": {"type": "array", "items": ANY, "minItems": 1}}, stream=maybe("boolean"))
ANSWER = made_of(
    {"id": TEXT, "object": TEXT, "created": NUMBER, "model": TEXT, "choices": array(ANY), "usage": ANY},
)
EMBED = made_of({"model": TEXT, "input": {"anyOf": [TEXT, array(TEXT)]}})
VECTORS = made_of({"id": TEXT, "object": {"const": "list"}, "model": TEXT, "data": array(ANY), "usage": ANY})
ERROR = made_of({"object": {"const": "error"}, "message": TEXT, "type": TEXT, "code": NUMBER}, param=maybe("string"))
