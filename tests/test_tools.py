"""Tools, from an example that calls one to a figure of how often a model calls them rightly."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pytest
from tokenizers import Tokenizer, models

from engine import events, jobs, specs
from engine.problems import Problem
from engine.scoring import candidates, evaluate
from engine.scoring.candidates import Candidate
from engine.scoring.said import calls_of
from engine.serving import servers, vllms
from engine.serving.asking import client
from engine.serving.asking.asker import Asker
from engine.serving.asking.client import Decoding, Question
from engine.serving.settings import ServeSpec
from engine.serving.small import protocol, tools
from engine.serving.small.fields import Refused
from engine.training import train
from engine.training.bases import calls, template
from engine.training.bases.calls import Call
from engine.training.bases.template import Template
from engine.training.material import batches, pairs, rewards
from engine.training.settings import TrainSpec
from studio.folders import STARTER
from tests import tiny
from tests.patience import waited
from tests.test_evaluate import spec as evaluation

USER = {"role": "user", "content": "?"}
# what stands around a call in the templates of these families, and how two calls follow each other
ONE = "c.function.name + '%s' + c.function.arguments | tojson"
WRITTEN = {
    "mistral v3": "{{ '[TOOL_CALLS] [' }}{% for c in calls %}{{ (c.function | tojson)[:-1] }}"
    "{{ ', \"id\": \"' + c.id + '\"}' }}{{ ', ' if not loop.last else ']' }}{% endfor %}",
    "mistral v11": "{% for c in calls %}{{ '[TOOL_CALLS]' + c.function.name + '[CALL_ID]' + c.id + '[ARGS]' "
    "+ c.function.arguments | tojson }}{% endfor %}",
    "mistral v13": "{% for c in calls %}{{ '[TOOL_CALLS]' + " + ONE % "[ARGS]" + " }}{% endfor %}",
    "hermes": "{% for c in calls %}{{ '\\n<tool_call>\\n{\"name\": \"' + " + ONE % '", "arguments": '
    + " + '}\\n</tool_call>' }}{% endfor %}",
    "deepseek": "{{ '<Cs>' }}{% for c in calls %}{{ ('\\n' if not loop.first else '') + '<C>function<S>' + "
    + ONE % "\\n```json\\n" + " + '\\n```</C>' }}{% endfor %}{{ '</Cs>' }}",
}  # fmt: skip
ALONE = (
    "{% if calls | length > 1 %}{{ raise_exception('one at a time') }}{% endif %}"
    '{% for c in calls %}{{ \'{"name": "\' + ' + ONE % '", "parameters": ' + " + '}' }}{% endfor %}"
)
AS_CODE = "{% for c in calls %}{{ c.function.name }}({{ c.function.arguments.hour | tojson }}){% endfor %}"


def written(how: str, lead: str = "", tokenizer: Tokenizer | None = None) -> Template:
    """A template without a model that writes calls like this."""
    source = (
        "{% for m in messages %}{% if loop.first and tools %}{{ tools | tojson }}{% endif %}"
        "{% set calls = m.tool_calls %}{% if m.role == 'assistant' and calls %}"
        + how
        + "{{ eos_token }}{% elif m.role == 'assistant' %}"
        + lead
        + "{{ m.content + eos_token }}"
        "{% else %}{{ '<U>' + m.content }}{% endif %}"
        "{% endfor %}"
    )
    return Template(tokenizer or Tokenizer(models.BPE()), {"default": source}, {"eos_token": "</s>"}, None)


def said(by: Template, *called: Call) -> str:
    """What an assistant says who calls these, as training would have it."""
    made = [
        {"id": "AbCdEfGh9", "function": {"name": call.name, "arguments": json.dumps(call.arguments)}} for call in called
    ]
    whole = by.render([USER, {"role": "assistant", "tool_calls": made}], [template.TOOL])
    return whole.removeprefix(by.render([USER], [template.TOOL], prompt=True)).removesuffix("</s>")


LOOK = Call("look", {"for": 'a "copper" kettle', "in": {"shops": [1, 2]}})
WAIT = Call("wait", {})


@pytest.mark.parametrize("family", WRITTEN)
def test_calls_are_read_in_the_form_in_which_the_template_writes_them(family):
    by = written(WRITTEN[family])
    form = calls.form(by)
    assert form.read(said(by, LOOK)) == ("", [LOOK])
    assert form.read("Let me see." + said(by, LOOK, WAIT)) == ("Let me see.", [LOOK, WAIT])
    assert form.read("Nothing to call.") == ("Nothing to call.", [])


@pytest.mark.parametrize("family", WRITTEN)
def test_a_call_that_is_broken_anywhere_stays_text(family):
    by = written(WRITTEN[family])
    form, whole = calls.form(by), said(by, LOOK)
    for cut in range(1, len(whole.rstrip())):
        assert form.read(whole[:cut]) == (whole[:cut], [])
    for wrong in (
        whole.replace('"for"', "for"),
        whole.replace("look", "look it up"),
        whole.replace('{"shops"', '"shops"'),
    ):
        assert form.read(wrong) == (wrong, []), wrong


def test_a_template_that_calls_once_and_without_a_mark_is_read_where_the_call_is_all():
    by = written(ALONE)
    form = calls.form(by)
    assert form.between is None and form.read(said(by, LOOK)) == ("", [LOOK])
    assert form.read("Sure: " + said(by, LOOK))[1] == [] and form.read('{"cup": "large"}') == ('{"cup": "large"}', [])


@pytest.mark.parametrize("family", ["mistral v3", "mistral v11", "mistral v13", "hermes", "llama"])
def test_a_call_of_which_nobody_knows_the_base_is_read_in_the_usual_forms(family):
    by = written(WRITTEN.get(family, ALONE))
    called = [LOOK] if family == "llama" else [LOOK, WAIT]
    text = said(by, *called)
    assert calls.usual(text) == called == calls.form(by).read(text)[1]
    assert calls_of(text) == calls_of(calls.form(by).message(text)) == [asdict(one) for one in called]
    assert calls.usual("Nothing to call.") == [] == calls.usual(text[:-3])


def test_an_answer_to_a_prompt_with_tools_calls_what_its_base_would_be_read_to_call(tmp_path):
    """In another family's form it is words, as it would be once it is served."""
    words = template.load(str(STARTER))
    by = written(WRITTEN["hermes"], tokenizer=words.tokenizer)
    row = {"messages": [USER, calling(("look", LOOK.arguments))], "tools": [template.TOOL]}
    file = tiny.jsonl(tmp_path / "tasks.jsonl", [row, {**row, "tools": None}])
    paid = rewards.read([{"kind": "tool"}])
    tasks = pairs.read_tasks(file, by, 512, paid)
    assert len(tasks.accepted()) == 2

    def pay(text: str, row: dict[str, Any] = tasks.given[0]) -> float | None:
        return rewards.pay(paid, tasks.answer(text, row), row).total

    mistral = said(written(WRITTEN["mistral v3"]), LOOK)
    assert pay("Let me see." + said(by, LOOK)) == 1 and pay(said(by, Call("look", {"for": "a cup"}))) == 0.5
    assert pay(mistral) == 0 and pay(said(by, LOOK)[:-5]) == 0
    assert pay(mistral, tasks.given[1]) == 1, "who was offered no tools may write calls as they like"
    as_code = pairs.read_tasks(file, written(AS_CODE, tokenizer=words.tokenizer), 512, paid)
    assert [one.line for one in as_code.refused] == [1] and "cannot be read back" in as_code.refused[0].why


