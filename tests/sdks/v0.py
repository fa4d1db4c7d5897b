"""The scripts of the first generation of the `mistralai` client (0.4.2), from upload to delete, as in its guide."""

import json
import os
import sys
import time

from mistralai.client import MistralClient
from mistralai.exceptions import MistralAPIException
from mistralai.models.chat_completion import ChatMessage
from mistralai.models.jobs import TrainingParameters

api_key = os.environ.get("MISTRAL_API_KEY")
client = MistralClient(api_key=api_key, endpoint=os.environ["MISTRAL_URL"])
seen = {}

with open("training_file.jsonl", "rb") as f:
    training_data = client.files.create(file=("training_file.jsonl", f))
with open("validation_file.jsonl", "rb") as f:
    validation_data = client.files.create(file=("validation_file.jsonl", f))
seen["file"] = [training_data.filename, training_data.purpose, training_data.bytes]

asked = {
    "model": "open-mistral-7b",
    "training_files": [training_data.id],
    "validation_files": [validation_data.id],
    "hyperparameters": TrainingParameters(
        training_steps=10,
        learning_rate=0.0001,
    ),
}
estimate = client.jobs.create(**asked, dry_run=True)
seen["dry run"] = [type(estimate).__name__, estimate.training_steps, estimate.data_tokens, estimate.train_tokens]
created_jobs = client.jobs.create(**asked)
seen["created"] = [type(created_jobs).__name__, created_jobs.status, created_jobs.hyperparameters.training_steps]

jobs = client.jobs.list()
seen["listed"] = [created_jobs.id in [job.id for job in jobs.data], jobs.object]

retrieved_jobs = client.jobs.retrieve(created_jobs.id)
while retrieved_jobs.status not in ("SUCCESS", "FAILED", "CANCELLED"):
    time.sleep(0.5)
    retrieved_jobs = client.jobs.retrieve(created_jobs.id)
seen["job"] = [type(retrieved_jobs).__name__, retrieved_jobs.status]
seen["checkpoints"] = [[one.step_number, one.metrics.valid_loss] for one in retrieved_jobs.checkpoints]
seen["model"] = retrieved_jobs.fine_tuned_model

question = [ChatMessage(role="user", content="What is the best French cheese?")]
chat_response = client.chat(model=retrieved_jobs.fine_tuned_model, messages=question)
seen["answer"] = [chat_response.model, chat_response.choices[0].message.role, chat_response.usage.total_tokens > 0]
pieces = list(client.chat_stream(model=retrieved_jobs.fine_tuned_model, messages=question, max_tokens=8))
seen["streamed"] = [pieces[-1].choices[0].finish_reason.value, pieces[-1].usage.completion_tokens]
seen["embedded"] = len(client.embeddings(model="mistral-embed", input=["What is the best French cheese?"]).data)
seen["models"] = [model.id for model in client.list_models().data]

other = client.jobs.create(model="open-mistral-7b", training_files=[training_data.id])
canceled_jobs = client.jobs.cancel(other.id)
seen["cancelled"] = canceled_jobs.status in ("CANCELLED", "CANCELLATION_REQUESTED")
seen["by default"] = other.hyperparameters.training_steps

seen["deleted"] = client.delete_model(retrieved_jobs.fine_tuned_model).deleted
try:
    client.chat(model=retrieved_jobs.fine_tuned_model, messages=question)
except MistralAPIException as error:
    seen["after"] = [error.http_status, str(error)]
seen["files"] = len(client.files.list().data)
seen["retrieved"] = client.files.retrieve(training_data.id).filename
for id in (training_data.id, validation_data.id):
    seen["file deleted"] = client.files.delete(id).deleted

json.dump(seen, sys.stdout)
