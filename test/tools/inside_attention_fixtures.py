"""Writes test/fixtures/inside-attention: operators that do attention as a whole, and what PyTorch computes inside of them.

Run with: python test/tools/inside_attention_fixtures.py (needs torch, onnx and onnxruntime).
Each NAME.onnx is one operator below a module `attn`; cases.json has its inputs, the scores, the probabilities, the output,
and the output when the probabilities of head 0 are halved.
"""

import json
import math
import pathlib

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto as T
from onnx import helper as h

TARGET = pathlib.Path(__file__).resolve().parents[1] / 'fixtures/inside-attention'
B, S, H, D = 2, 4, 2, 16
W = H * D
LEAST = torch.finfo(torch.float32).min
generator = torch.Generator().manual_seed(0)


def random(*dims):
    return torch.randn(*dims, generator=generator)


def split(x, heads):
    """[batch, places, features] as [batch, heads, places, size]"""
    return x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def attention(q, k, v, bias=0.0, causal=False, scale=None, softcap=0.0, window=0):
    """What is inside: q, k and v are [batch, heads, places, size]."""
    times = q.shape[1] // k.shape[1]
    k, v = (one.repeat_interleave(times, 1) for one in (k, v))
    scores = q @ k.transpose(-1, -2) * (scale or 1 / math.sqrt(q.shape[-1]))
    if softcap:
        scores = softcap * torch.tanh(scores / softcap)
    if causal:
        past = k.shape[2] - q.shape[2]
        rows, columns = torch.arange(q.shape[2])[:, None] + past, torch.arange(k.shape[2])[None]
        seen = columns <= rows
        if window:
            seen = seen & (columns > rows - window)
        scores = torch.where(seen, scores, LEAST)
    scores = scores + bias
    probabilities = scores.softmax(-1)
    joined = lambda p: (p @ v).transpose(1, 2).flatten(2)
    halved = probabilities.clone()
    halved[:, 0] *= 0.5
    return dict(probabilities=probabilities, output=joined(probabilities), halved=joined(halved))


def rotated(x, cos, sin, first=0):
    c, s = (table[first : first + x.shape[2]] for table in (cos, sin))
    a, b = x.chunk(2, -1)
    return torch.cat([a * c - b * s, b * c + a * s], -1)


CASES = {}


def case(name, op, inputs, made, domain='com.microsoft', outputs=('output',), opset=21, constants=(), **attributes):
    """@param inputs the operator's, in its order: tensors by name, or '' for what is left out"""
    names = [one if isinstance(one, str) else one[0] for one in inputs]
    given = {one[0]: one[1] for one in inputs if not isinstance(one, str)}
    node = h.make_node(op, names, list(outputs), '/attn/' + op, domain=domain, **attributes)
    kinds = {torch.float32: T.FLOAT, torch.int64: T.INT64, torch.int32: T.INT32, torch.uint8: T.UINT8, torch.int8: T.INT8, torch.bool: T.BOOL}
    free = lambda key, one, i: size if (size := one.shape[i]) and one.dim() > 3 and i % 2 else 'batch' if i == 0 and key != 'past' else f'{key}_{i}'
    batched = lambda key, one: [free(key, one, i) for i in range(one.dim())]
    infos = [h.make_tensor_value_info(key, kinds[one.dtype], batched(key, one)) for key, one in given.items() if key not in constants]
    weights = [onnx.numpy_helper.from_array(given[key].numpy(), key) for key in constants]
    # A module behind it reads what it gives.
    last = h.make_node('Identity', ['output'], ['y'], '/Identity')
    graph = h.make_graph([node, last], name, infos, [h.make_tensor_value_info('y', T.FLOAT, None)], weights)
    sets = [h.make_opsetid('', opset), h.make_opsetid('com.microsoft', 1)]
    model = h.make_model(graph, opset_imports=sets, ir_version=10)
    onnx.save(model, TARGET / f'{name}.onnx')
    feeds = {key: one for key, one in given.items() if key not in constants}
    [fused] = ort.InferenceSession(str(TARGET / f'{name}.onnx'), providers=['CPUExecutionProvider']).run(None, {k: v.numpy() for k, v in feeds.items()})
    distance = float(np.abs(fused - made['output'].numpy()).max())
    assert distance < 2e-2 if op == 'QAttention' else distance < 1e-5, (name, distance)
    data = lambda one: {'dims': list(one.shape), 'dtype': str(one.dtype).removeprefix('torch.'), 'data': one.flatten().tolist()}
    CASES[name] = {
        'operator': op,
        'inputs': {key: data(one) for key, one in feeds.items()},
        'made': {key: data(one) for key, one in made.items()},
    }


def projected(x, weight, bias):
    return [split(one, H) for one in (x @ weight + bias).chunk(3, -1)]


