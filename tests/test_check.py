"""A file is judged whole: each row valid or rejected with its line, counted as mistral_common counts."""

import json
import random
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from engine.checking import check, counting, tokens
from engine.checking.check import cost, sample
from engine.checking.tokens import Tokenizer
from engine.data import rows
from engine.data.conversations import Conversation, Unusable, parse
from engine.data.rows import Reject, Valid, read_line
from engine.problems import Problem
from engine.training.bases import template
from engine.training.material import batches
from studio.data import imports
from tests.patience import LONG

PAIR = [{"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "On its way."}]
CALL = {"id": "TX92Jm8Zi", "type": "function", "function": {"name": "find", "arguments": '{"a": 1}'}}
TOOL = {
    "type": "function",
    "function": {
        "name": "find",
        "description": "Find it",
        "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
    },
}
ASKED = [
    {"role": "system", "content": "Use the tools."},
    PAIR[0],
    {"role": "assistant", "tool_calls": [CALL]},
    {"role": "tool", "content": '{"found": "é"}', "tool_call_id": "TX92Jm8Zi"},
    PAIR[1],
]
LAST = [*ASKED, PAIR[0], {"role": "assistant", "tool_calls": [{**CALL, "id": "AAAAAAAA9"}]}]


@pytest.fixture(scope="module")
def families() -> dict[str, Tokenizer]:
    return {family: tokens.load(family) for family in tokens.FAMILIES}


def code(row: Any) -> str:
    try:
        parse(row)
    except Unusable as unusable:
        return unusable.code
    return ""


def tooled(**changed: Any) -> dict[str, Any]:
    """The row with tools, with something changed: `call`, `function`, `result`, `tool`, `definition` or a key of it."""
    call = {**CALL, **changed.pop("call", {})}
    call["function"] = {**CALL["function"], **changed.pop("function", {})}
    result = {**ASKED[3], **changed.pop("result", {})}
    definition = {**TOOL["function"], **changed.pop("definition", {})}
    messages = [*ASKED[:2], {"role": "assistant", "tool_calls": [call]}, result, PAIR[1]]
    return {"messages": messages, "tools": [{**TOOL, "function": definition}], **changed}


# --- the rules ---


def test_the_published_shapes_are_valid():
    assert code({"messages": PAIR}) == code({"messages": [*PAIR, *PAIR]}) == ""
    assert code({"messages": ASKED, "tools": [TOOL]}) == ""
    assert code({"messages": LAST, "tools": [TOOL]}) == "", "a last turn that calls a tool needs no result"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"call": {"id": "short"}}, "bad-id"),
        ({"call": {"id": "TX92Jm8Z_"}}, "bad-id"),
        ({"call": {"id": None}}, "bad-id"),
        ({"result": {"tool_call_id": "AAAAAAAAA"}}, "unmatched-id"),
        ({"result": {"tool_call_id": None}}, "bad-id"),
        ({"result": {"tool_calls": [CALL]}}, "stray-calls"),
        ({"result": {"name": "not a name"}}, "bad-name"),
        ({"function": {"name": "lose"}}, "undefined-tool"),
        ({"function": {"name": "no spaces"}}, "bad-name"),
        ({"function": {"arguments": {"a": 1}}}, "bad-arguments"),
        ({"function": {"arguments": "[1]"}}, "bad-arguments"),
        ({"function": {"extra": 1}}, "bad-call"),
        ({"call": {"type": "plugin"}}, "bad-call"),
        ({"tools": None}, "undefined-tool"),
        ({"tools": "find"}, "bad-tools"),
        ({"tools": [{"function": {"name": "find"}}]}, "bad-tools"),
        ({"definition": {"parameters": {"type": "objekt"}}}, "bad-tools"),
        ({"definition": {"name": ""}}, "bad-name"),
    ],
)
def test_a_broken_rule_of_tools_has_its_code(changed, why):
    assert code(tooled(**changed)) == why


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([*ASKED[:3], PAIR[1]], "no-turns"),
        ([*ASKED[:3], PAIR[0], PAIR[1]], "unanswered-call"),
        ([*ASKED[:4], PAIR[0], PAIR[1]], "unused-result"),
        ([*ASKED[:4], ASKED[3], PAIR[1]], "unmatched-id"),
        ([PAIR[0], ASKED[3], PAIR[1]], "stray-result"),
        ([PAIR[0], {**ASKED[2], "content": "I look."}, *ASKED[3:]], "content-and-calls"),
        ([PAIR[0], {"role": "assistant", "tool_calls": [CALL, CALL]}], "same-id"),
        ([PAIR[0], {"role": "assistant", "tool_calls": []}], "no-content"),
        ([PAIR[0], {**PAIR[1], "weight": 0.5}], "bad-weight"),
        ([PAIR[0], {**PAIR[1], "weight": True}], "bad-weight"),
        ([PAIR[0], {**PAIR[1], "weight": 0}], "nothing-learned"),
        ([{**PAIR[0], "weight": 1}, PAIR[1]], "unknown-message-key"),
        ([PAIR[0], {**PAIR[1], "prefix": True}], "unknown-message-key"),
        ([{"role": "user", "content": 7}, PAIR[1]], "bad-content"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}, PAIR[1]], "bad-content"),
        ([{"role": "user", "content": "\ud83d"}, PAIR[1]], "half-character"),
        ([{"role": ["user"], "content": "a"}, PAIR[1]], "bad-role"),
    ],
)
def test_a_broken_rule_of_messages_has_its_code(messages, why):
    assert code({"messages": messages, "tools": [TOOL]}) == why


