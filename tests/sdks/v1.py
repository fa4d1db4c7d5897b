"""The scripts of the second generation of the `mistralai` client (1.12), from upload to delete.

Two of its scripts that are in use never get past its own types: an open file or a tuple as `file`, and bare ids as
`training_files`. Both are tried here as they were written, and then said in the form that the types accept.
"""

import json
import os
import sys
import time

from mistralai import Mistral, models
from pydantic import ValidationError

client = Mistral(api_key=os.environ["MISTRAL_API_KEY"], server_url=os.environ["MISTRAL_URL"])
seen = {"refused by its own types": []}

with open("training_data.jsonl", "rb") as bare, open("train.jsonl", "rb") as named:
    for written in (bare, ("train.jsonl", named, "application/json")):
        try:
            client.files.upload(file=written, purpose="fine-tune")
        except ValidationError:
            seen["refused by its own types"].append(type(written).__name__)

with open("train.jsonl", "rb") as f:
    response = client.files.upload(file={"file_name": "train.jsonl", "content": f, "content_type": "application/json"})
file_id = response.id
seen["file"] = [type(response).__name__, response.filename, response.num_lines, response.sample_type]

try:
    client.fine_tuning.jobs.create(
        model="mistral-small-latest",
        training_files=[file_id],
        hyperparameters={"learning_rate": 1e-5, "training_steps": 500},
    )
except ValidationError:
    seen["refused by its own types"].append("training_files=[id]")

job = client.fine_tuning.jobs.create(
    model="open-mistral-7b",
    training_files=[{"file_id": file_id, "weight": 1}],
    hyperparameters={"training_steps": 6, "learning_rate": 0.0001},
)
seen["created"] = [type(job).__name__, job.status, job.auto_start, job.hyperparameters.learning_rate]

while (found := client.fine_tuning.jobs.get(job_id=job.id)).status not in ("SUCCESS", "FAILED", "CANCELLED"):
    time.sleep(0.5)
seen["job"] = [type(found).__name__, found.status]
seen["events"] = [event.data["status"] for event in found.events if event.name == "status-updated"]
seen["checkpoints"] = [[one.step_number, one.metrics.valid_loss] for one in found.checkpoints]
seen["model"] = found.fine_tuned_model
listed = client.fine_tuning.jobs.list(created_by_me=True, model="open-mistral-7b", created_after="2026-01-01T00:00:00Z")
seen["listed"] = [type(one).__name__ for one in listed.data]

question = [{"role": "user", "content": "Where is my order?"}]
answer = client.chat.complete(model=found.fine_tuned_model, messages=question, temperature=0, max_tokens=8)
seen["answer"] = [answer.model, answer.choices[0].message.content]
with client.chat.stream(model=found.fine_tuned_model, messages=question, temperature=0, max_tokens=8) as pieces:
    seen["streamed"] = "".join(piece.data.choices[0].delta.content for piece in pieces)
seen["models"] = {one.id: type(one).__name__ for one in client.models.list().data}
seen["renamed"] = client.models.update(model_id=found.fine_tuned_model, name="Tone").name
seen["archived"] = [
    client.models.archive(model_id=found.fine_tuned_model).archived,
    client.models.unarchive(model_id=found.fine_tuned_model).archived,
]
seen["deleted"] = client.models.delete(model_id=found.fine_tuned_model).deleted
try:
    client.chat.complete(model=found.fine_tuned_model, messages=question)
except models.SDKError as error:
    seen["after"] = [error.status_code, json.loads(error.body)["message"]]
try:
    client.chat.complete(model="starter", messages=question, temperature=1.2, max_tokens=-1)
except models.MistralError as error:
    seen["refused"] = [error.status_code, json.loads(error.body)["message"]]
seen["files"] = client.files.list(search="train").total
seen["file deleted"] = client.files.delete(file_id=file_id).deleted

json.dump(seen, sys.stdout)