def main():
    TARGET.mkdir(exist_ok=True)
    x, weight, bias = random(B, S, W), random(W, 3 * W) * 0.5, random(3 * W)
    q, k, v = projected(x, weight, bias)
    own = [('x', x), ('weight', weight), ('bias', bias)]
    held = ['weight', 'bias']
    mask = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1]], dtype=torch.int32)
    off = (1 - mask[:, None, None].float()) * -10000
    case('attention', 'Attention', own, attention(q, k, v), constants=held, num_heads=H)
    case('attention-causal', 'Attention', own, attention(q, k, v, causal=True), constants=held, num_heads=H, unidirectional=1)
    case('attention-mask', 'Attention', [*own, ('mask', mask)], attention(q, k, v, off), constants=held, num_heads=H)
    lengths = mask.sum(1).int()
    case('attention-lengths', 'Attention', [*own, ('lengths', lengths)], attention(q, k, v, off), constants=held, num_heads=H)
    past = random(2, B, H, 3, D)
    pk, pv = (torch.cat([before, new], 2) for before, new in zip(past, (k, v)))
    case('attention-past', 'Attention', [*own, '', ('past', past)], attention(q, pk, pv, causal=True), outputs=['output', 'present'], constants=held, num_heads=H, unidirectional=1)
    added = random(B, H, S, S)
    case('attention-bias', 'Attention', [*own, '', '', ('added', added)], attention(q, k, v, added, scale=0.3), constants=held, num_heads=H, scale=0.3)

    # Codes of seven bits: processors without instructions for eight cut off larger sums.
    codes, levels = torch.randint(0, 127, (B, S, W), dtype=torch.uint8, generator=generator), torch.randint(-127, 127, (W, 3 * W), dtype=torch.int8, generator=generator)
    sx, sw, zx, zw = torch.tensor(0.02), torch.tensor(0.01), torch.tensor(64, dtype=torch.uint8), torch.tensor(0, dtype=torch.int8)
    real = projected((codes.float() - 64) * sx, levels.float() * sw, bias)
    quantized = [('codes', codes), ('levels', levels), ('bias', bias), ('sx', sx), ('sw', sw), ('mask', mask), ('zx', zx), ('zw', zw)]
    case('qattention', 'QAttention', quantized, attention(*real, off), constants=['levels', 'bias', 'sx', 'sw', 'zx', 'zw'], num_heads=H)

    flat = {name: random(B, S, W) for name in 'qkv'}
    heads = [split(one, H) for one in flat.values()]
    apart = list(flat.items())
    case('multi-head', 'MultiHeadAttention', apart, attention(*heads), num_heads=H)
    shifted = [split(one + part, H) for one, part in zip(flat.values(), bias.chunk(3))]
    case('multi-head-bias', 'MultiHeadAttention', [*apart, ('bias', bias), ('mask', mask)], attention(*shifted, off), constants=['bias'], num_heads=H)
    before = random(B, H, 3, D), random(B, H, 3, D)
    joined = [torch.cat(pair, 2) for pair in zip(before, heads[1:])]
    case(
        'multi-head-past', 'MultiHeadAttention', [*apart, '', '', '', ('pk', before[0]), ('pv', before[1])],
        attention(heads[0], *joined, causal=True), outputs=['output', 'present_k', 'present_v'], num_heads=H, unidirectional=1,
    )  # fmt: skip
    other = random(B, 6, W)
    case('multi-head-cross', 'MultiHeadAttention', [('q', flat['q']), ('k', other), ('v', other)], attention(heads[0], split(other, H), split(other, H)), num_heads=H)

    few = random(B, S, D), random(B, S, D)
    grouped = [heads[0], *(split(one, 1) for one in few)]
    total = torch.tensor(S, dtype=torch.int32)
    full = torch.full((B,), S - 1, dtype=torch.int32)
    given = [('q', flat['q']), ('k', few[0]), ('v', few[1]), '', '', ('ends', full), ('total', total)]
    both = dict(num_heads=H, kv_num_heads=1)
    made3 = ['output', 'present_k', 'present_v']
    case('grouped', 'GroupQueryAttention', given, attention(*grouped, causal=True), outputs=made3, **both)
    case('grouped-window', 'GroupQueryAttention', given, attention(*grouped, causal=True, window=2), outputs=made3, **both, local_window_size=2)
    case('grouped-softcap', 'GroupQueryAttention', given, attention(*grouped, causal=True, softcap=1.5), outputs=made3, **both, softcap=1.5)
    angles = torch.arange(16)[:, None] * 0.5 ** torch.arange(D // 2)
    cos, sin = angles.cos(), angles.sin()
    pk, pv = random(B, 1, 3, D), random(B, 1, 3, D)
    turned = [rotated(grouped[0], cos, sin, 3), torch.cat([pk, rotated(grouped[1], cos, sin, 3)], 2), torch.cat([pv, grouped[2]], 2)]
    whole = torch.cat([flat['q'], *few], -1)
    # ONNX Runtime goes on with several tokens for one row at a time.
    case(
        'grouped-rotary-past', 'GroupQueryAttention',
        [('qkv', whole[:1]), '', '', ('pk', pk[:1]), ('pv', pv[:1]), ('ends', full[:1] + 3), ('total', total + 3), ('cos', cos), ('sin', sin)],
        attention(*(one[:1] for one in turned), causal=True), outputs=made3, constants=['cos', 'sin'], **both, do_rotary=1,
    )  # fmt: skip

    four = [('q', heads[0].contiguous()), ('k', grouped[1].contiguous()), ('v', grouped[2].contiguous())]
    standard = attention(heads[0], grouped[1], grouped[2], causal=True)
    of_heads = {key: one.view(B, S, H, D).transpose(1, 2).contiguous() if key in ('output', 'halved') else one for key, one in standard.items()}
    case('standard', 'Attention', four, of_heads, domain='', opset=23, is_causal=1)
    truths = mask.bool()[:, None, None].expand(B, 1, S, S).contiguous()
    bools = attention(heads[0], heads[1], heads[2], torch.where(truths, 0.0, LEAST))
    case('standard-mask', 'Attention', [*apart, ('truths', truths)], bools, domain='', opset=23, q_num_heads=H, kv_num_heads=H)
    (TARGET / 'cases.json').write_text(json.dumps(CASES, separators=(',', ':')) + '\n')


main()