def test_nulls_and_chunks_of_text_take_the_one_form():
    chunks = [{"type": "text", "text": "Where"}, {"type": "text", "text": "is it?"}]
    said = parse({"messages": [{"role": "user", "content": chunks}, {**PAIR[1], "tool_calls": None, "weight": 1.0}]})
    assert said.messages == [{"role": "user", "content": "Where\n\nis it?"}, {**PAIR[1], "weight": 1}]
    assert said.tools is None and said.id != parse({"messages": PAIR}).id


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"messages": [{"role": "user", "content": "a", "content": "b"}]}', "key-twice"),
        ('{"messages": [{"role": "user", "r\\u006fle": "user", "content": "b"}]}', "key-twice"),
        ('{"messages": [], "messages": []}', "key-twice"),
        ('{"messages": NaN}', "bad-number"),
        ('{"messages": ' + "9" * 5000 + "}", "bad-number"),
        ('{"messages": ' + "[" * 5000 + "]" * 5000 + "}", "broken-json"),
        ("[" * 100_000, "broken-json"),
        ('{"messages": 1} {"messages": 2}', "broken-json"),
        ('"\\ud800"', "not-an-object"),
        ("null", "not-an-object"),
    ],
)
def test_json_that_hides_something_is_rejected(line, why):
    found = read_line(3, line.encode())
    assert isinstance(found, Reject) and (found.line, found.code) == (3, why)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(["system", "user", "assistant", "tool", "USER"]), max_size=4),
    st.text(max_size=9) | st.sampled_from(['"', '\\"', "\\", " ", "\ud83d", "\u0022", '","content":"']),
    st.booleans(),
    st.sampled_from(["", ',"messages":[]', ',"tags":["a"]', ' , "x":1', '"', "}"]),
    st.sampled_from([("", ""), ('"role"', '"role":"user","role"'), ("content", "c\\u006fntent"), ("e", "\\u0022")]),
)
def test_the_short_way_through_a_line_ends_where_the_long_way_does(roles, text, escaped, more, changed):
    line = json.dumps({"messages": [{"role": role, "content": text} for role in roles]}, ensure_ascii=escaped)
    raw = f"{line.replace(*changed, 1)[:-1]}{more}}}".encode(errors="surrogatepass")
    quick = rows._texts(raw)
    try:
        slow = parse(rows._decoded(raw)).messages
    except Unusable:
        slow = None
    assert quick is None or quick == slow
    if slow is not None and not more and not changed[0]:
        assert quick == slow, "what is plain goes the short way"


