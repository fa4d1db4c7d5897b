"""The page: what can be called, as OpenAPI and as one plain page, both written from the calls' own declarations."""

import html
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from engine.api import shapes
from engine.api.keys import SCOPES
from engine.api.routing import MOMENT, Call, Parameter

Endpoint = Callable[[Request], Awaitable[Response]]
REFUSED = {
    "400": "The body or the form cannot be read.",
    "401": "No key, or an unknown one.",
    "403": "The key may not do this.",
    "404": "There is no such thing.",
    "409": "Its state does not allow this.",
    "413": "It is larger than the limit.",
    "422": "A field is wrong; the message says which and why.",
    "429": "Too many at once.",
}
ABOUT = (
    "The calls of Mistral's retired training API, answered by this machine, and a few of our own. Send a key as "
    "`Authorization: Bearer ...`."
)
STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #8886; }
details { margin: .4rem 0; border: 1px solid #8884; border-radius: .4rem; padding: .3rem .7rem; }
summary { cursor: pointer; overflow-wrap: anywhere; }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; background: #8881; padding: .6rem; border-radius: .3rem; }
.scope { float: right; font-size: 14px; opacity: .8; }
table { border-collapse: collapse; } td { padding: .15rem .8rem .15rem 0; vertical-align: top; }
"""


def openapi(calls: Sequence[Call]) -> Endpoint:
    described = describe(calls)

    async def endpoint(request: Request) -> Response:
        base = request.scope.get("root_path", "") or "/v1"
        return JSONResponse({**described, "servers": [{"url": base}]})

    return endpoint


def shown(calls: Sequence[Call]) -> Endpoint:
    text = written(calls)

    async def endpoint(request: Request) -> Response:
        return HTMLResponse(text)

    return endpoint


def describe(calls: Sequence[Call]) -> dict[str, Any]:
    """The OpenAPI 3.1 description of the calls."""
    paths: dict[str, dict[str, Any]] = {}
    for call in calls:
        paths.setdefault(call.path, {})[call.method.lower()] = _operation(call)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Atelier's engine", "version": "1", "description": ABOUT},
        "servers": [{"url": "/v1"}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Error": shapes.ERROR},
        },
    }


def _operation(call: Call) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{call.method.lower()} {call.path}").strip("_"),
        "summary": call.says,
        "tags": [call.tag],
        "parameters": [*_path(call.path), *(_parameter(one) for one in call.query)],
        "responses": {"200": _given(call), **{status: _refused(says) for status, says in REFUSED.items()}},
        "security": [{"key": []}] if call.scope else [],
    }
    if call.scope:
        found["x-scope"] = call.scope
    if call.form:
        fields = {"file": {"type": "string", "format": "binary"}, "purpose": {"enum": ["fine-tune", "batch"]}}
        form = {"type": "object", "properties": fields, "required": ["file"]}
        found["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": form}}}
    if call.takes is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": call.takes}}}
    return found


def _path(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _parameter(one: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string" if one.kind == MOMENT else one.kind}
    if one.kind == MOMENT:
        schema["format"] = "date-time"
    if one.default is not None:
        schema["default"] = one.default
    for ours, theirs in ((one.least, "minimum"), (one.most, "maximum")):
        if ours is not None:
            schema[theirs] = ours
    return {
        "name": one.name,
        "in": "query",
        "required": False,
        "description": one.says,
        "schema": {"type": "array", "items": schema} if one.many else schema,
    }


def _given(call: Call) -> dict[str, Any]:
    if call.streams:
        return {"description": "Done.", "content": {call.streams: {"schema": {"type": "string", "format": "binary"}}}}
    return {"description": "Done.", "content": {"application/json": {"schema": call.gives or shapes.ANY}}}


def _refused(says: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {"description": says, "content": content}


def written(calls: Sequence[Call]) -> str:
    """The page that people read: no scripts, nothing from elsewhere."""
    parts = []
    for tag in dict.fromkeys(call.tag for call in calls):
        parts.append(f"<h2>{html.escape(tag)}</h2>" + "".join(_shown(call) for call in calls if call.tag == tag))
    scopes = "".join(f"<tr><td><code>{name}</code></td><td>{says}</td></tr>" for name, says in SCOPES.items())
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Atelier's engine</title><style>{STYLE}</style><h1>Atelier's engine</h1><p>{html.escape(ABOUT)}</p>"
        f'<p>The same for programs: <a href="openapi.json">openapi.json</a>.</p><h2>Scopes of keys</h2>'
        f"<table>{scopes}</table>{''.join(parts)}</html>"
    )


def _shown(call: Call) -> str:
    scope = f'<span class="scope">{call.scope or "no key"}</span>'
    head = f"<code><b>{call.method}</b> /v1{html.escape(call.path)}</code>{scope}<br>{html.escape(call.says)}"
    rows = "".join(
        f"<tr><td><code>{one.name}</code></td><td>{one.kind}</td><td>{html.escape(one.says)}</td></tr>"
        for one in call.query
    )
    body = "<p>A form with <code>file</code> and <code>purpose</code>.</p>" if call.form else ""
    for name, schema in (("Takes", call.takes), ("Gives", call.gives)):
        if schema is not None:
            body += f"<p>{name}</p><pre>{html.escape(json.dumps(schema, indent=1))}</pre>"
    return f"<details><summary>{head}</summary>{f'<table>{rows}</table>' if rows else ''}{body}</details>"
