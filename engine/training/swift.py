"""Swift: the same layers in fewer steps of computation, for a CPU, where each step is a walk through memory.

Adapted linear layers, and the attention, norm and gate of Mistral and Llama, each with its way back written out. What
a layer computes stays the same, and so do the weights: the adapter is peft's own. Whatever is not plain LoRA on a
plain layer (dropout, DoRA, 4 bits, biases, a cache while answering) goes the ordinary way.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from peft.tuners.lora import Linear
from torch import Tensor, nn
from transformers.models.llama.modeling_llama import LlamaAttention, LlamaMLP, LlamaRMSNorm
from transformers.models.mistral.modeling_mistral import MistralAttention, MistralMLP, MistralRMSNorm


@contextmanager
def computing(model: nn.Module) -> Iterator[None]:
    """Within it the layers of a model on a CPU are computed swiftly, where they can be; the model stays as it is."""
    changed = [(layer, way) for layer in model.modules() if (way := _way(layer))]
    for layer, way in changed:
        layer.forward = way
    try:
        yield
    finally:
        for layer, _ in changed:
            del layer.forward


def _way(layer: nn.Module) -> Callable[..., Any] | None:
    """How a layer is computed swiftly; None if it cannot be."""
    if any(weight.device.type != "cpu" for weight in layer.parameters()):
        return None
    if isinstance(layer, Linear):
        return _adapted(layer) if _plain(layer) else None
    if isinstance(layer, MistralRMSNorm | LlamaRMSNorm):
        return None if layer.weight.requires_grad else lambda x: _Norm.apply(x, layer.weight, layer.variance_epsilon)
    if isinstance(layer, MistralMLP | LlamaMLP) and isinstance(layer.act_fn, nn.SiLU):
        both = _beside(layer.gate_proj, layer.up_proj)
        return lambda x: layer.down_proj(_Gate.apply(*both(x)))
    if isinstance(layer, MistralAttention | LlamaAttention):
        return _attending(layer) if not layer.attention_dropout else None
    return None


def _plain(layer: Linear) -> bool:
    """Whether it is a frozen linear layer without bias, beside it one LoRA and nothing else."""
    base, names = layer.base_layer, list(layer.lora_A)
    return (
        type(base) is nn.Linear
        and base.bias is None
        and not base.weight.requires_grad
        and len(names) == 1
        and layer.active_adapters == names
        and not layer.lora_variant
        and not layer.lora_bias[names[0]]
        and isinstance(layer.lora_dropout[names[0]], nn.Identity)
    )


def _adapted(layer: Any) -> Callable[..., Tensor]:
    ordinary, (name,) = layer.forward, layer.lora_A
    weight = layer.base_layer.weight
    a, b, scaling = layer.lora_A[name].weight, layer.lora_B[name].weight, layer.scaling[name]

    def forward(x: Tensor, *args: Any, **options: Any) -> Tensor:
        if layer.disable_adapters or layer.merged or args or options:
            return ordinary(x, *args, **options)
        return _LowRank.apply(x.to(weight.dtype), weight, a, b, scaling)

    return forward


def _beside(*layers: Any) -> Callable[[Tensor], Sequence[Tensor]]:
    """What several layers make of the same input: in one multiplication where all are adapted plainly and alike."""
    if not all(isinstance(layer, Linear) and _plain(layer) for layer in layers) or len(set(map(_scaling, layers))) > 1:
        return lambda x: [layer(x) for layer in layers]
    weight = torch.cat([layer.base_layer.weight for layer in layers])
    inner = [layer.lora_A[name].weight for layer in layers for name in layer.lora_A]
    outer = [layer.lora_B[name].weight for layer in layers for name in layer.lora_B]
    sizes, scaling = [len(b) for b in outer], _scaling(layers[0])

    def forward(x: Tensor) -> Sequence[Tensor]:
        if any(layer.disable_adapters or layer.merged for layer in layers):
            return [layer(x) for layer in layers]
        joint = _LowRank.apply(x.to(weight.dtype), weight, torch.cat(inner), torch.block_diag(*outer), scaling)
        return joint.split(sizes, -1)

    return forward


def _scaling(layer: Any) -> float:
    return float(layer.scaling[next(iter(layer.lora_A))])


def _attending(layer: Any) -> Callable[..., tuple[Tensor, Tensor | None]]:
    ordinary, parts = layer.forward, _beside(layer.q_proj, layer.k_proj, layer.v_proj)

    def forward(
        hidden_states: Tensor,
        position_embeddings: tuple[Tensor, Tensor],
        attention_mask: Tensor | None,
        past_key_values: Any = None,
        **options: Any,
    ) -> tuple[Tensor, Tensor | None]:
        if past_key_values is not None or attention_mask is None or not attention_mask.is_floating_point():
            return ordinary(hidden_states, position_embeddings, attention_mask, past_key_values, **options)
        shape = (*hidden_states.shape[:-1], -1, layer.head_dim)
        query, key, value = (part.view(shape).transpose(1, 2) for part in parts(hidden_states))
        cos, sin = (turn.unsqueeze(1).to(query.dtype) for turn in position_embeddings)
        query, key = _Turn.apply(query, cos, sin), _Turn.apply(key, cos, sin)
        seen = _Attention.apply(query, key, value, attention_mask, layer.scaling)
        return layer.o_proj(seen.transpose(1, 2).reshape(*hidden_states.shape[:-1], -1)), None

    return forward


class _LowRank(torch.autograd.Function):
    """x W' + s (x A') B', the sums taken within the multiplications. A and B are kept in float32."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, a: Tensor, b: Tensor, scaling: float) -> Tensor:
        flat, low_a, low_b = x.flatten(0, -2), a.to(x.dtype), b.to(x.dtype) * scaling
        low = flat @ low_a.t()
        ctx.save_for_backward(flat, weight, low_a, low_b, low)
        ctx.shape, ctx.scaling, ctx.kept = x.shape, scaling, a.dtype
        return (flat @ weight.t()).addmm_(low, low_b.t()).view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        flat, weight, a, b, low = ctx.saved_tensors
        grad = grads[0].flatten(0, -2)
        back = grad @ b
        to_x = (grad @ weight).addmm_(back, a).view(ctx.shape) if ctx.needs_input_grad[0] else None
        return to_x, None, (back.t() @ flat).to(ctx.kept), (grad.t() @ low).to(ctx.kept) * ctx.scaling, None


