"""Refusals: what is not done, said in the shape that Mistral's clients read, with a sentence that helps."""

from typing import Any

from starlette.responses import JSONResponse

KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    409: "conflict_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    500: "internal_server_error",
    502: "upstream_error",
    503: "service_unavailable",
}


class Refusal(Exception):
    """A call that is answered with an error. `param` names the field that is to blame, if one is."""

    def __init__(self, status: int, message: str, param: str | None = None, wait: int = 0) -> None:
        self.status, self.message, self.param, self.wait = status, message, param, wait
        super().__init__(message)


def answered(refusal: Refusal) -> JSONResponse:
    headers = {"retry-after": str(refusal.wait)} if refusal.wait else {}
    if refusal.status == 401:
        headers["www-authenticate"] = "Bearer"
    return JSONResponse(body(refusal), status_code=refusal.status, headers=headers)


def body(refusal: Refusal) -> dict[str, Any]:
    """A 422 also carries `detail`, as the newer clients look for it there."""
    kind = KINDS.get(refusal.status, "invalid_request_error")
    found: dict[str, Any] = {
        "object": "error",
        "message": refusal.message,
        "type": kind,
        "param": refusal.param,
        "code": refusal.status,
    }
    if refusal.status == 422:
        place = ["body", *([refusal.param] if refusal.param else [])]
        found["detail"] = [{"type": kind, "loc": place, "msg": refusal.message}]
    return found
