"""Shape: the starter's architecture, and attention heads that can copy from the first step on.

A small transformer takes most of its training to discover induction (find what followed the last time). Here four
heads of the first two layers are written by hand and everything else is drawn at random:

- layer 0: a head that looks one token back and one that looks two back. Each copies what the token is into a lane of
  the residual stream that the embeddings leave nearly empty.
- layer 1: a head that looks for an earlier place whose previous token is the current one, and copies what stands
  there; and one that asks that the token before agrees too.

After the induction heads of Elhage et al. (2021) and Olsson et al. (2022); training is free to change them.
"""

import math

import torch
from transformers import MistralConfig, MistralForCausalLM

HEAD = 64  # dimensions of a head; 32 pairs that rotate at 32 speeds
FAST = 12  # pairs that rotate fast enough to tell neighbours apart
SLOW = 14  # from this pair on they hardly rotate within a row, and carry content
THETA = 1e6
STREAM = (
    0.1  # size of an embedding's entries; Adam moves each by a learning rate a step, which small ones would not survive
)
GAIN = 0.08 / STREAM  # of the last norm: what is copied is said with confidence
QUIET = 0.2  # random outputs are this much smaller than usual
SHARPNESS = 5.0  # size of the hand-written queries and keys that look at distance
MATCHING = 3.0  # and of those that look at content
COPYING = 15 * STREAM  # size of what the induction heads write


def build(config: MistralConfig, seed: int) -> MistralForCausalLM:
    """A model with random weights and hand-written copying heads. Same seed, same weights."""
    torch.manual_seed(seed)
    model = MistralForCausalLM(config)
    with torch.no_grad():
        for layer in model.model.layers:  # quiet outputs, and none in the lanes: at first the stream is the embeddings
            for output in (layer.self_attn.o_proj.weight, layer.mlp.down_proj.weight):
                output *= QUIET
                output[config.hidden_size - 2 * HEAD :] = 0
        _embed(model)
        model.model.norm.weight.fill_(GAIN)
        content = _content(config.hidden_size)
        _look_back(model, content)
        _induce(model, content, head=0, tokens=1)
        _induce(model, content, head=config.num_attention_heads // 2, tokens=2)
    return model


def config(vocabulary: int, hidden: int, feed_forward: int, layers: int, heads: int, context: int) -> MistralConfig:
    """A Mistral configuration with tied embeddings and two key-value heads. `hidden` is at least 4 x 64."""
    return MistralConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=feed_forward,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=2,
        head_dim=HEAD,
        max_position_embeddings=context,
        rope_parameters={"rope_type": "default", "rope_theta": THETA},
        sliding_window=None,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=3,
        rms_norm_eps=1e-5,
    )


def _lane(number: int, hidden: int) -> slice:
    """Where the head that looks `number + 1` back writes: the last lane or the one before it."""
    return slice(hidden - (number + 1) * HEAD, hidden - number * HEAD)


def _embed(model: MistralForCausalLM) -> None:
    """Random embeddings, faint in the two lanes, with a constant first dimension that heads can hold on to."""
    table = model.model.embed_tokens.weight
    hidden = table.shape[1]
    torch.nn.init.normal_(table, std=STREAM)
    table[:, _lane(0, hidden)] *= 0.1
    table[:, _lane(1, hidden)] *= 0.1
    table[:, 0] = STREAM * math.sqrt(hidden) / 4


def _content(hidden: int) -> torch.Tensor:
    """An orthonormal map [64, hidden] that reads the part of an embedding that says which token it is."""
    readable = hidden - 2 * HEAD - 1
    columns = torch.linalg.qr(torch.randn(max(readable, HEAD), HEAD))[0]  # [readable, 64]
    found = torch.zeros(HEAD, hidden)
    found[:, 1 : 1 + readable] = columns[:readable].T
    return found


def _look_back(model: MistralForCausalLM, content: torch.Tensor) -> None:
    """Layer 0, query heads 0 and 1 (they share key-value head 0): look one and two tokens back."""
    attention = model.model.layers[0].self_attn
    hidden = model.config.hidden_size
    frequencies = _frequencies()[:FAST]
    attention.q_proj.weight[: 2 * HEAD] = 0
    attention.k_proj.weight[:HEAD] = 0
    attention.k_proj.weight[:FAST, 0] = SHARPNESS
    for lane, back in enumerate((1, 2)):
        rows = attention.q_proj.weight[lane * HEAD : (lane + 1) * HEAD]
        # a query turned back by `back` positions meets the keys of that distance head on
        rows[:FAST, 0] = SHARPNESS * torch.cos(back * frequencies)
        rows[HEAD // 2 : HEAD // 2 + FAST, 0] = -SHARPNESS * torch.sin(back * frequencies)
    attention.v_proj.weight[:HEAD] = content
    for lane in (0, 1):
        output = attention.o_proj.weight
        output[:, lane * HEAD : (lane + 1) * HEAD] = 0
        output[_lane(lane, hidden), lane * HEAD : (lane + 1) * HEAD] = STREAM * torch.eye(HEAD)


def _induce(model: MistralForCausalLM, content: torch.Tensor, head: int, tokens: int) -> None:
    """A head of layer 1, first of its key-value group: find what followed the last 1 or 2 `tokens` before, copy it."""
    attention = model.model.layers[1].self_attn
    hidden = model.config.hidden_size
    group = head * model.config.num_key_value_heads // model.config.num_attention_heads
    query, key = (attention.q_proj.weight[_rows(head)], attention.k_proj.weight[_rows(group)])
    slow = torch.cat([torch.arange(SLOW, HEAD // 2), torch.arange(HEAD // 2 + SLOW, HEAD)])
    current, before = slow[::tokens], slow[1::2] if tokens == 2 else slow[:0]
    query.zero_()
    key.zero_()
    query[current] = MATCHING * content[current]
    key[current, current + _lane(0, hidden).start] = MATCHING
    query[before, before + _lane(0, hidden).start] = MATCHING
    key[before, before + _lane(1, hidden).start] = MATCHING
    attention.v_proj.weight[_rows(group)] = content
    attention.o_proj.weight[:, _rows(head)] = COPYING * content.T


def _rows(head: int) -> slice:
    return slice(head * HEAD, (head + 1) * HEAD)


def _frequencies() -> torch.Tensor:
    """Radians that each of the 32 pairs turns per token."""
    return THETA ** (-torch.arange(HEAD // 2) / (HEAD // 2))
