"""Writes test/fixtures/functions.json: what PyTorch gives for functions that are composed of several operations.

Run with: python test/tools/functions_fixtures.py (needs torch).
A tensor is {"dtype", "dims", "data"}; everything else in a case is as the TypeScript call takes it.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F

NAMES = {
    torch.float16: 'float16', torch.float32: 'float32', torch.float64: 'float64', torch.int32: 'int32',
    torch.int64: 'int64', torch.uint8: 'uint8', torch.bool: 'bool', torch.int8: 'int8', torch.int16: 'int16',
}
cases = []


def number(value):
    if isinstance(value, float) and not math.isfinite(value):
        return 'nan' if math.isnan(value) else ('inf' if value > 0 else '-inf')
    return value


def encode(value):
    if isinstance(value, torch.Tensor):
        data = value.detach().flatten()
        # A float32 is printed with the digits that tell it from its neighbours: enough to read it back.
        data = data.double().tolist() if value.dtype.is_floating_point else data.tolist()
        return {'dtype': NAMES[value.dtype], 'dims': list(value.shape), 'data': [number(float(f'{x:.9g}') if isinstance(x, float) else x) for x in data]}
    if isinstance(value, (list, tuple)):
        return [encode(entry) for entry in value]
    if isinstance(value, dict):
        return {key: encode(entry) for key, entry in value.items()}
    return number(value)


def case(fn, args, expected):
    if hasattr(expected, '_fields') or type(expected).__module__ == 'torch.return_types':
        expected = {'values': expected.values, 'indices': expected.indices}
    cases.append({'fn': fn, 'args': encode(args), 'expected': encode(expected)})


def fails(fn, args, message):
    cases.append({'fn': fn, 'args': encode(args), 'error': message})


g = torch.Generator().manual_seed(0)


def rand(*dims, dtype=torch.float32):
    return torch.randn(*dims, generator=g).to(dtype)


def ints(*dims, low=-5, high=6, dtype=torch.int64):
    return torch.randint(low, high, dims, generator=g).to(dtype)


x = rand(2, 3, 4)
y = rand(3, 4)
h = rand(2, 5, dtype=torch.float16)
big = torch.tensor([[300.0, -400.0, 100.0]], dtype=torch.float16)
i = ints(2, 3)
b = torch.tensor([[True, False, True], [False, False, True]])
special = torch.tensor([0.5, -1.5, 2.5, 0.0, -0.0, float('inf'), float('-inf'), float('nan')])

# --- number operands are weak
for name, op in [('add', torch.add), ('sub', torch.sub), ('mul', torch.mul), ('div', torch.div), ('pow', torch.pow), ('remainder', torch.remainder)]:
    for tensor in (y, h, i, ints(4, dtype=torch.int32), rand(3, dtype=torch.float64)):
        for value in (2, 0.5):
            if name == 'pow' and tensor.dtype.is_floating_point and value == 0.5:
                tensor = tensor.abs()
            case(name, [tensor, value], op(tensor, value))
    if name not in ('pow', 'remainder'):
        case(name, [3, y], op(torch.tensor(3), y))
        case(name, [x, y], op(x, y))
case('pow', [2, y], 2 ** y)
case('sub', [0.5, i], 0.5 - i)
case('add', [b, 2], b + 2)
case('mul', [b, 0.5], b * 0.5)
case('mul', [y, True], y * True)
case('add', [h, [1, 2, 3, 4, 5]], h + torch.tensor([1.0, 2, 3, 4, 5], dtype=torch.float16))
case('add', [i, [0.5, 1, 2]], i + torch.tensor([0.5, 1, 2]))
case('eq', [i, 2], i == 2)
case('gt', [i, 0.5], i > 0.5)
case('lt', [0, y], 0 < y)
case('ne', [b, True], b != True)  # noqa: E712
case('ge', [y, y[:1]], y >= y[:1])
case('le', [x, y], x <= y)
case('maximum', [y, 0], y.clamp(min=0))
case('minimum', [i, 1], i.clamp(max=1))
case('logicalAnd', [i, b], torch.logical_and(i, b))
case('logicalOr', [i, b], torch.logical_or(i, b))
case('logicalXor', [i, b], torch.logical_xor(i, b))
case('logicalNot', [i], torch.logical_not(i))
n = torch.tensor([7, -7, 7, -7, 0])
d = torch.tensor([2, 2, -2, -2, 3])
for mode in ('floor', 'trunc'):
    case('div', [n, d, {'roundingMode': mode}], torch.div(n, d, rounding_mode=mode))
    case('div', [y, 0.3, {'roundingMode': mode}], torch.div(y, 0.3, rounding_mode=mode))
    case('div', [n, 2, {'roundingMode': mode}], torch.div(n, 2, rounding_mode=mode))
case('floorDivide', [n, d], torch.floor_divide(n, d))
case('fmod', [n, d], torch.fmod(n, d))
case('fmod', [y, 0.3], torch.fmod(y, 0.3))
case('fmod', [y, -y.flip(0)], torch.fmod(y, -y.flip(0)))
far = torch.tensor([float('inf'), float('-inf'), float('nan'), 5.5, -5.5])
case('fmod', [far, 2.5], torch.fmod(far, 2.5))
case('fmod', [far, float('inf')], torch.fmod(far, float('inf')))
small = torch.tensor([1e-8, -1e-8, 1e-30, 0.0, 1e-4, -0.5, 3e38, float('inf'), float('nan'), 20.0, -120.0])
case('expm1', [small], torch.expm1(small))
case('log1p', [small], torch.log1p(small))
case('log1p', [torch.tensor([-1.0, -2.0])], torch.log1p(torch.tensor([-1.0, -2.0])))
whole = torch.tensor([1.0, 10.0, 1000.0, 1e6, 2.0, 8.0, 1024.0])
case('log10', [whole], torch.log10(whole))
case('log2', [whole], torch.log2(whole))
case('lerp', [y, y * 2, 0.25], torch.lerp(y, y * 2, 0.25))
fails('pow', [i, -1], 'Integers to negative integer powers are not allowed.')
case('clamp', [y, -0.5, 0.5], y.clamp(-0.5, 0.5))
case('clamp', [y, {'min': 0}], y.clamp(min=0))
case('clamp', [y, None, 0.25], y.clamp(max=0.25))
case('clamp', [i, -2, 2], i.clamp(-2, 2))
case('clamp', [i, -1.5, 1.5], i.clamp(-1.5, 1.5))
case('clamp', [y, y - 0.1, y + 0.1], y.clamp(y - 0.1, y + 0.1))
case('clamp', [special, -1, 1], special.clamp(-1, 1))
fails('clamp', [y], "At least one of 'min' or 'max' must not be None")
case('where', [b, i, 0], torch.where(b, i, 0))
case('where', [b, 1, 0.5], torch.where(b, 1, 0.5))
case('where', [y > 0, y, 0], torch.where(y > 0, y, 0))
case('where', [x > 0, y, x], torch.where(x > 0, y, x))
case('maskedFill', [i, b, 7], i.masked_fill(b, 7))
case('maskedFill', [x, y > 0, float('-inf')], x.masked_fill(y > 0, float('-inf')))
case('maskedFill', [h, h > 0, 2], h.masked_fill(h > 0, 2))

# --- pointwise
pos = y.abs() + 0.1
for name, op, arg in [
    ('rsqrt', torch.rsqrt, pos), ('square', torch.square, y), ('square', torch.square, i), ('expm1', torch.expm1, y),
    ('log2', torch.log2, pos), ('log10', torch.log10, pos), ('log1p', torch.log1p, pos), ('silu', F.silu, y),
    ('softplus', F.softplus, y * 20), ('trunc', torch.trunc, special), ('trunc', torch.trunc, y * 3),
    ('reciprocal', torch.reciprocal, d.float()), ('reciprocal', torch.reciprocal, d), ('isinf', torch.isinf, special), ('isnan', torch.isnan, special),
    ('sqrt', torch.sqrt, i.abs()), ('exp', torch.exp, i), ('sigmoid', torch.sigmoid, i), ('tanh', torch.tanh, h),
    ('round', torch.round, special), ('gelu', F.gelu, y), ('gelu', F.gelu, h), ('sign', torch.sign, i), ('abs', torch.abs, i), ('neg', torch.neg, i),
    ('silu', F.silu, h), ('sin', torch.sin, y), ('cos', torch.cos, y), ('tan', torch.tan, y), ('erf', torch.erf, y), ('relu', F.relu, i),
    ('floor', torch.floor, y), ('ceil', torch.ceil, y), ('log', torch.log, i.abs() + 1), ('isinf', torch.isinf, h), ('logicalNot', torch.logical_not, y),
]:
    case(name, [arg], op(arg))
case('gelu', [y, {'approximate': 'tanh'}], F.gelu(y, approximate='tanh'))
case('round', [y, 2], torch.round(y, decimals=2))
case('round', [y * 1000, -2], torch.round(y * 1000, decimals=-2))

# --- reductions
for dims in (None, 0, -1, [0, 2], [-2], []):
    dim = tuple(dims) if isinstance(dims, list) else dims
    for keepdim in (False, True):
        every = tuple(range(3)) if dim is None or dim == () else dim
        args = [x, dims, keepdim]
        case('sum', args, x.sum(every, keepdim))
        case('mean', args, x.mean(every, keepdim))
        case('amax', args, x.amax(every, keepdim))
        case('amin', args, x.amin(every, keepdim))
        case('var', [x, dims, {'keepdim': keepdim}], x.var(every, keepdim=keepdim))
        case('std', [x, dims, {'keepdim': keepdim}], x.std(every, keepdim=keepdim))
        case('norm', [x, 2, dims, keepdim], torch.linalg.vector_norm(x, 2, every, keepdim))
case('sum', [i], i.sum())
small = ints(2, 3, dtype=torch.int32)
case('sum', [small, 0], small.sum(0))
case('sum', [b, 1], b.sum(1))
case('sum', [i, 0, {'dtype': 'float32'}], i.sum(0, dtype=torch.float32))
case('sum', [i, None, {'dtype': 'float64', 'keepdim': True}], i.sum((0, 1), keepdim=True, dtype=torch.float64))
case('prod', [small, 1], small.prod(1))
case('prod', [y, -1], y.prod(-1))
case('mean', [i, 1, {'dtype': 'float32'}], i.mean(1, dtype=torch.float32))
case('mean', [h, -1], h.mean(-1))
fails('mean', [i], 'mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype')
case('var', [x, -1, {'correction': 0}], x.var(-1, correction=0))
case('var', [x, [0, 1], {'correction': 2, 'keepdim': True}], x.var((0, 1), correction=2, keepdim=True))
case('var', [y[:, :1], 1, {'correction': 0}], y[:, :1].var(1, correction=0))
case('var', [y[:, :1], 1], y[:, :1].var(1))
case('var', [big], big.var())
case('std', [h, -1], h.std(-1))
case('norm', [big], big.norm())
for p in (1, 0, 3, 0.5, float('inf'), float('-inf')):
    case('norm', [y, p, -1], torch.norm(y, p, -1))
    case('norm', [y, p], torch.norm(y, p))
case('norm', [y, 'fro', 1, {'keepdim': True}], torch.norm(y, 'fro', 1, True))
fails('norm', [y, -1, {'p': 1}], 'norm: the order comes first, as in PyTorch')
fails('norm', [y, 'nuc'], 'norm: the order is')
case('logsumexp', [x, -1], x.logsumexp(-1))
case('logsumexp', [x * 100, [0, 1], True], (x * 100).logsumexp((0, 1), True))
inf = torch.tensor([[float('-inf'), float('-inf')], [1.0, float('-inf')], [float('inf'), 1.0]])
case('logsumexp', [inf, 1], inf.logsumexp(1))
case('all', [i], i.all())
case('all', [b, 0, True], b.all(0, True))
case('any', [b, 1], b.any(1))
case('any', [y - y, None], (y - y).any())
case('countNonzero', [i], torch.count_nonzero(i))
# Arguments by position and by name, as PyTorch takes both.
for unbiased in (False, True):
    case('var', [x, -1, unbiased], x.var(-1, unbiased))
    case('std', [x, -1, unbiased, True], x.std(-1, unbiased, True))
    case('var', [x, unbiased], x.var(unbiased))
    case('std', [x, [0, 2], unbiased], x.std((0, 2), unbiased))
case('var', [x, {'dim': -1, 'correction': 0, 'keepdim': True}], x.var(dim=-1, correction=0, keepdim=True))
case('mean', [x, {'dim': -1}], x.mean(dim=-1))
case('mean', [x, {'dim': [0, 2], 'keepdim': True}], x.mean(dim=(0, 2), keepdim=True))
case('sum', [i, {'dim': 0, 'dtype': 'float32'}], i.sum(dim=0, dtype=torch.float32))
case('prod', [y, {'dim': -1}], y.prod(dim=-1))
case('norm', [y, 1], y.norm(1))
case('norm', [y, 2, -1], y.norm(2, -1))
case('norm', [y, {'p': 1, 'dim': -1, 'keepdim': True}], y.norm(p=1, dim=-1, keepdim=True))
case('amax', [x, {'dim': 0}], x.amax(dim=0))
case('argmax', [x, {'dim': -1, 'keepdim': True}], x.argmax(dim=-1, keepdim=True))
case('argmin', [x, {'dim': 1}], x.argmin(dim=1))
case('all', [b, {'dim': 0}], b.all(dim=0))
case('any', [b, {'dim': 0, 'keepdim': True}], b.any(dim=0, keepdim=True))
case('logsumexp', [x, {'dim': -1}], x.logsumexp(dim=-1))
case('softmax', [x, {'dim': -1}], x.softmax(dim=-1))
case('softmax', [i, -1, 'float64'], i.softmax(-1, torch.float64))
case('cumsum', [x, {'dim': 1}], x.cumsum(dim=1))
case('gelu', [y, 'tanh'], F.gelu(y, approximate='tanh'))
case('gelu', [y, 'none'], F.gelu(y))
fails('mean', [x, -1, {'keepDim': True}], "mean has no option 'keepDim'; did you mean keepdim?")
fails('mean', [x, {'din': -1}], "mean has no option 'din'; did you mean dim?")
fails('mean', [x, -1, 1], 'mean: keepdim is 1. It is one of true or false')
fails('mean', [x, 'all'], 'mean: dim is "all"')
fails('sum', [x, -1, {'dtype': 'float'}], 'sum: dtype is "float". It is one of')
fails('var', [x, -1, {'unbiased': False}], "var has no option 'unbiased'. There are correction, keepdim")
fails('argmax', [x, -1, {'keepdims': True}], "argmax has no option 'keepdims'; did you mean keepdim?")
fails('softmax', [x, -1, {'dtyp': 'float32'}], "softmax has no option 'dtyp'; did you mean dtype?")
fails('topk', [x, 1, -1, {'largst': False}], "topk has no option 'largst'; did you mean largest?")
fails('sort', [x, -1, {'descend': True}], "sort has no option 'descend'")
fails('gelu', [y, 'tan'], 'gelu: approximate is "tan". It is one of "none", "tanh"')
fails('gelu', [y, {'approx': 'tanh'}], "gelu has no option 'approx'")
fails('normalize', [y, -1, {'epsilon': 1}], "normalize has no option 'epsilon'")
fails('clamp', [y, {'minimum': 0}], "clamp has no option 'minimum'")
fails('div', [y, y, {'rounding_mode': 'floor'}], "div has no option 'rounding_mode'")
fails('div', [y, y, {'roundingMode': 'down'}], 'div: roundingMode is "down"')
case('countNonzero', [b, 0], torch.count_nonzero(b, 0))
ties = torch.tensor([[3, 1, 3], [2, 2, 1]])
case('argmax', [ties], ties.argmax())
case('argmax', [ties, 1], torch.tensor([0, 0]))
case('argmin', [ties, -1, True], torch.tensor([[1], [2]]))
case('max', [x], x.max())
case('max', [x, -1], x.max(-1))
case('max', [x, 1, True], x.max(1, True))
case('max', [x, y], torch.max(x, y))
case('min', [i], i.min())
case('min', [x, 0], x.min(0))
case('min', [x, y], torch.min(x, y))

# --- along a dimension
for arg in (x, h):
    case('softmax', [arg, -1], arg.softmax(-1))
    case('logSoftmax', [arg, 0], arg.log_softmax(0))
case('softmax', [i, 1, {'dtype': 'float32'}], i.softmax(1, dtype=torch.float32))
case('cumsum', [b, 1], b.cumsum(1))
case('cumsum', [small, 0], small.cumsum(0))
case('cumsum', [x, -2], x.cumsum(-2))
case('topk', [y, 2], y.topk(2))
case('topk', [y, 2, 0, False], y.topk(2, 0, False))
case('sort', [y], y.sort())
case('median', [y], y.median())
case('median', [y, 0], y.median(0))
case('median', [x, -1, True], x.median(-1, True))
case('median', [special], special.median())
case('median', [i], i.median())
case('quantile', [y, 0.3], y.quantile(0.3))
case('quantile', [y, [0.1, 0.5, 1.0]], y.quantile(torch.tensor([0.1, 0.5, 1.0])))
case('quantile', [x, 0.25, 1], x.quantile(0.25, 1))
case('quantile', [x, [0.25, 0.9], 1, True], x.quantile(torch.tensor([0.25, 0.9]), 1, True))
case('quantile', [x, 0.4, None, True], x.quantile(0.4, None, True))
case('quantile', [special, 0.5], special.quantile(0.5))
for how in ['lower', 'higher', 'midpoint', 'nearest']:
    case('quantile', [x, 0.3, -1, {'interpolation': how}], x.quantile(0.3, -1, interpolation=how))
fails('quantile', [i, 0.5], 'quantile() input tensor must be either float or double dtype')
case('diagonal', [y], y.diagonal())
case('diagonal', [y, 1], y.diagonal(1))
case('diagonal', [y, -2], y.diagonal(-2))
case('diagonal', [y, 4], y.diagonal(4))
case('diagonal', [x, 0, -2, -1], x.diagonal(0, -2, -1))
case('diagonal', [x, -1, 2, 0], x.diagonal(-1, 2, 0))
fails('diagonal', [y, 0, 1, -1], 'diagonal dimensions cannot be identical 1, -1')
case('sort', [y, 0, True], y.sort(0, True))
case('argsort', [y, -1, True], y.argsort(-1, True))
case('flip', [x, [0, -1]], x.flip((0, -1)))
case('flip', [y, 1], y.flip(1))
case('normalize', [y], F.normalize(y))
case('normalize', [x, -1, {'p': 1}], F.normalize(x, p=1, dim=-1))
case('normalize', [torch.zeros(2, 3)], F.normalize(torch.zeros(2, 3)))
case('cosineSimilarity', [x, x.flip(0)], F.cosine_similarity(x, x.flip(0)))
case('cosineSimilarity', [x, y, -1], F.cosine_similarity(x, y, -1))
case('cosineSimilarity', [y, y[0], -1, 1e-6], F.cosine_similarity(y, y[0], -1, 1e-6))
case('cosineSimilarity', [h, h * 2, -1], F.cosine_similarity(h, h * 2, -1))
case('layerNorm', [x, [4]], F.layer_norm(x, [4]))
case('layerNorm', [x, [3, 4], y, y + 1], F.layer_norm(x, [3, 4], y, y + 1))
case('layerNorm', [x, 4, y[0], None, 0.1], F.layer_norm(x, [4], y[0], None, 0.1))
case('layerNorm', [h, [5]], F.layer_norm(h, [5]))
fails('layerNorm', [x, [3]], 'Given normalized_shape=[3], expected input with shape [*, 3], but got input of size [2, 3, 4]')
case('rmsNorm', [x, [4]], F.rms_norm(x, [4]))
case('rmsNorm', [x, [4], y[0], 1e-3], F.rms_norm(x, [4], y[0], 1e-3))

case('topk', [y, 2, -1, {'largest': False}], y.topk(2, largest=False))
case('sort', [y, -1, {'descending': True}], y.sort(descending=True))
case('argmax', [y, -1, {'keepdim': True}], y.argmax(-1, True))
case('max', [x, 1, {'keepdim': True}], x.max(1, True))
case('amax', [x, 1, {'keepdim': True}], x.amax(1, True))
case('logsumexp', [x, 1, {'keepdim': True}], x.logsumexp(1, True))

# --- shapes
case('view', [x, 6, 4], x.view(6, 4))
case('view', [x, [2, -1]], x.view(2, -1))
case('reshape', [x, -1], x.reshape(-1))
case('flatten', [x], x.flatten())
case('flatten', [x, 1], x.flatten(1))
case('flatten', [x, -2, -1], x.flatten(-2, -1))
case('unflatten', [y, -1, [2, -1]], y.unflatten(-1, (2, -1)))
case('unflatten', [y, 0, [3, 1]], y.unflatten(0, (3, 1)))
case('squeeze', [x[:, :1]], x[:, :1].squeeze())
case('squeeze', [x[:1, :1], 1], x[:1, :1].squeeze(1))
case('squeeze', [x, -1], x.squeeze(-1))
case('unsqueeze', [y, -1], y.unsqueeze(-1))
case('unsqueeze', [y, 0], y.unsqueeze(0))
case('transpose', [x, 0, -1], x.transpose(0, -1))
fails('transpose', [x, 0, 3], 'Dimension out of range (expected to be in range of [-3, 2], but got 3)')
case('permute', [x, 2, 0, 1], x.permute(2, 0, 1))
case('permute', [x, [-1, 0, 1]], x.permute(-1, 0, 1))
case('movedim', [x, 0, -1], x.movedim(0, -1))
case('movedim', [x, -1, 0], x.movedim(-1, 0))
case('t', [y], y.t())
case('t', [y[0]], y[0].t())
fails('t', [x], 't() expects a tensor with <= 2 dimensions, but self is 3D')
case('expand', [y[:, :1], -1, 3], y[:, :1].expand(-1, 3))
case('expand', [y, [2, 3, 4]], y.expand(2, 3, 4))
case('expandAs', [y, x], y.expand_as(x))
case('repeat', [y, 2, 1], y.repeat(2, 1))
case('repeat', [y, [2, 1, 3]], y.repeat(2, 1, 3))
fails('repeat', [y, 2], 'Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor')
case('shape', [x], torch.tensor(x.shape))
case('numel', [x], torch.tensor(24))
case('cat', [[y, y + 1], 1], torch.cat([y, y + 1], 1))
case('cat', [[i, i.float()]], torch.cat([i, i.float()]))
case('concat', [[h, h.float()], -1], torch.cat([h, h.float()], -1))
case('cat', [[b, i, small]], torch.cat([b, i, small]))
case('stack', [[y, y * 2]], torch.stack([y, y * 2]))
case('stack', [[y, y * 2], -1], torch.stack([y, y * 2], -1))
case('stack', [[1, 2.5]], torch.tensor([1, 2.5]))
fails('cat', [[]], 'expected a non-empty list of Tensors')
case('split', [y, 3, 1], list(y.split(3, 1)))
case('split', [x, [1, 3], -1], list(x.split([1, 3], -1)))
fails('split', [y, [1, 1]], "split_with_sizes expects split_sizes to sum exactly to 3 (input tensor's size at dimension 0)")
case('chunk', [y, 2], list(y.chunk(2)))
case('chunk', [x, 3, -1], list(x.chunk(3, -1)))
case('chunk', [y, 7, 1], list(y.chunk(7, 1)))
case('unbind', [y], list(y.unbind()))
case('unbind', [x, -2], list(x.unbind(-2)))

# --- by place
at = torch.tensor([[0, 3, 1], [2, 2, 0], [1, 0, 3]])
case('gather', [y, 1, at], y.gather(1, at))
case('gather', [y, -1, [[0], [1], [2]]], y.gather(-1, torch.tensor([[0], [1], [2]])))
case('scatter', [y, 1, [[0], [1], [2]], y[:, :1] * 10], y.scatter(1, torch.tensor([[0], [1], [2]]), y[:, :1] * 10))
case('scatter', [y, 1, [[0, 1], [1, 2], [2, 3]], 5], y.scatter(1, torch.tensor([[0, 1], [1, 2], [2, 3]]), 5))
case('scatter', [h, -1, [[0], [4]], 0.5], h.scatter(-1, torch.tensor([[0], [4]]), 0.5))
twice = torch.tensor([[0, 0, 1], [2, 2, 2], [3, 0, 3]])
case('scatterAdd', [y, 1, twice, torch.ones(3, 3)], y.scatter_add(1, twice, torch.ones(3, 3)))
case('indexSelect', [x, 1, [2, 0, 2]], x.index_select(1, torch.tensor([2, 0, 2])))
case('take', [y, [[0, 11], [5, -1]]], y.take(torch.tensor([[0, 11], [5, -1]])))
case('maskedSelect', [y, y > 0], y.masked_select(y > 0))
case('maskedSelect', [y, y[0] > 0], y.masked_select(y[0] > 0))
case('select', [x, 1, -1], x.select(1, -1))
case('select', [x, -1, 2], x.select(-1, 2))
case('narrow', [x, -1, 1, 2], x.narrow(-1, 1, 2))
case('tril', [y], y.tril())
case('triu', [x, 1], x.triu(1))
case('tril', [i, -1], i.tril(-1))

# --- linear algebra
case('matmul', [x, y.t()], x @ y.t())
case('matmul', [y, [1, 0, 0, 2]], y @ torch.tensor([1.0, 0, 0, 2]))
case('mm', [y, y.t()], y.mm(y.t()))
case('bmm', [x, x.transpose(1, 2)], x.bmm(x.transpose(1, 2)))
case('dot', [y[0], y[1]], y[0].dot(y[1]))
case('outer', [y[0], y[1]], y[0].outer(y[1]))
fails('mm', [x, y], 'mm: self must be a matrix')
fails('bmm', [y, y], 'bmm: batch1 must be a 3D tensor')
fails('dot', [y, y[0]], '1D tensors expected, but got 2D and 1D tensors')
fails('outer', [y, y[0]], 'outer: Expected 1-D argument self, but got 2-D')
case('trace', [y], y.trace())
case('trace', [i[:2, :2]], i[:2, :2].trace())
fails('trace', [y[0]], 'trace: expected a matrix, but got tensor with dim 1')
case('cov', [y], y.cov())
case('cov', [y, {'correction': 0}], y.cov(correction=0))
case('cov', [y[0]], y[0].cov())
case('cov', [i[0]], i[0].cov())
case('cov', [y[:, :1]], y[:, :1].cov())
fails('cov', [y.reshape(1, *y.shape)], 'cov(): expected input to have two or fewer dimensions but got an input with 3 dimensions')
case('einsum', ['bij,ij->bi', x, y], torch.einsum('bij,ij->bi', x, y))
case('linear', [x, y, [1, 2, 3]], F.linear(x, y, torch.tensor([1.0, 2, 3])))

# --- copies and conversions
case('clone', [x], x.clone())
case('contiguous', [y], y)
case('to', [y * 3, 'int64'], (y * 3).to(torch.int64))
case('to', [i, 'bool'], i.bool())
case('float', [i], i.float())
case('double', [y], y.double())
case('half', [y], y.half())
case('long', [y * 3], (y * 3).long())
case('int', [y * 3], (y * 3).int())
case('bool', [special], special.bool())
fails('to', [y, 'float'], "'float' is not a dtype")
case('zerosLike', [i], torch.zeros_like(i))
case('onesLike', [h], torch.ones_like(h))
case('fullLike', [y, 2.5, {'dtype': 'float64'}], torch.full_like(y, 2.5, dtype=torch.float64))
case('fullLike', [i, 3], torch.full_like(i, 3))
case('tensor', [[[1, 2], [3, 4]]], torch.tensor([[1, 2], [3, 4]]))
case('tensor', [[1, 2], {'dtype': 'float32'}], torch.tensor([1.0, 2]))
case('zeros', [2, 3], torch.zeros(2, 3))
case('zeros', [[2, 3], {'dtype': 'int64'}], torch.zeros(2, 3, dtype=torch.int64))
case('ones', [4, {'dtype': 'bool'}], torch.ones(4, dtype=torch.bool))
case('ones', [[]], torch.ones([]))
case('full', [[2, 2], 1.5], torch.full((2, 2), 1.5))
case('full', [[3], 7], torch.full((3,), 7))
case('arange', [5], torch.arange(5))
case('arange', [2, 11, 3], torch.arange(2, 11, 3))
case('arange', [5, 0, -2], torch.arange(5, 0, -2))
case('arange', [0, 1, 0.3], torch.arange(0, 1, 0.3))
case('arange', [3, {'dtype': 'float32'}], torch.arange(3, dtype=torch.float32))
fails('arange', [3, 1], 'upper bound and lower bound inconsistent with step sign')
case('linspace', [0, 1, 5], torch.linspace(0, 1, 5))
case('linspace', [3, -3, 4], torch.linspace(3, -3, 4))
case('linspace', [2, 9, 1], torch.linspace(2, 9, 1))
case('logspace', [0, 3, 4], torch.logspace(0, 3, 4))
case('logspace', [-1, 1, 5, 2], torch.logspace(-1, 1, 5, 2))
case('logspace', [2, 9, 1, 3], torch.logspace(2, 9, 1, 3))
case('logspace', [0, 2, 3, 10, {'dtype': 'int64'}], torch.logspace(0, 2, 3, dtype=torch.int64))
case('eye', [3], torch.eye(3))
case('eye', [2, 3, {'dtype': 'int64'}], torch.eye(2, 3, dtype=torch.int64))
case('eye', [2, {'dtype': 'bool'}], torch.eye(2, dtype=torch.bool))

# --- losses
logits = rand(4, 5)
labels = torch.tensor([1, 0, 4, 2])
some = torch.tensor([1, -100, 4, -100])
weight = torch.tensor([1.0, 2, 0.5, 1, 3])
soft = rand(4, 5).softmax(-1)
for reduction in ('mean', 'sum', 'none'):
    o = {'reduction': reduction}
    case('crossEntropy', [logits, labels, o], F.cross_entropy(logits, labels, reduction=reduction))
    case('crossEntropy', [logits, some, o], F.cross_entropy(logits, some, reduction=reduction))
    case('crossEntropy', [logits, some, {**o, 'weight': weight}], F.cross_entropy(logits, some, weight, reduction=reduction))
    case('crossEntropy', [logits, some, {**o, 'labelSmoothing': 0.1}], F.cross_entropy(logits, some, reduction=reduction, label_smoothing=0.1))
    case('crossEntropy', [logits, some, {**o, 'labelSmoothing': 0.1, 'weight': weight}], F.cross_entropy(logits, some, weight, reduction=reduction, label_smoothing=0.1))
    case('crossEntropy', [logits, soft, o], F.cross_entropy(logits, soft, reduction=reduction))
    case('crossEntropy', [logits, soft, {**o, 'labelSmoothing': 0.2, 'weight': weight}], F.cross_entropy(logits, soft, weight, reduction=reduction, label_smoothing=0.2))
    case('mseLoss', [y, y * 2, o], F.mse_loss(y, y * 2, reduction=reduction))
    case('klDiv', [logits.log_softmax(-1), soft, o], F.kl_div(logits.log_softmax(-1), soft, reduction=reduction))
    case('klDiv', [logits.log_softmax(-1), soft.log(), {**o, 'logTarget': True}], F.kl_div(logits.log_softmax(-1), soft.log(), reduction=reduction, log_target=True))
    case('nllLoss', [logits.log_softmax(-1), labels, o], F.nll_loss(logits.log_softmax(-1), labels, reduction=reduction))
case('crossEntropy', [logits, [1, 0, 4, 2]], F.cross_entropy(logits, labels))
case('crossEntropy', [logits, labels, {'ignoreIndex': 4}], F.cross_entropy(logits, labels, ignore_index=4))
case('crossEntropy', [logits[0], 3], F.cross_entropy(logits[0], torch.tensor(3)))
image = rand(2, 5, 3)
pixels = torch.tensor([[0, 1, 2], [4, 3, -100]])
case('crossEntropy', [image, pixels], F.cross_entropy(image, pixels))
case('crossEntropy', [image, pixels, {'reduction': 'none', 'weight': weight}], F.cross_entropy(image, pixels, weight, reduction='none'))
fails('nllLoss', [logits, [1, 2]], 'Expected target size [4], got [2]')

target = pathlib.Path(__file__).parent.parent / 'fixtures' / 'functions.json'
target.write_text('[\n' + ',\n'.join(json.dumps(entry) for entry in cases) + '\n]\n')
print(len(cases), 'cases')