def test_a_key_in_escapes_or_twice_is_seen_on_the_short_way_too():
    line = json.dumps({"messages": PAIR})
    assert rows._texts(line.encode()) == PAIR
    assert rows._texts(line.replace("role", "r\\u006fle").encode()) == PAIR, "another way to write the same key"
    assert rows._texts(line.replace('"role"', '"role": "user", "r\\u006fle"').encode()) is None
    assert rows._texts(line.replace("is it", "\\u0022").encode()) is None, "doubtful, so the long way decides"


# --- counts ---

WORDS = [
    *("Where is the lamp don't I'm CamelCase a_b_c ORDER-12345 3.50€ naïve e\u0301 ﬁ ① 日本語 Привет مرحبا 🙂".split()),
    *(
        "👩‍👩‍👧",
        "https://x.y/z?q=1#a",
        "!!!",
        "...",
        "—",
        "x" * 40,
        "[INST]",
        "[/INST]",
        "</s>",
        "<s>",
        "[REF]",
        "<0x0A>",
    ),
    *(
        "\n",
        "\n\n",
        " \n",
        "\r\n",
        "\t",
        " ",
        "  ",
        "\u00a0",
        "\u2003",
        "\x00",
        "\x1c",
        "\x85",
        "\ufeff",
        "\u200b",
        "▁",
        "▁▁a",
    ),
]


def some_text(chance: random.Random) -> str:
    while True:
        pieces = []
        for _ in range(chance.randint(1, 12)):
            pieces.append(chance.choice(WORDS) if chance.random() < 0.9 else chr(chance.randint(0, 0xD7FF)))
            pieces.append(chance.choice([" ", " ", " ", "", "  "]))
        if (text := "".join(pieces)).strip():
            return text


def some_conversation(chance: random.Random) -> Conversation:
    messages = [{"role": "system", "content": some_text(chance)}] if chance.random() < 0.4 else []
    for _ in range(chance.randint(1, 3)):
        weight = {"weight": chance.choice([0, 1])} if chance.random() < 0.3 else {}
        messages.append({"role": "user", "content": some_text(chance)})
        messages.append({"role": "assistant", "content": some_text(chance), **weight})
    messages[-1].pop("weight", None)
    return parse({"messages": messages})


def judged_by_mistral(tokenizer: Any, said: Conversation) -> tuple[int, int]:
    """Tokens by the library's one public call, and the trained ones message by message."""
    whole = tokenizer._tokenizer.encode_chat_completion(tokens._request(said)).tokens
    pieces = tokenizer._encoded(said)
    assert [id for ids, _ in pieces for id in ids] == whole
    return len(whole), sum(len(ids) for ids, on in pieces if on)


@pytest.mark.parametrize("family", tokens.FILES)
def test_the_short_way_counts_as_mistral_common_does(families, family):
    """1,000 rows in each of five families; all 5,000 of the full sweep are marked slow."""
    _sweep(families[family], 1000, seed=3)


@pytest.mark.slow
@pytest.mark.parametrize("family", tokens.FILES)
def test_the_short_way_counts_as_mistral_common_does_in_the_full_sweep(families, family):
    _sweep(families[family], 5000, seed=4)


def _sweep(tokenizer: Tokenizer, n: int, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(n):
        said = some_conversation(chance)
        found = tokenizer.count(said)
        assert (found.tokens, found.trained) == judged_by_mistral(tokenizer, said), said.messages


@pytest.mark.parametrize("family", ["v3", "tekken"])
@pytest.mark.parametrize("limit", ["MOST", "LONGEST"])
def test_words_that_cannot_be_remembered_are_counted_all_the_same(families, monkeypatch, family, limit):
    chance = random.Random(12)
    texts = [some_text(chance) for _ in range(200)]
    expected = [families[family]._counter.count(text) for text in texts]
    monkeypatch.setattr(counting, limit, 2)
    forgetful = tokens._counter(families[family]._instruct.tokenizer)
    assert [forgetful.count(text) for text in texts] == expected


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(min_size=1).filter(lambda text: bool(text.strip())), min_size=3, max_size=3))
def test_any_text_counts_as_mistral_common_does(families, texts):
    messages = [
        {"role": role, "content": text} for role, text in zip(("system", "user", "assistant"), texts, strict=True)
    ]
    said = parse({"messages": messages})
    for family in tokens.FILES:
        found = families[family].count(said)
        assert (found.tokens, found.trained) == judged_by_mistral(families[family], said)