def test_what_a_template_writes_before_any_answer_is_no_part_of_a_call():
    """As the empty thoughts of models that may think: one that does think has others there."""
    lead = "{{ '<think></think>' }}"
    form = calls.form(by := written(lead + WRITTEN["hermes"], lead))
    assert form.lead == "<think></think>" and form.first.strip() == "<tool_call>"
    assert form.read("<think>Well.</think>" + said(by, LOOK).removeprefix(form.lead)) == (
        "<think>Well.</think>",
        [LOOK],
    )
    assert calls.grammar(form, [template.TOOL], True, {}).startswith('start: "<think></think>')


@pytest.mark.parametrize("family", [*WRITTEN, "alone"])
def test_what_is_streamed_is_never_a_part_of_a_call_and_all_of_what_is_said(family):
    by = written(WRITTEN.get(family, ALONE))
    form = calls.form(by)
    opening = "" if family == "alone" else "Let me see. "
    for whole in (opening + said(by, LOOK), "1 < 2 [see] {a}", (opening + said(by, LOOK))[:-3]):
        ear, spoken = tools.Ear(form), ""
        for sign in whole:
            spoken += ear.hear(sign)
        text, found = form.read(whole)
        assert not found or spoken == text.rstrip()
        assert spoken + ear.end(text) == text