class _Norm(torch.autograd.Function):
    """x / sqrt(mean x^2 + eps) * weight, the mean in float32; the weight is frozen."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
        scale = length.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        unit = torch.mul(x, scale, out=torch.empty_like(x))  # rounded once, as it is written
        ctx.save_for_backward(unit, scale, weight)
        return unit * weight

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        unit, scale, weight = ctx.saved_tensors
        grad = grads[0] * weight
        along = (grad * unit).mean(-1, keepdim=True)
        return grad.addcmul_(unit, along, value=-1).mul_(scale), None, None


class _Gate(torch.autograd.Function):
    """silu(gate) * up; silu is computed again on the way back, which is cheaper than to keep it."""

    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor) -> Tensor:
        ctx.save_for_backward(gate, up)
        return F.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:
        gate, up = ctx.saved_tensors
        to_up = F.silu(gate).mul_(grads[0])
        return torch.ops.aten.silu_backward(grads[0] * up, gate), to_up


class _Turn(torch.autograd.Function):
    """Rotary positions (Su et al. 2021, https://arxiv.org/abs/2104.09864), in halves as transformers lays them out."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return _turned(x, cos, sin, 1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        cos, sin = ctx.saved_tensors
        return _turned(grads[0], cos, sin, -1), None, None


def _turned(x: Tensor, cos: Tensor, sin: Tensor, way: int) -> Tensor:
    """Each pair turned by its angle; `way` is 1 there and -1 back."""
    half = x.shape[-1] // 2
    out = x * cos
    out[..., :half].addcmul_(x[..., half:], sin[..., half:], value=-way)
    out[..., half:].addcmul_(x[..., :half], sin[..., :half], value=way)
    return out


class _Attention(torch.autograd.Function):
    """Softmax attention with an additive mask; the heads of a group are rows of one multiplication, keys not copied.

    query: rows x heads x length x size; key and value: rows x groups x length x size.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor, scaling: float) -> Tensor:
        rows, heads, length, size = query.shape
        groups = key.shape[1]
        each = heads // groups
        masks = (
            mask[:, :, None].expand(-1, groups if len(mask) > 1 else 1, each, -1, -1).reshape(-1, each * length, length)
        )
        q = query.reshape(rows * groups, each * length, size)
        k, v = (part.reshape(rows * groups, length, size) for part in (key, value))
        weights = torch.baddbmm(masks.to(q.dtype), q, k.transpose(1, 2), alpha=scaling).softmax(-1)
        ctx.save_for_backward(q, k, v, weights)
        ctx.scaling, ctx.shapes = scaling, (query.shape, key.shape)
        return torch.bmm(weights, v).view(query.shape)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, weights = ctx.saved_tensors
        queries, keys = ctx.shapes
        grad = grads[0].reshape(q.shape)
        to_v = torch.bmm(weights.transpose(1, 2), grad)
        to_weights = torch.bmm(grad, v.transpose(1, 2))
        scores = torch.ops.aten._softmax_backward_data(to_weights, weights, -1, weights.dtype).mul_(ctx.scaling)
        to_q, to_k = torch.bmm(scores, k), torch.bmm(scores.transpose(1, 2), q)
        return to_q.view(queries), to_k.view(keys), to_v.view(keys), None, None