@pytest.mark.parametrize("family", ["v3", "v7", "tekken"])
def test_rows_with_tools_are_counted_by_mistral_common_itself(families, family):
    for messages in (ASKED, LAST):
        said = parse({"messages": messages, "tools": [TOOL]})
        found = families[family].count(said)
        assert (found.tokens, found.trained) == judged_by_mistral(families[family], said)
        spans = families[family].spans(said)
        assert len(spans) == found.tokens and sum(on for _, on in spans) == found.trained


def test_a_row_that_a_family_cannot_take_is_a_problem_of_that_row(families):
    said = parse({"messages": ASKED, "tools": [TOOL]})
    with pytest.raises(Unusable, match="Tools not implemented") as found:
        families["v1"].count(said)
    assert found.value.code == "tokenizer"


def test_the_marked_tokens_are_what_the_assistant_says(families):
    messages = [*PAIR, PAIR[0], {"role": "assistant", "content": "Gone 🙂.", "weight": 0}]
    for family, tokenizer in families.items():
        spans = tokenizer.spans(parse({"messages": messages}))
        learned = "".join(text for text, on in spans if on)
        assert learned.replace("</s>", "").strip() == "On its way.", family
        assert "🙂" in "".join(text for text, _ in spans)


def test_the_starter_counts_as_training_reads(families):
    base = template.load(str(tokens.STARTER))
    row = batches.row({"messages": PAIR}, base, 1 << 20)
    found = families["starter"].count(parse({"messages": PAIR}))
    assert (found.tokens, found.trained) == (len(row.tokens), row.n_trained)


def test_a_tokenizer_that_is_not_there_is_told():
    with pytest.raises(Problem, match=r"There is no tokenizer 'v9'\. Choose one of v1, v2"):
        tokens.load("v9")


# --- files ---


def write(path: Path, *lines: Any) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def test_a_report_adds_up_and_says_what_a_cut_would_lose(tmp_path):
    long = [PAIR[0], {"role": "assistant", "content": "word " * 50}]
    path = write(tmp_path / "a.jsonl", {"messages": PAIR}, "", {"messages": long}, {"messages": PAIR[:1]}, "{")
    report = check.check(path, "v3", max_tokens=20)
    assert (report.rows, report.valid, report.rejected) == (4, 2, 2)
    assert [(found.line, found.code) for found in report.problems] == [(4, "no-assistant"), (5, "broken-json")]
    counts = [tokens.load("v3").count(parse({"messages": messages})) for messages in (PAIR, long)]
    assert report.tokens == sum(count.tokens for count in counts)
    assert report.trained_tokens == sum(count.trained for count in counts)
    assert (report.truncated, report.cut_tokens) == (1, counts[1].tokens - 20)
    assert sum(n for _, _, n in report.histogram) == 2


def test_several_processes_find_the_same_lines_as_one(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "ALONE", 0)
    chance = random.Random(8)
    lines = [
        chance.choice(["", "{", "7", {"messages": PAIR}, {"messages": PAIR[:1]}]) for _ in range(900)
    ]  # some 20 chunks
    path = write(tmp_path / "a.jsonl", *lines)
    cut = partial(rows.chunks, size=3000)
    monkeypatch.setattr(rows, "chunks", cut)
    one, two = check.check(path, workers=1), check.check(path, workers=2)
    assert one == two and one.rows == sum(line != "" for line in lines)
    assert [found.line for found in one.problems] == [
        n for n, line in enumerate(lines, 1) if line in ("{", "7", {"messages": PAIR[:1]})
    ]


