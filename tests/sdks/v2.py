"""The scripts of the third generation of the `mistralai` client (2.5), from upload to delete.

Its types refuse two spellings that are in use, so they stand here in the form that they accept: a file is
`{"file_name": ..., "content": ...}` instead of an open file, and training files are objects instead of ids.
"""

import json
import os
import sys
import time

from mistralai.client import Mistral, errors

client = Mistral(api_key=os.environ["MISTRAL_API_KEY"], server_url=os.environ["MISTRAL_URL"])
seen = {}

with open("training_data.jsonl", "rb") as f:
    training_file = client.files.upload(file={"file_name": "training_data.jsonl", "content": f}, purpose="fine-tune")
with open("validation_file.jsonl", "rb") as f:
    validation_file = client.files.upload(file={"file_name": "validation_file.jsonl", "content": f})

job = client.fine_tuning.jobs.create(
    model="mistral-small-latest",
    training_files=[{"file_id": training_file.id, "weight": 1}],
    validation_files=[validation_file.id],
    hyperparameters={"learning_rate": 1e-3, "training_steps": 6},
    suffix="tone",
    auto_start=False,
)
seen["created"] = [type(job).__name__, job.status, job.hyperparameters.training_steps, job.metadata.data_tokens]
client.fine_tuning.jobs.start(job_id=job.id)

while (found := client.fine_tuning.jobs.get(job_id=job.id)).status not in ("SUCCESS", "FAILED", "CANCELLED"):
    time.sleep(0.5)
seen["job"] = [type(found).__name__, found.status, found.trained_tokens]
seen["events"] = [event.data["status"] for event in found.events if event.name == "status-updated"]
seen["checkpoints"] = [[one.step_number, one.metrics.valid_loss] for one in found.checkpoints]
seen["model"] = found.fine_tuned_model

listed = client.fine_tuning.jobs.list(page=0, page_size=10, status="SUCCESS", suffix="tone")
seen["listed"] = [listed.total, [type(one).__name__ for one in listed.data]]
seen["nobody"] = client.fine_tuning.jobs.list(model="codestral-latest").total
models = client.models.list()
seen["models"] = {one.id: type(one).__name__ for one in models.data}
seen["card"] = type(client.models.retrieve(model_id=found.fine_tuned_model)).__name__

question = [{"role": "user", "content": "Where is my order?"}]
answer = client.chat.complete(model=found.fine_tuned_model, messages=question, temperature=0, max_tokens=12)
seen["answer"] = [answer.model, answer.choices[0].message.content, answer.usage.completion_tokens]
pieces = client.chat.stream(model=found.fine_tuned_model, messages=question, temperature=0, max_tokens=12)
seen["streamed"] = "".join(piece.data.choices[0].delta.content for piece in pieces if piece.data.choices)
vectors = client.embeddings.create(model="mistral-embed", inputs=["Where is my order?", "Thanks!"])
seen["embedded"] = [len(one.embedding) for one in vectors.data]

renamed = client.models.update(model_id=found.fine_tuned_model, name="Tone", description="How we sound")
seen["renamed"] = [type(renamed).__name__, renamed.name, renamed.description]
seen["archived"] = client.models.archive(model_id=found.fine_tuned_model).archived
try:
    client.chat.complete(model=found.fine_tuned_model, messages=question)
except errors.MistralError as error:
    seen["asked while archived"] = [error.status_code, json.loads(error.body)["message"]]
seen["unarchived"] = client.models.unarchive(model_id=found.fine_tuned_model).archived
seen["deleted"] = client.models.delete(model_id=found.fine_tuned_model).deleted
try:
    client.models.retrieve(model_id=found.fine_tuned_model)
except errors.MistralError as error:
    seen["after"] = [error.status_code, json.loads(error.body)["message"]]

other = client.fine_tuning.jobs.create(
    model="open-mistral-7b",
    training_files=[{"file_id": training_file.id}],
    hyperparameters={"epochs": 1},
    auto_start=False,
)
seen["cancelled"] = client.fine_tuning.jobs.cancel(job_id=other.id).status
seen["files"] = [client.files.list(purpose="fine-tune").total, client.files.retrieve(file_id=training_file.id).deleted]
seen["content"] = len(client.files.download(file_id=training_file.id).read())
seen["url"] = client.files.get_signed_url(file_id=training_file.id, expiry=1).url
for id in (training_file.id, validation_file.id):
    seen["file deleted"] = client.files.delete(file_id=id).deleted

json.dump(seen, sys.stdout)
