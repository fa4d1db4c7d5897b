# The curl calls of Mistral's guide, from upload to delete; only the address is another. Answers go to files.
set -eu
ask() { curl --silent --show-error --fail-with-body "$@"; }
field() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]] or "")' "$1" "$2"; }

ask $MISTRAL_URL/v1/files \
  -H "Authorization: Bearer $MISTRAL_API_KEY" \
  -F purpose="fine-tune" \
  -F file="@training_file.jsonl" > training.json

ask $MISTRAL_URL/v1/files \
  -H "Authorization: Bearer $MISTRAL_API_KEY" \
  -F purpose="fine-tune" \
  -F file="@validation_file.jsonl" > validation.json

ask $MISTRAL_URL/v1/fine_tuning/jobs \
--header "Authorization: Bearer $MISTRAL_API_KEY" \
--header 'Content-Type: application/json' \
--header 'Accept: application/json' \
--data '{
  "model": "open-mistral-7b",
  "training_files": [
    "'$(field training.json id)'"
  ],
  "validation_files": [
    "'$(field validation.json id)'"
  ],
  "hyperparameters": {
    "training_steps": 10,
    "learning_rate": 0.0001
  }
}' > created.json

ask $MISTRAL_URL/v1/fine_tuning/jobs \
--header "Authorization: Bearer $MISTRAL_API_KEY" \
--header 'Content-Type: application/json' > jobs.json

job=$(field created.json id)
model=""
while [ -z "$model" ]; do
  sleep 0.5
  ask $MISTRAL_URL/v1/fine_tuning/jobs/$job \
  --header "Authorization: Bearer $MISTRAL_API_KEY" \
  --header 'Content-Type: application/json' > job.json
  model=$(field job.json fine_tuned_model)
  case $(field job.json status) in FAILED|CANCELLED) exit 1;; esac
done

ask "$MISTRAL_URL/v1/chat/completions" \
     --header 'Content-Type: application/json' \
     --header 'Accept: application/json' \
     --header "Authorization: Bearer $MISTRAL_API_KEY" \
     --data '{
    "model": "'$model'",
    "messages": [{"role": "user", "content": "Who is the most renowned French painter?"}]
  }' > answer.json

ask $MISTRAL_URL/v1/fine_tuning/jobs \
--header "Authorization: Bearer $MISTRAL_API_KEY" \
--header 'Content-Type: application/json' \
--data '{"model": "open-mistral-7b", "training_files": ["'$(field training.json id)'"]}' > other.json
ask -X POST $MISTRAL_URL/v1/fine_tuning/jobs/$(field other.json id)/cancel \
--header "Authorization: Bearer $MISTRAL_API_KEY" \
--header 'Content-Type: application/json' > cancelled.json

ask --location --request DELETE "$MISTRAL_URL/v1/models/$model" \
     --header 'Accept: application/json' \
     --header "Authorization: Bearer $MISTRAL_API_KEY" > deleted.json