def test_problems_beyond_the_cap_are_counted_and_told(tmp_path):
    told: list[int] = []
    path = write(tmp_path / "a.jsonl", *["{"] * 30)
    report = check.check(path, keep=10, told=lambda found: told.append(found.line))
    assert len(report.problems) == 10 and told == list(range(1, 31))
    assert report.rejected == report.kinds["broken-json"].count == 30


def test_a_sample_says_what_it_rests_on_and_holds_the_truth(tmp_path):
    chance = random.Random(5)
    answers = ("word " * chance.randint(20, 200) for _ in range(9000))
    path = write(
        tmp_path / "a.jsonl", *({"messages": [PAIR[0], {"role": "assistant", "content": one}]} for one in answers)
    )
    exact, found = check.check(path, "v3", workers=1), sample(path, "v3")
    assert not found.exact and found.tokens is not None and exact.tokens is not None
    assert str(found).startswith(f"estimated from {found.rows:,} of about ")
    assert found.tokens.low is not None and found.tokens.high is not None
    assert found.tokens.low < exact.tokens < found.tokens.high
    assert (found.tokens.high - found.tokens.low) / exact.tokens < 0.15
    small = sample(write(tmp_path / "b.jsonl", {"messages": PAIR}), "v3")
    assert small.exact and str(small) == "counted: all 1 rows"


def test_the_plan_follows_the_formula():
    """500 steps, one GPU, batches of 4, 2,048 tokens a row: about 4 million tokens, 8 at 2 a million."""
    plan = cost(1_000_000, batch_size=4, seq_len=2048, max_steps=500, rate=check.Rate(per_million=2.0))
    assert (plan.steps, plan.tokens) == (500, 4_096_000) and plan.price == pytest.approx(8.192)
    assert plan.epochs == pytest.approx(4.096)
    timed = cost(1_000_000, epochs=2, machines=2, rate=check.Rate(tokens_per_second=1000.0, per_hour=3.6))
    assert timed.steps == 62 and timed.seconds == pytest.approx(62 * 8 * 2048 / 1000)
    assert timed.price == pytest.approx((timed.seconds or 0) * 2 * 0.001)
    assert cost(1).seconds is None and cost(1).price is None


# --- as one types ---


def _typing(messages: list[dict[str, object]], family: str) -> None:
    from studio.ui import verdict

    repair = verdict.line(messages, None, family, limit=12)
    if repair is None:
        verdict.tokens(messages, family)


def under(messages: list[dict[str, Any]], family: str) -> str:
    app = AppTest.from_function(_typing, args=(messages, family), default_timeout=LONG).run()
    assert not app.exception
    return " ".join(str(one.value) for one in (*app.markdown, *app.caption))


def test_the_line_under_an_editor_says_what_is_wrong_first_or_how_long_it_is():
    assert "It can be learned from · 12 tokens, 5 of them learned · v3" in under(PAIR, "v3")
    assert "too long by" in under([PAIR[0], {"role": "assistant", "content": "word " * 20}], "v3")
    assert "Message 2 (assistant) has no text." in under([PAIR[0], {**PAIR[1], "content": ""}], "v3").replace("\\", "")
    late = under([*PAIR, PAIR[0]], "starter")
    assert "must be the assistant" in late and "It can be repaired." in late


# --- whatever comes ---


