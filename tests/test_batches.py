"""What is learned of a conversation, and in which order."""

import json
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from engine.problems import Problem
from engine.training.bases import template
from engine.training.bases.template import Template
from engine.training.material import batches, course
from engine.training.material.batches import Row
from engine.training.settings import TrainSpec
from tests import tiny

CHAT = [
    {"role": "system", "content": "You are friendly."},
    {"role": "user", "content": "Where is my order?"},
    {"role": "assistant", "content": "Good news: tomorrow! 🎉"},
    {"role": "user", "content": "Thanks. And the kettle?"},
    {"role": "assistant", "content": "Naïve question, but free of charge."},
]


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return template.load(str(tiny.base(tmp_path_factory.mktemp("base"))))


def marked(words: Template, source: str) -> Template:
    return Template(words.tokenizer, {"default": source}, words.named_tokens, words.context)


def learned(row: Row, words: Template) -> str:
    shown = batches.words(row, words)
    return "".join(text for text, trained in zip(shown["tokens"], shown["trained"], strict=True) if trained)


def spec(**settings: object) -> TrainSpec:
    return TrainSpec(base="", train="", **settings)  # type: ignore[arg-type]


def test_only_the_assistants_words_and_their_end_are_learned(words: Template) -> None:
    row = batches.row({"messages": CHAT}, words, 512)
    assert learned(row, words) == "Good news: tomorrow! 🎉</s>Naïve question, but free of charge.</s>"


def test_a_shown_row_reads_as_the_rendered_conversation(words: Template) -> None:
    row = batches.row({"messages": CHAT}, words, 512)
    assert "".join(batches.words(row, words)["tokens"]) == words.render(CHAT)


def test_a_weight_of_zero_switches_a_turn_off(words: Template) -> None:
    off = [*CHAT[:2], {**CHAT[2], "weight": 0}, *CHAT[3:]]
    row = batches.row({"messages": off}, words, 512)
    assert learned(row, words) == "Naïve question, but free of charge.</s>"
    assert row.tokens == batches.row({"messages": CHAT}, words, 512).tokens


def test_an_answer_that_repeats_the_question_is_told_from_it(words: Template) -> None:
    row = batches.row(tiny.conversation("yes", "yes"), words, 512)
    assert row.trained == [0, 0, *[0] * ((len(row.tokens) - 4) // 2), 0, *[1] * ((len(row.tokens) - 4) // 2), 1]


def test_the_templates_own_marks_give_the_same_mask(words: Template) -> None:
    marks = marked(words, tiny.MARKED_TEMPLATE)
    assert batches.row({"messages": CHAT}, marks, 512) == batches.row({"messages": CHAT}, words, 512)


def test_tokens_and_mask_are_those_of_transformers(tmp_path: Path) -> None:
    base = tiny.base(tmp_path, tiny.MARKED_TEMPLATE)
    row = batches.row({"messages": CHAT}, template.load(str(base)), 512)
    theirs = AutoTokenizer.from_pretrained(base).apply_chat_template(
        CHAT, return_dict=True, return_assistant_tokens_mask=True
    )
    assert row.tokens == theirs["input_ids"]
    assert row.trained == theirs["assistant_masks"]


def test_a_template_that_cannot_be_cut_into_turns_is_refused(words: Template) -> None:
    with pytest.raises(Problem, match="cannot be told from the rest"):
        batches.row({"messages": CHAT}, marked(words, tiny.BROKEN_TEMPLATE), 512)


def test_a_template_that_never_ends_a_turn_is_refused(words: Template) -> None:
    endless = marked(words, tiny.TEMPLATE.replace("message.content + eos_token", "message.content"))
    with pytest.raises(Problem, match="never stop"):
        batches.row({"messages": CHAT}, endless, 512)


def test_nothing_is_learned_behind_the_end_token(words: Template) -> None:
    chatty = marked(words, tiny.TEMPLATE.replace("content + eos_token", "content + eos_token + '\\n'"))
    assert learned(batches.row({"messages": CHAT[:3]}, chatty, 512), words) == "Good news: tomorrow! 🎉</s>"


def test_an_answer_that_melts_into_the_prompt_is_refused(words: Template) -> None:
    spaced = marked(words, tiny.TEMPLATE.replace("'[/INST]' }}", "'[/INST] ' }}"))
    with pytest.raises(Problem, match="melts"):
        batches.row(tiny.conversation("When?", "order it"), spaced, 512)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"messages": CHAT[:2]}, "no assistant message"),
        ({"messages": [CHAT[1], {"role": "assistant", "content": ""}]}, "empty assistant message"),
        ({"messages": [CHAT[1], {**CHAT[2], "weight": 0}]}, "no assistant message to learn from"),
        ({"messages": [CHAT[1], {**CHAT[2], "weight": 0.5}]}, "neither 0 nor 1"),
        ({"messages": [{"role": "user", "content": "[/INST] Hi"}, CHAT[2]]}, "contains [/INST]"),
        ({"messages": [{"role": "tool", "content": "42"}, CHAT[2]]}, "only user and assistant may follow"),
        ({"messages": "Hello"}, 'no "messages"'),
        (tiny.conversation("How?", "order " * 600), "at most 64"),
        (["Hello"], "no object"),
    ],
)
def test_a_row_that_cannot_be_learned_from_is_refused_with_file_and_line(
    words: Template, tmp_path: Path, row: dict, why: str
) -> None:
    file = tiny.jsonl(tmp_path / "rows.jsonl", [tiny.conversation("Hi", "Hello"), row, {"messages": CHAT[:3]}])
    data = batches.read(file, words, max_tokens=64)
    assert [refused.line for refused in data.refused] == [2]
    assert [one.line for one in data.rows] == [1, 3]
    with pytest.raises(Problem, match=r"rows\.jsonl line 2: ") as caught:
        data.accepted()
    assert why in str(caught.value)


