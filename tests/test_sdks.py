"""The scripts that Mistral's retirement left behind, in each generation of its client and in curl, against the engine.

Each client lives in an environment of its own (`make sdks`, which `make test` does by itself).
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.serving import servers
from studio.folders import CODE
from tests import tiny
from tests.patience import LONG

pytestmark = pytest.mark.slow

KEY = "a key of the tests, long enough"
SCRIPTS = CODE / "tests" / "sdks"
TUNED = re.compile(r"ft:(open-mistral-7b|mistral-small-latest):[\w-]+:\d{8}:[0-9a-f]{8}")
ROWS = [tiny.conversation(f"Where is cup {n}?", f"Good news: cup {n} is on its way!") for n in range(48)]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an engine of its own, as its users start it."""
    home = tmp_path_factory.mktemp("engine")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    names = ("open-mistral-7b=starter", "mistral-small-latest=starter", "mistral-embed=atelier-embed")
    command = [Path(sys.executable).with_name("atelier"), "engine", "--home", home, "--port", str(port)]
    started = subprocess.Popen(
        [*command, *(f"--alias={name}" for name in names)], env={**os.environ, "ATELIER_API_KEY": KEY}
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _until_well(url, started)
        yield url
    finally:
        started.terminate()
        started.wait(LONG)
        for server in servers.listed(home / "servers"):
            servers.stop(server)


def _until_well(url: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            if httpx.get(f"{url}/v1/health").is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError("atelier engine ended before it answered")


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with the files that the scripts open."""
    for name in ("training_file", "training_data", "train"):
        tiny.jsonl(tmp_path / f"{name}.jsonl", ROWS)
    tiny.jsonl(tmp_path / "validation_file.jsonl", ROWS[:8])
    return tmp_path


def ran(engine: str, desk: Path, *command: str | Path) -> str:
    environment = {**os.environ, "MISTRAL_API_KEY": KEY, "MISTRAL_URL": engine}
    done = subprocess.run(command, cwd=desk, env=environment, capture_output=True, text=True, timeout=LONG)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def seen(engine: str, desk: Path, version: str, script: str) -> dict[str, Any]:
    """What a script saw, run by the client of one version."""
    python = CODE / ".venvs" / f"mistralai-{version}" / "bin" / "python"
    assert python.exists(), "Run `make sdks` first; `make test` does it by itself."
    return dict(json.loads(ran(engine, desk, python, SCRIPTS / script)))


def test_the_first_generation_runs_from_upload_to_delete(engine: str, desk: Path) -> None:
    found = seen(engine, desk, "0.4.2", "v0.py")
    assert found["file"] == ["training_file.jsonl", "fine-tune", (desk / "training_file.jsonl").stat().st_size]
    kind, steps, of_data, trained = found["dry run"]
    assert (kind, steps) == ("JobMetadata", 10) and trained > of_data > 0
    assert found["created"] == ["Job", "QUEUED", 10] and found["listed"] == [True, "list"]
    assert found["job"] == ["DetailedJob", "SUCCESS"] and TUNED.fullmatch(found["model"])
    assert found["checkpoints"][0][0] == 10 and found["checkpoints"][0][1] < found["checkpoints"][-1][1]
    assert found["answer"] == [found["model"], "assistant", True]
    assert found["streamed"][0] in ("stop", "length") and 1 <= found["streamed"][1] <= 8
    assert found["model"] in found["models"] and "open-mistral-7b" in found["models"]
    assert found["cancelled"] and found["by default"] == 1800
    assert found["deleted"] and found["after"][0] == 404 and "was deleted" in found["after"][1]
    assert found["embedded"] == 1 and found["retrieved"] == "training_file.jsonl" and found["file deleted"]


def test_the_second_generation_runs_from_upload_to_delete(engine: str, desk: Path) -> None:
    found = seen(engine, desk, "1.12.4", "v1.py")
    assert found["refused by its own types"] == ["BufferedReader", "tuple", "training_files=[id]"]
    assert found["file"] == ["UploadFileOut", "train.jsonl", 48, "instruct"]
    assert found["created"] == ["CompletionJobOut", "QUEUED", True, 0.0001]
    assert found["job"] == ["CompletionDetailedJobOut", "SUCCESS"] and TUNED.fullmatch(found["model"])
    assert found["events"] == ["SUCCESS", "RUNNING", "STARTED", "QUEUED"]
    assert found["checkpoints"] == [[6, None]] and "CompletionJobOut" in found["listed"]
    assert found["answer"][0] == found["model"] and found["streamed"] == found["answer"][1]
    assert found["models"]["starter"] == "BaseModelCard" and found["models"][found["model"]] == "FTModelCard"
    assert found["renamed"] == "Tone" and found["archived"] == [True, False]
    assert found["deleted"] and found["after"][0] == 404
    assert found["refused"][0] == 400 and "max_tokens" in found["refused"][1]
    assert found["files"] >= 1 and found["file deleted"]


def test_the_third_generation_runs_from_upload_to_delete(engine: str, desk: Path) -> None:
    found = seen(engine, desk, "2.5.1", "v2.py")
    assert found["created"][:3] == ["CompletionFineTuningJob", "VALIDATED", 6] and found["created"][3] > 0
    assert found["job"][:2] == ["CompletionFineTuningJobDetails", "SUCCESS"] and found["job"][2] > 0
    assert found["events"] == ["SUCCESS", "RUNNING", "STARTED", "VALIDATED"]
    assert [step for step, _ in found["checkpoints"]] == [6, 0]
    assert found["checkpoints"][0][1] < found["checkpoints"][1][1]
    assert TUNED.fullmatch(found["model"]) and ":tone:" in found["model"]
    assert found["listed"] == [1, ["CompletionFineTuningJob"]] and found["nobody"] == 0
    assert found["card"] == found["models"][found["model"]] == "FTModelCard"
    assert found["answer"][0] == found["model"] and found["streamed"] == found["answer"][1]
    assert found["embedded"] == [1024, 1024]
    assert found["renamed"] == ["CompletionFineTunedModel", "Tone", "How we sound"]
    assert found["archived"] and found["asked while archived"][0] == 409 and not found["unarchived"]
    assert found["deleted"] and found["after"][0] == 404 and "was deleted" in found["after"][1]
    assert found["cancelled"] == "CANCELLED" and found["file deleted"]
    assert found["files"][0] >= 2 and found["content"] == (desk / "training_data.jsonl").stat().st_size
    assert httpx.get(found["url"]).status_code == 404  # its signature holds, and the file was deleted since


def test_the_curl_calls_run_from_upload_to_delete(engine: str, desk: Path) -> None:
    ran(engine, desk, "bash", SCRIPTS / "curl.sh")
    found = {path.stem: json.loads(path.read_text()) for path in desk.glob("*.json")}
    model = found["job"]["fine_tuned_model"]
    assert found["created"]["status"] == "QUEUED" and TUNED.fullmatch(model)
    assert found["created"]["id"] in [job["id"] for job in found["jobs"]["data"]]
    assert found["answer"]["model"] == model and found["answer"]["choices"][0]["message"]["content"]
    assert found["cancelled"]["status"] in ("CANCELLED", "CANCELLATION_REQUESTED")
    assert found["deleted"] == {"id": model, "object": "model", "deleted": True}