def spoilt_line(chance: random.Random, whole: bytes) -> bytes:
    """A valid line with something done to it, without a line end."""
    kind = chance.randrange(14)
    at = chance.randrange(len(whole))
    if kind == 0:
        return whole[:at] + bytes([chance.randrange(256)]) + whole[at + 1 :]
    if kind == 1:
        return whole[:at]
    if kind == 2:
        return whole[:at] + whole[at + chance.randint(1, 9) :]
    if kind == 3:
        return b"\xef\xbb\xbf" + whole
    if kind == 4:
        return whole + b"\r"
    if kind == 5:
        return whole[:at] + b"\x00" + whole[at:]
    if kind == 6:
        return whole.decode().encode("utf-16")
    if kind == 7:
        return whole.replace(b'"a"', chance.choice([b"9" * 5000, b"1e999", b"NaN", b"-Infinity", b"1" + b"0" * 40]))
    if kind == 8:
        return whole[:-1] + b',"messages":[]}'
    if kind == 9:
        return b'{"messages":' * chance.choice([3, 1100]) + whole
    if kind == 10:
        return whole.replace(b"On", chance.choice([b"\\ud800", b"\\udc00\\ud800", b"\\u0000", b"\xed\xa0\x80"]))
    if kind == 11:
        return chance.choice([b"", b"   ", b"\t", b"\x0b", b"[]", b"null", b"0", b'"x"', b"{}", b"\xff\xfe", b"\x85"])
    if kind == 12:
        return whole.replace(b'"user"', chance.choice([b"[[]]", b"null", b"{}", b'"USER"', b"7", b"true"]))
    return chance.randbytes(chance.randint(1, 60))


def test_ten_thousand_spoilt_rows_are_each_valid_or_rejected(tmp_path):
    chance = random.Random(1)
    wholes = [
        json.dumps(row, ensure_ascii=chance.random() < 0.5).encode()
        for row in (
            {"messages": PAIR, "tags": ["a"]},
            tooled(group="a"),
            {"messages": [*ASKED[:1], *PAIR], "split": "test"},
        )
    ]
    lines = [spoilt_line(chance, chance.choice(wholes)).replace(b"\n", b" ") for _ in range(10_000)]
    path = tmp_path / "spoilt.jsonl"
    path.write_bytes(json.dumps({"messages": PAIR}).encode() + b"\n" + b"\n".join(lines))
    found = list(imports.read(path))
    report = check.check(path, "v3", keep=None, workers=1)
    there = 1 + sum(not (line == b"" or line.isspace()) for line in lines)
    assert len(found) == there == report.rows == report.valid + report.rejected
    family = {problem.line for problem in report.problems if problem.code == "tokenizer"}
    assert [(one.line, one.code) for one in found if isinstance(one, Reject)] == [
        (problem.line, problem.code) for problem in report.problems if problem.line not in family
    ]
    assert 500 < report.valid < 5000
    for problem in report.problems:
        if problem.repair is not None:
            assert isinstance(read_line(1, problem.repair.encode()), Valid)
            problem.repair.encode()
        problem.message.encode()


def test_spoilt_files_end_in_a_report_or_a_sentence():
    chance = random.Random(2)
    whole = b"\n".join(json.dumps({"messages": PAIR}).encode() for _ in range(6))
    path = Path(__file__).parent / "no such file"
    with pytest.raises(Problem):
        check.check(path)
    for _ in range(300):
        data = chance.choice([whole, whole.decode().encode("utf-16"), b"\n" * 5 + whole, whole.replace(b"\n", b"\r\n")])
        for _ in range(chance.randint(0, 4)):
            at = chance.randrange(len(data) + 1)
            data = data[:at] + chance.randbytes(chance.randint(0, 3)) + data[at + chance.randint(0, 3) :]
        _judged_whole(data)


def _judged_whole(data: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        file.write(data)
        file.flush()
        try:
            report = check.check(Path(file.name))
        except Problem as problem:
            assert problem.what
            return
    bom = b"\xef\xbb\xbf"
    lines = data.removeprefix(bom).split(b"\n")
    assert report.valid + report.rejected == report.rows == sum(not (one == b"" or one.isspace()) for one in lines)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["user", "assistant"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["role", "content", "messages", "tools", "tool_calls", "id", "function", "weight", "type", "text"]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(json_values)
def test_any_value_is_a_conversation_or_unusable(value):
    for row in (value, {"messages": value}, {"messages": [value, *PAIR], "tools": value}):
        found = read_line(1, json.dumps(row).encode())
        assert isinstance(found, Valid | Reject)
        if isinstance(found, Reject) and found.repair is not None:
            assert isinstance(read_line(1, found.repair.encode()), Valid)