def test_a_template_that_leaves_tools_out_or_writes_calls_that_cannot_be_read_is_refused():
    starter = template.load(str(STARTER))
    with pytest.raises(Problem, match="no place for tools"):
        starter.render([USER], [template.TOOL], prompt=True)
    with pytest.raises(Problem, match="no place for tools"):  # else the result would be left out in silence
        starter.render([USER, {"role": "assistant", "content": "a"}, {"role": "tool", "content": "42"}])
    row = {"messages": [USER, {"role": "assistant", "content": "a"}], "tools": [template.TOOL]}
    with pytest.raises(Problem, match="no place for tools"):
        batches.row(row, starter, 512)
    with pytest.raises(Problem, match=r"cannot be read back(.|\n)*look_it_up\("):
        calls.form(written(AS_CODE))


def test_a_template_is_given_what_vllm_gives_it_however_a_row_is_written():
    arguments = json.dumps(LOOK.arguments)
    text = [{"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "a", "arguments": arguments}}]}]
    tool = {"function": {"parameters": {"type": "object"}, "name": "a"}}
    given, offered = template.handed(text, [tool])
    assert given == [{"role": "assistant", "tool_calls": [{"function": {"name": "a", "arguments": LOOK.arguments}}]}]
    assert json.dumps(offered) == (
        '[{"type": "function", "function": {"name": "a", "description": null, "parameters": {"type": "object"}}}]'
    )
    assert template.handed([USER], []) == ([USER], None)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"tools": {}}, "tools must be a list"),
        ({"tools": [{"type": "retrieval"}]}, r"tools\[0\] must be"),
        ({"tools": [{"function": {"name": "find it"}}]}, r"tools\[0\].function.name can be"),
        ({"tools": [{"function": {"name": "find", "parameters": []}}]}, "must be a JSON schema"),
        ({"tool_choice": "required"}, "nothing to call"),
        ({"tools": [template.TOOL], "tool_choice": "perhaps"}, "tool_choice must be auto, none, required, any or"),
        (
            {"tools": [template.TOOL], "tool_choice": {"function": {"name": "find"}}},
            "find, which tools does not define",
        ),
        ({"tools": [template.TOOL], "response_format": {"type": "json_object"}}, "response_format or calls tools"),
        ({"messages": [{**USER, "tool_calls": [{"function": {}}]}]}, "only the assistant"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, r"tool_calls\[0\] must have a function"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "a", "arguments": "[]"}}]}]},
            "object",
        ),
        ({"messages": [{"role": "tool", "tool_call_id": 7, "content": "42"}]}, r"tool_call_id must be a text"),
        ({"messages": [{"role": "tool", "tool_call_id": "a"}]}, r"messages\[0\].content must be a text"),
    ],
)
def test_a_mistake_in_what_is_said_of_tools_is_named(wrong, sentence):
    with pytest.raises(Refused, match=sentence):
        protocol.read({"model": "m", "messages": [USER], **wrong})


def test_vllm_is_told_who_reads_the_calls_of_a_base(tmp_path):
    def told(template: str, marks: list[str]) -> str:
        base = tiny.base(tmp_path / str(len(list(tmp_path.iterdir()))), template, marks=marks)
        line = vllms.command(ServeSpec(model=str(base), program="python"), 8000, {})
        assert "--enable-auto-tool-choice" in line
        return line[line.index("--tool-call-parser") + 1]

    assert told(tiny.TOOLS_TEMPLATE, tiny.TOOL_MARKS) == "mistral"
    assert told(tiny.TEMPLATE, []) == "hermes"
    for mark, parser in vllms.PARSERS.items():
        assert told(tiny.TEMPLATE + f"{{# {mark} #}}", []) == parser


