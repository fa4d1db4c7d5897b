"""A base model small enough for a test: Mistral's shape, random weights, made anew in a second.

`MARKED_TEMPLATE` says by itself what an assistant writes; `BROKEN_TEMPLATE` cannot be cut into turns.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

SENTENCES = [
    "You are the friendly voice of Harbour & Finch, a small shop for kettles and cups.",
    "Where is my order? It was meant to arrive on Tuesday.",
    "Good news: your parcel left our workshop this morning and should be with you tomorrow.",
    "How long is the warranty of the copper kettle?",
    "The copper kettle has a warranty of 24 months, and repairs are free of charge.",
    "Can I return a cup that I do not like?",
    "Of course you can. Send it back within 30 days and we pay the postage.",
    "I don't have that information.",
]

TEMPLATE = """\
{{- bos_token }}
{%- set system = '' %}
{%- if messages[0].role == 'system' %}
  {%- set system = messages[0].content + '\\n\\n' %}
  {%- set messages = messages[1:] %}
{%- endif %}
{%- for message in messages %}
  {%- if message.role == 'user' %}
    {{- '[INST]' + (system if loop.first else '') + message.content + '[/INST]' }}
  {%- elif message.role == 'assistant' %}
    {{- message.content + eos_token }}
  {%- else %}
    {{- raise_exception('only user and assistant may follow') }}
  {%- endif %}
{%- endfor %}"""
MARKED_TEMPLATE = TEMPLATE.replace(
    "{{- message.content + eos_token }}",
    "{%- generation %}{{- message.content + eos_token }}{%- endgeneration %}",
)
# what comes first depends on what comes last: no prefix of such a conversation is a conversation
BROKEN_TEMPLATE = TEMPLATE.replace("{{- bos_token }}", "{{- bos_token + messages | length | string }}")


# as Mistral's third writes them, where an example calls one tool at a time or several
TOOLS_TEMPLATE = """\
{{- bos_token }}
{%- for message in messages %}
  {%- if message.role == 'user' %}
    {%- if loop.first and tools %}{{- '[AVAILABLE_TOOLS] ' + tools | tojson + '[/AVAILABLE_TOOLS]' }}{%- endif %}
    {{- '[INST]' + message.content + '[/INST]' }}
  {%- elif message.role == 'tool' %}
    {{- '[TOOL_RESULTS] ' + message.content + '[/TOOL_RESULTS]' }}
  {%- elif message.tool_calls is defined %}
    {{- '[TOOL_CALLS] [' }}
    {%- for call in message.tool_calls %}
      {{- (call.function | tojson) + (', ' if not loop.last else '') }}
    {%- endfor %}
    {{- ']' + eos_token }}
  {%- else %}
    {{- message.content + eos_token }}
  {%- endif %}
{%- endfor %}"""
TOOL_MARKS = ["[TOOL_CALLS]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]"]


def base(folder: Path, template: str = TEMPLATE, seed: int = 0, marks: Sequence[str] = ()) -> Path:
    """A loadable base model in `folder`: about 31,000 random weights and a byte-level BPE of at most 400 tokens.

    `marks` are further tokens with which its template steers it.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import MistralConfig, MistralForCausalLM, PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<unk>", "<s>", "</s>", "<pad>", "[INST]", "[/INST]", *marks]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(
        SENTENCES,
        trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        padding_side="left",
        extra_special_tokens=["[INST]", "[/INST]", *marks],
    )
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = MistralConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        sliding_window=None,
        initializer_range=0.2,  # so small a model learns nothing from the usual 0.02
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    MistralForCausalLM(config).save_pretrained(folder)
    return folder


def conversation(question: str, answer: str, system: str = "") -> dict:
    """One example with a single turn."""
    first = [{"role": "system", "content": system}] if system else []
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": first + turns}


def jsonl(path: Path, rows: Iterable[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