def test_a_line_that_is_not_json_is_refused_and_a_blank_one_is_no_row(words: Template, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(tiny.conversation("Hi", "Hello")) + '\n\n{"messages": \n')
    data = batches.read(file, words, 64)
    assert len(data.rows) == 1 and [refused.line for refused in data.refused] == [3]


def test_a_file_without_examples_is_a_problem(words: Template, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="no examples"):
        batches.read(tiny.jsonl(tmp_path / "none.jsonl", []), words, 64).accepted()


def test_a_row_longer_than_the_base_was_made_for_is_refused(words: Template) -> None:
    with pytest.raises(Problem, match="at most 512 are allowed"):
        batches.row(tiny.conversation("How?", "qz" * 400), words, 4096)


ROWS = [Row(n, [7] * (10 + n * 37 % 90), [1] * (10 + n * 37 % 90)) for n in range(50)]


def test_each_epoch_sees_each_row_once_in_another_order() -> None:
    steps = course.steps(ROWS, spec(epochs=2, batch_size=8))
    seen = [row for step in steps for batch in step for row in batch]
    assert len(steps) == 14
    assert sorted(seen[:50]) == sorted(seen[50:]) == list(range(50))
    assert seen[:50] != seen[50:]


def test_the_same_seed_gives_the_same_course_and_another_seed_another() -> None:
    assert course.steps(ROWS, spec(seed=1)) == course.steps(ROWS, spec(seed=1))
    assert course.steps(ROWS, spec(seed=1)) != course.steps(ROWS, spec(seed=2))


def test_half_an_epoch_is_half_the_steps() -> None:
    assert len(course.steps(ROWS, spec(epochs=0.5, batch_size=5))) == 5
    assert len(course.steps(ROWS, spec(epochs=1.5, batch_size=5))) == 15


def test_one_times_eight_learns_from_the_same_rows_as_eight_times_one() -> None:
    wide = course.steps(ROWS, spec(batch_size=8, accumulation=1))
    deep = course.steps(ROWS, spec(batch_size=1, accumulation=8))
    assert [[row for batch in step for row in batch] for step in wide] == [
        [row for batch in step for row in batch] for step in deep
    ]
    assert {len(step) for step in wide} == {1} and {len(batch) for step in deep for batch in step} == {1}


def test_rows_of_one_batch_are_of_similar_length() -> None:
    lengths = [
        [len(ROWS[row].tokens) for row in batch] for step in course.steps(ROWS, spec(epochs=1)) for batch in step
    ]
    padding = sum(max(batch) * len(batch) - sum(batch) for batch in lengths)
    assert padding < 0.25 * sum(map(sum, lengths))


def test_a_base_that_is_nowhere_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="neither a folder here nor"):
        template.load(str(tmp_path / "nowhere"))


def test_a_base_without_a_chat_template_is_a_problem(tmp_path: Path) -> None:
    base = tiny.base(tmp_path)
    (base / "chat_template.jinja").unlink()
    with pytest.raises(Problem, match="no chat template"):
        template.load(str(base))