ORDER = {
    "type": "function",
    "function": {
        "name": "find_order",
        "parameters": {
            "type": "object",
            "properties": {"number": {"enum": [7, 41]}},
            "required": ["number"],
            "additionalProperties": False,
        },
    },
}
STOCK = {
    "type": "function",
    "function": {
        "name": "stock",
        "parameters": {
            "type": "object",
            "properties": {"cup": {"enum": ["large", "small"]}},
            "required": ["cup"],
            "additionalProperties": False,
        },
    },
}
RESULT = "It left our workshop."
SHORT = Decoding(max_tokens=130)


def ask(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def calling(*called: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    functions = [{"name": name, "arguments": json.dumps(arguments)} for name, arguments in called]
    ids = [f"AbCdEfGh{n}" for n in range(len(called))]
    return {
        "role": "assistant",
        "tool_calls": [{"id": id, "type": "function", "function": f} for id, f in zip(ids, functions, strict=True)],
    }


CALLS = {
    "Where is order 41?": [("find_order", {"number": 41})],
    "Have you large cups?": [("stock", {"cup": "large"})],
    "Cups, and order 7?": [("stock", {"cup": "small"}), ("find_order", {"number": 7})],
}
AFTER = [*ask("Where is order 41?"), calling(*CALLS["Where is order 41?"])]
AFTER += [{"role": "tool", "tool_call_id": "AbCdEfGh0", "content": "shipped"}]
ROWS: list[dict[str, Any]] = [
    *({"messages": [*ask(asked), calling(*called)], "tools": [ORDER, STOCK]} for asked, called in CALLS.items()),
    {"messages": [*ask("Hello!"), {"role": "assistant", "content": "Hello to you."}], "tools": [ORDER, STOCK]},
    {"messages": [*AFTER, {"role": "assistant", "content": RESULT}], "tools": [ORDER, STOCK]},
]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A base whose template knows tools, and an adapter that learned to call them; the base babbles."""
    folder = tmp_path_factory.mktemp("tools")
    base = tiny.base(folder / "kettle", tiny.TOOLS_TEMPLATE, marks=tiny.TOOL_MARKS)
    rows = tiny.jsonl(folder / "train.jsonl", ROWS)
    run = folder / "run"
    run.mkdir()
    spec = TrainSpec(
        base=str(base), train=str(rows), steps=90, batch_size=5, rank=16, learning_rate=2e-2, checkpoint_every=1000
    )
    specs.write(run, spec)
    train.run(run)
    return folder


@pytest.fixture(scope="module")
def endpoint(place):
    found = servers.ensure(place / "servers", place / "kettle")
    client.load_adapter(found, "caller", place / "run" / "adapter")
    yield found
    for server in servers.listed(place / "servers"):
        servers.stop(server)


def question(messages: list[dict[str, Any]], decoding: Decoding = SHORT, **more: Any) -> Question:
    return Question(messages, decoding, [ORDER, STOCK], more)


def functions(answer: client.Answer) -> list[tuple[str, dict[str, Any]]]:
    return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in answer.calls]


@pytest.mark.slow
def test_a_model_that_learned_to_call_calls_when_it_is_asked_with_tools_whole_and_in_pieces(endpoint):
    for asked, called in CALLS.items():
        plain = client.chat(endpoint, "caller", question(ask(asked)))
        assert (functions(plain), plain.text, plain.finish) == (called, "", "tool_calls")
        assert all(len(call["id"]) == 9 and call["type"] == "function" for call in plain.calls)
        stream = client.stream(endpoint, "caller", question(ask(asked)))
        assert list(stream) == [] and stream.answer.first_token_seconds is not None
        assert (functions(stream.answer), stream.answer.finish) == (called, "tool_calls")
    hello = client.chat(endpoint, "caller", question(ask("Hello!")))
    assert (hello.text, hello.calls, hello.finish) == ("Hello to you.", [], "stop")
    assert client.chat(endpoint, "caller", question(AFTER, Decoding(max_tokens=40))).text == RESULT


@pytest.mark.slow
def test_a_call_that_is_not_wanted_or_not_whole_is_text(endpoint):
    asked = ask(next(iter(CALLS)))
    unwanted = client.chat(endpoint, "caller", question(asked, tool_choice="none"))
    assert unwanted.calls == [] and '"find_order"' in unwanted.text and unwanted.finish == "stop"
    cut = question(asked, Decoding(max_tokens=20))
    plain, stream = client.chat(endpoint, "caller", cut), client.stream(endpoint, "caller", cut)
    assert plain.text == "".join(stream) and plain.text.startswith('[TOOL_CALLS] [{"name"')
    for answer in (plain, stream.answer):
        assert (answer.calls, answer.finish) == ([], "length")


@pytest.mark.slow
def test_even_a_base_that_babbles_calls_rightly_when_it_must(endpoint):
    def called(seed: int, **more: Any) -> tuple[str, dict[str, Any], str]:
        answer = client.chat(endpoint, "kettle", question(ask("Hm?"), Decoding(1.0, 1.0, 130, seed), **more))
        [(name, arguments)] = functions(answer)
        return name, arguments, answer.finish

    for seed in range(3):
        name, arguments, finish = called(seed, tool_choice={"type": "function", "function": {"name": "stock"}})
        assert (name, finish) == ("stock", "stop") and arguments["cup"] in ("large", "small")
        name, arguments, finish = called(seed, tool_choice="any", parallel_tool_calls=False)
        assert finish == "tool_calls" and {"find_order": "number", "stock": "cup"}[name] in arguments


@pytest.mark.slow
def test_tools_that_cannot_be_honoured_are_refused_in_a_sentence(endpoint):
    def refusal(**more: Any) -> str:
        body = {"model": "kettle", "messages": ask("Hm?"), "tools": [STOCK], "tool_choice": "required", **more}
        response = httpx.post(f"{endpoint.api}/chat/completions", json=body)
        assert response.status_code == 400
        return response.json()["message"]

    wrong = {"type": "function", "function": {"name": "stock", "parameters": {"type": "nonsense"}}}
    assert "schema cannot be followed" in refusal(tools=[wrong])
    assert "nothing to call" in refusal(tools=None)


@pytest.mark.slow
def test_how_likely_an_answer_is_is_asked_with_the_tools_that_were_offered(endpoint):
    """Its row was learned with tools; without them it is another question."""

    async def nats(offered: list[dict[str, Any]]) -> float:
        asker = Asker("", 1)
        tuned = Candidate("tuned", "caller", endpoint=endpoint.url)
        [found] = await asker.likelihoods(tuned, ask("Hello!"), ["Hello to you."], offered)
        await asker.close()
        return found.nll

    offered, alone = (asyncio.run(nats(tools)) for tools in ([ORDER, STOCK], []))
    assert offered < alone / 3


@pytest.mark.slow
def test_an_evaluation_scores_the_calls_of_a_trained_model_and_of_its_base(endpoint, place, tmp_path):
    items = [
        {"id": f"q{n}", "messages": ask(asked), "tools": [ORDER, STOCK], "calls": calling(*called)["tool_calls"]}
        for n, (asked, called) in enumerate(CALLS.items())
    ]
    decoding = {"model": "kettle", "base": str(place / "kettle"), "decoding": SHORT}
    arms = [Candidate("base", **decoding), Candidate("tuned", adapter=str(place / "run" / "adapter"), **decoding)]
    wanted = evaluation(place, tiny.jsonl(tmp_path / "items.jsonl", items), arms, metrics=["tool", "tool_call"])
    job = jobs.submit(tmp_path / "jobs", "evaluate", wanted, by="ada")
    assert waited(job) == jobs.DONE, jobs.log(job.folder)
    assert events.last(job.folder, "end")["failed"] == 0
    values = {
        (line["candidate"], metric): [one["scores"][metric]["value"] for one in evaluate.responses(job.folder)
                                      if one["candidate"] == line["candidate"]]
        for line in evaluate.responses(job.folder) for metric in ("tool", "tool_call")
    }  # fmt: skip
    assert values["tuned", "tool_call"] == values["tuned", "tool"] == [1.0, 1.0, 1.0]
    assert values["base", "tool_call"] == [0.0, 0.0, 0.0]
    assert candidates.adapter_name(place / "run" / "adapter") in client.models(endpoint)
