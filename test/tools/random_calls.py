"""Writes test/fixtures/random-calls.json: calls of tensor functions with random arguments, and what PyTorch gives for each.

Odd shapes (no dimensions, none of a size, sizes that broadcast), all dtypes, NaN, infinities and the ends of the whole
numbers are frequent. Run with: python test/tools/random_calls.py [seed] [count] (needs torch).
A tensor is {"$tensor": dtype, "dims", "raw": its bytes in base64}, a number that JSON lacks {"$number": text}.
"""

import base64
import json
import math
import pathlib
import random
import sys
import warnings
import torch
import torch.nn.functional as F

warnings.filterwarnings('ignore')
seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
N = int(sys.argv[2]) if len(sys.argv) > 2 else 900
R = random.Random(seed)
torch.manual_seed(seed)
DT = {'float32': torch.float32, 'float64': torch.float64, 'float16': torch.float16, 'int8': torch.int8, 'int16': torch.int16, 'int32': torch.int32, 'int64': torch.int64, 'uint8': torch.uint8, 'bool': torch.bool}
NM = {v: k for k, v in DT.items()}
NM[torch.uint16] = 'uint16'
NM[torch.uint32] = 'uint32'
NM[torch.uint64] = 'uint64'


def enc(v):
    if isinstance(v, torch.Tensor):
        return {'$tensor': NM[v.dtype], 'dims': list(v.shape), 'raw': base64.b64encode(v.detach().contiguous().numpy().tobytes()).decode()}
    if isinstance(v, torch.dtype):
        return NM[v]
    if isinstance(v, (list, tuple, torch.Size)):
        return [enc(x) for x in v]
    if isinstance(v, dict):
        return {k: enc(x) for k, x in v.items()}
    if isinstance(v, float) and (not math.isfinite(v)):
        return {'$number': str(v)}
    if isinstance(v, float) and v == 0 and (math.copysign(1, v) < 0):
        return {'$number': '-0'}
    return v


def dt(float_only=False):
    k = R.random()
    if float_only:
        return R.choice(['float32', 'float32', 'float64', 'float16'])
    if k < 0.4:
        return 'float32'
    return R.choice(list(DT))


def shp(maxr=4, z=0.12):
    r = R.choice([0, 1, 1, 2, 2, 2, 3, 3, 4][:maxr * 2 + 1])
    return [0 if R.random() < z / 2 else R.choice([1, 1, 2, 3, 4, 5]) for _ in range(r)]


def val(s, d, special=True, pos=False):
    t = DT[d]
    if t.is_floating_point:
        x = torch.randn(s, dtype=torch.float64) * R.choice([1, 1, 3, 30])
        if R.random() < 0.3:
            x = x.round()
        if pos:
            x = x.abs()
        x = x.to(t)
        if special and x.numel() and (R.random() < 0.35):
            f = x.flatten().clone()
            for _ in range(R.randint(1, 3)):
                f[R.randrange(f.numel())] = R.choice([math.nan, math.inf, -math.inf, 0.0, -0.0, 0.5, -0.5, 1.5, 2.5])
            x = f.reshape(s)
        return x
    if d == 'bool':
        return torch.rand(s) > 0.5
    i = torch.iinfo(t)
    if special and R.random() < 0.2:
        return torch.tensor([R.choice([i.min, i.max, 0, 1, -1 if i.min < 0 else 2]) for _ in range(max(1, math.prod(s)))], dtype=t)[:math.prod(s)].reshape(s)
    lo = max(i.min, -6)
    return torch.randint(lo, 7, s).to(t)


def T(**k):
    return val(shp(k.pop('maxr', 4)), dt(k.pop('fl', False)), **k)


def num():
    return R.choice([2, 3, -1, 0, 1, 0.5, -2.5, 1.5, -3, 100, 2 ** 31, math.inf, math.nan])


def dimof(x):
    return R.randint(-x.dim() - 1, x.dim()) if R.random() < 0.12 else R.randint(-x.dim(), x.dim() - 1) if x.dim() else R.choice([0, -1])


def bc(x):
    s = list(x.shape)[R.randint(0, x.dim()):] if x.dim() else []
    s = [1 if R.random() < 0.3 else n for n in s]
    if R.random() < 0.08:
        s = shp()
    if R.random() < 0.1:
        s = [R.choice([1, 2])] + s if len(s) >= x.dim() else s
    return val(s, NM[x.dtype] if R.random() < 0.5 else dt())


fns = {}


def reg(f):
    fns[f.__name__] = f
    return f


UN = dict(abs=torch.abs, bitwiseNot=torch.bitwise_not, ceil=torch.ceil, cos=torch.cos, erf=torch.erf, exp=torch.exp, expm1=torch.expm1, floor=torch.floor, isinf=torch.isinf, isnan=torch.isnan, log=torch.log, log10=torch.log10, log1p=torch.log1p, log2=torch.log2, logicalNot=torch.logical_not, neg=torch.neg, reciprocal=torch.reciprocal, relu=torch.relu, round=torch.round, rsqrt=torch.rsqrt, sigmoid=torch.sigmoid, sign=torch.sign, silu=F.silu, sin=torch.sin, softplus=F.softplus, sqrt=torch.sqrt, square=torch.square, tan=torch.tan, tanh=torch.tanh, trunc=torch.trunc, gelu=F.gelu, bool=lambda x: x.bool(), double=lambda x: x.double(), float=lambda x: x.float(), half=lambda x: x.half(), int=lambda x: x.int(), long=lambda x: x.long(), clone=torch.clone, t=torch.t, numel=lambda x: torch.tensor(x.numel()), onesLike=torch.ones_like, zerosLike=torch.zeros_like, trace=torch.trace, amax=torch.amax, amin=torch.amin, median=torch.median, max=torch.max, min=torch.min, argmax=torch.argmax, argmin=torch.argmin, sum=torch.sum, mean=torch.mean, prod=torch.prod, all=torch.all, any=torch.any, std=torch.std, var=torch.var, norm=torch.norm, squeeze=torch.squeeze, flatten=torch.flatten, countNonzero=torch.count_nonzero, cov=torch.cov, unbind=torch.unbind, sort=torch.sort, argsort=torch.argsort, tril=torch.tril, triu=torch.triu, diagonal=torch.diagonal)
for n, f in UN.items():

    def mk(n, f):

        def g():
            x = T()
            return ([x], lambda: f(x))
        fns['u_' + n] = lambda: (n, *g())
    mk(n, f)
BI = dict(add=torch.add, sub=torch.sub, mul=torch.mul, div=torch.div, eq=torch.eq, ne=torch.ne, lt=torch.lt, le=torch.le, gt=torch.gt, ge=torch.ge, bitwiseAnd=torch.bitwise_and, bitwiseOr=torch.bitwise_or, bitwiseXor=torch.bitwise_xor, logicalAnd=torch.logical_and, logicalOr=torch.logical_or, logicalXor=torch.logical_xor, maximum=torch.maximum, minimum=torch.minimum, pow=torch.pow, remainder=torch.remainder, fmod=torch.fmod, floorDivide=torch.floor_divide)
SC = {'add', 'sub', 'mul', 'div', 'eq', 'ne', 'lt', 'le', 'gt', 'ge', 'bitwiseAnd', 'bitwiseOr', 'bitwiseXor', 'pow', 'remainder', 'fmod', 'floorDivide'}
for n, f in BI.items():

    def mk(n, f):

        def g():
            x = T(special=n != 'pow')  # powers of large whole numbers wrap around
            y = bc(x)
            if n == 'pow' and not y.dtype.is_floating_point:
                y = (y % 5).to(y.dtype)
            if n in SC and R.random() < 0.25:
                y = num()
                if n.startswith('bitwise'):
                    y = R.choice([1, 2, -3, True])
                return (n, [x, y], lambda: f(x, y))
            return (n, [x, y], lambda: f(x, y))
        fns['b_' + n] = g
    mk(n, f)


def opt(**k):
    return {a: b for a, b in k.items() if b is not None}


def dims(x):
    k = R.random()
    if k < 0.5:
        return dimof(x)
    if k < 0.6:
        return []
    if k < 0.65:
        return None
    return R.sample(range(-x.dim(), 0), R.randint(1, x.dim())) if x.dim() else 0


@reg
def reductions():
    n = R.choice(['sum', 'mean', 'prod', 'amax', 'amin', 'all', 'any'])
    x = T()
    d = dims(x)
    kd = R.random() < 0.5
    f = dict(sum=torch.sum, mean=torch.mean, prod=torch.prod, amax=torch.amax, amin=torch.amin, all=torch.all, any=torch.any)[n]
    if n in ('prod',) and isinstance(d, list):
        d = dimof(x)

    def run():
        if d is None:
            if n in ('sum', 'mean', 'all', 'any'):
                return f(x, None, keepdim=kd)
            raise SkipCase()
        return f(x, d, keepdim=kd)
    return (n, [x, d, kd] if R.random() < 0.5 else [x, {'dim': d, 'keepdim': kd}], run)


class SkipCase(Exception):
    pass


@reg
def sumdtype():
    n = R.choice(['sum', 'mean', 'prod', 'softmax', 'logSoftmax', 'cumsum'])
    x = T()
    d = dimof(x)
    t = R.choice(['float32', 'float64', 'float16', 'int64', 'int32'])
    f = dict(sum=torch.sum, mean=torch.mean, prod=torch.prod, softmax=torch.softmax, logSoftmax=torch.log_softmax, cumsum=torch.cumsum)[n]
    return (n, [x, d, {'dtype': t}], lambda: f(x, d, dtype=DT[t]))


@reg
def alongs():
    n = R.choice(['softmax', 'logSoftmax', 'cumsum'])
    x = T()
    d = dimof(x)
    f = dict(softmax=torch.softmax, logSoftmax=torch.log_softmax, cumsum=torch.cumsum)[n]
    return (n, [x, d], lambda: f(x, d))


@reg
def search():
    n = R.choice(['argmax', 'argmin', 'max', 'min', 'median'])
    x = T()
    d = dimof(x)
    kd = R.random() < 0.5
    f = getattr(torch, n)
    return (n, [x, d, kd], lambda: f(x, d, keepdim=kd))


@reg
def variance():
    n = R.choice(['std', 'var'])
    x = T()
    d = dims(x)
    c = R.choice([0, 1, 2])
    kd = R.random() < 0.5
    if R.random() < 0.5:
        return (n, [x, d, {'correction': c, 'keepdim': kd}], lambda: getattr(torch, n)(x, d, correction=c, keepdim=kd))
    u = R.random() < 0.5
    if isinstance(d, (int, list)):
        return (n, [x, d, u, kd], lambda: getattr(torch, n)(x, d, u, kd))
    return (n, [x, u], lambda: getattr(torch, n)(x, u))


@reg
def norms():
    x = T()
    d = dims(x)
    p = R.choice([1, 2, 0, 3, math.inf, -math.inf, 'fro', 0.5, -1, None])
    kd = R.random() < 0.5
    return ('norm', [x, p, d, kd], lambda: torch.norm(x, p, d, kd))


@reg
def logsumexp():
    x = T()
    d = dims(x)
    kd = R.random() < 0.5
    if d is None:
        d = 0
    return ('logsumexp', [x, d, kd], lambda: torch.logsumexp(x, d, kd))


@reg
def clamp():
    x = T()
    a = R.choice([None, num(), bc(x)])
    b = R.choice([None, num(), bc(x)])
    if isinstance(a, torch.Tensor) != isinstance(b, torch.Tensor) and a is not None and (b is not None):
        b = None
    return ('clamp', [x, a, b], lambda: torch.clamp(x, a, b))


@reg
def rounding():
    x = T()
    d = R.choice([0, 1, 2, -1, 3])
    return ('round', [x, d], lambda: torch.round(x, decimals=d))


@reg
def divmode():
    x = T()
    y = R.choice([bc(x), num()])
    m = R.choice(['floor', 'trunc', None])
    return ('div', [x, y, {'roundingMode': m}], lambda: torch.div(x, y, rounding_mode=m))


@reg
def gelutanh():
    x = T()
    return ('gelu', [x, 'tanh'], lambda: F.gelu(x, approximate='tanh'))


@reg
def shaping():
    x = T()
    k = R.choice(['reshape', 'view', 'expand', 'repeat', 'permute', 'transpose', 'unsqueeze', 'squeeze', 'flatten', 'flip', 'movedim', 'unflatten', 'select', 'narrow', 'chunk', 'split', 'unbind', 'diagonal', 'tril', 'triu'])
    if k in ('reshape', 'view'):
        s = list(x.shape)
        R.shuffle(s)
        if R.random() < 0.4 and s:
            s[R.randrange(len(s))] = -1
        if R.random() < 0.3:
            s = [-1]
        if R.random() < 0.1:
            s = [2, 3]
        return (k, [x, s], lambda: x.reshape(s))
    if k == 'expand':
        s = [R.choice([2, 3]) if n == 1 and R.random() < 0.5 else n if R.random() < 0.6 else -1 for n in x.shape]
        if R.random() < 0.3:
            s = [2] + s
        return (k, [x, s], lambda: x.expand(s))
    if k == 'repeat':
        s = [R.randint(0, 3) for _ in range(R.randint(max(0, x.dim() - (R.random() < 0.1)), x.dim() + 1))]
        return (k, [x, s], lambda: x.repeat(s))
    if k == 'permute':
        s = list(range(x.dim()))
        R.shuffle(s)
        s = [a - x.dim() if R.random() < 0.3 else a for a in s]
        if R.random() < 0.1 and s:
            s[0] = s[-1]
        return (k, [x, s], lambda: x.permute(s))
    if k in ('transpose', 'movedim'):
        a, b = (dimof(x), dimof(x))
        return (k, [x, a, b], lambda: getattr(torch, k)(x, a, b))
    if k == 'unsqueeze':
        a = R.randint(-x.dim() - 2, x.dim() + 1)
        return (k, [x, a], lambda: x.unsqueeze(a))
    if k == 'squeeze':
        a = dims(x)
        if a is None:
            a = 0
        return (k, [x, a], lambda: x.squeeze(a))
    if k == 'flatten':
        a, b = (dimof(x), dimof(x))
        return (k, [x, a, b], lambda: x.flatten(a, b))
    if k == 'flip':
        a = R.sample(range(-x.dim(), 0), R.randint(0, x.dim()))
        return (k, [x, a], lambda: x.flip(a))
    if k == 'unflatten':
        d = dimof(x)
        s = R.choice([[1, -1], [-1, 2], [2, 2], [-1]])
        return (k, [x, d, s], lambda: x.unflatten(d, s))
    if k == 'select':
        d = dimof(x)
        i = R.randint(-3, 3)
        return (k, [x, d, i], lambda: x.select(d, i))
    if k == 'narrow':
        d = dimof(x)
        i = R.randint(-2, 2)
        l = R.randint(0, 3)
        return (k, [x, d, i, l], lambda: x.narrow(d, i, l))
    if k == 'chunk':
        d = dimof(x)
        c = R.randint(0, 5)
        return (k, [x, c, d], lambda: x.chunk(c, d))
    if k == 'split':
        d = dimof(x)
        c = R.choice([1, 2, 3, [1, 2], [2, 1, 1], [0, 1]])
        return (k, [x, c, d], lambda: x.split(c, d))
    if k == 'unbind':
        d = dimof(x)
        return (k, [x, d], lambda: x.unbind(d))
    if k == 'diagonal':
        o = R.randint(-3, 3)
        a, b = (dimof(x), dimof(x))
        return (k, [x, o, a, b], lambda: x.diagonal(o, a, b))
    o = R.randint(-3, 3)
    return (k, [x, o], lambda: getattr(torch, k)(x, o))


@reg
def sorting():
    k = R.choice(['sort', 'argsort', 'topk'])
    x = T()
    d = dimof(x)
    de = R.random() < 0.5
    if x.dtype.is_floating_point or True:
        n = x.numel()
        if x.dtype != torch.bool and n:
            x = torch.randperm(max(n, 1))[:n].reshape(x.shape).to(x.dtype)
        if x.dtype.is_floating_point and n and (R.random() < 0.3):
            x.view(-1)[R.randrange(n)] = R.choice([math.inf, -math.inf, math.nan])
    if x.dtype == torch.bool:
        x = x.float() * 0 + torch.arange(x.numel()).reshape(x.shape)
    if k == 'topk':
        c = R.randint(0, 4)
        return (k, [x, c, d, de], lambda: torch.topk(x, c, d, de))
    return (k, [x, d, de], lambda: getattr(torch, k)(x, d, de))


@reg
def mats():
    k = R.choice(['matmul', 'mm', 'bmm', 'dot', 'outer', 'linear', 'einsum'])
    d = dt()
    d2 = d if R.random() < 0.9 else dt()
    a, b, c, n = [R.choice([0, 1, 2, 3, 4]) if R.random() < 0.9 else 5 for _ in range(4)]
    if k == 'mm':
        x, y = (val([a, b], d, False), val([b, c], d2, False))
        return (k, [x, y], lambda: torch.mm(x, y))
    if k == 'bmm':
        x, y = (val([n, a, b], d, False), val([n, b, c], d2, False))
        return (k, [x, y], lambda: torch.bmm(x, y))
    if k == 'dot':
        x, y = (val([a], d, False), val([a], d2, False))
        return (k, [x, y], lambda: torch.dot(x, y))
    if k == 'outer':
        x, y = (val([a], d, False), val([b], d2, False))
        return (k, [x, y], lambda: torch.outer(x, y))
    if k == 'linear':
        x, y = (val(shp(2) + [b], d, False), val([c, b], d2, False))
        z = val([c], d, False) if R.random() < 0.5 else None
        return (k, [x, y, z], lambda: F.linear(x, y, z))
    if k == 'einsum':
        x, y = (val([a, b], d, False), val([b, c], d2, False))
        e = R.choice(['ij,jk->ik', 'ij,jk->ki', 'ij,jk', 'ij,jk->', 'ij,jk->j'])
        return (k, [e, x, y], lambda: torch.einsum(e, x, y))
    x = val(R.choice([[b], [a, b], [n, a, b], [1, a, b], []]), d, False)
    y = val(R.choice([[b], [b, c], [n, b, c], [2, 1, b, c]]), d2, False)
    return ('matmul', [x, y], lambda: torch.matmul(x, y))


@reg
def joins():
    k = R.choice(['cat', 'stack'])
    x = T()
    d = dimof(x)
    o = [x]
    for _ in range(R.randint(0, 2)):
        s = list(x.shape)
        if k == 'cat' and s and (-len(s) <= d < len(s)):
            s[d] = R.choice([0, 1, 2])
        o.append(val(s, NM[x.dtype] if R.random() < 0.6 else dt()))
    if k == 'cat' and R.random() < 0.1:
        o.append(torch.zeros(0))
    return (k, [o, d], lambda: getattr(torch, k)(o, d))


@reg
def indexing():
    k = R.choice(['gather', 'indexSelect', 'scatter', 'scatterAdd', 'maskedFill', 'maskedSelect', 'take', 'where', 'lerp'])
    x = T()
    d = dimof(x)
    n = x.shape[d] if x.dim() and -x.dim() <= d < x.dim() else 1
    if k in ('gather', 'scatter', 'scatterAdd'):
        s = [R.randint(0, m) if m else 0 for m in x.shape]
        if k != 'gather' and x.dim() and (-x.dim() <= d < x.dim()):
            s[d] = min(s[d], n)
        idx = torch.zeros(s, dtype=torch.int64)
        if idx.numel() and n:
            p = torch.randperm(n)[:idx.shape[d] if idx.dim() else 1]
            if idx.dim():
                sh = [1] * idx.dim()
                sh[d] = -1
                idx = idx + p.reshape(sh) if p.numel() == idx.shape[d] else idx
        if R.random() < 0.07:
            idx = idx + n
        if k == 'gather':
            return (k, [x, d, idx], lambda: torch.gather(x, d, idx))
        src = val(s, NM[x.dtype])
        if k == 'scatterAdd':
            return (k, [x, d, idx, src], lambda: torch.scatter_add(x, d, idx, src))
        if R.random() < 0.3:
            v = R.choice([1, 2])
            return (k, [x, d, idx, v], lambda: torch.scatter(x, d, idx, v))
        return (k, [x, d, idx, src], lambda: torch.scatter(x, d, idx, src))
    if k == 'indexSelect':
        i = torch.randint(0, max(n, 1), [R.randint(0, 4)])
        if R.random() < 0.1 and i.numel():
            i[0] = -1
        return (k, [x, d, i], lambda: torch.index_select(x, d, i))
    if k == 'maskedFill':
        m = bc(x) > 0
        v = R.choice([0, 1.5, math.inf, -math.inf, val([], NM[x.dtype])])
        return (k, [x, m, v], lambda: x.masked_fill(m, v))
    if k == 'maskedSelect':
        m = bc(x) > 0
        return (k, [x, m], lambda: torch.masked_select(x, m))
    if k == 'take':
        i = torch.randint(-x.numel() if x.numel() else 0, max(1, x.numel()), shp(2))
        return (k, [x, i], lambda: torch.take(x, i))
    if k == 'where':
        m = bc(x) > 0
        y = R.choice([bc(x), num()])
        return (k, [m, x, y], lambda: torch.where(m, x, y))
    x = T(fl=True)
    y = val(list(x.shape), NM[x.dtype])
    w = R.choice([0.5, 0.25, 2.0, val(list(x.shape), NM[x.dtype])])
    return (k, [x, y, w], lambda: torch.lerp(x, y, w))


@reg
def creations():
    k = R.choice(['arange', 'linspace', 'logspace', 'eye', 'full', 'zeros', 'ones', 'fullLike', 'tensor'])
    if k == 'arange':
        c = R.choice([(5,), (0,), (2, 7), (7, 2), (7, 2, -2), (0, 1, 0.25), (1.5,), (0, 5, 2), (-3, 3), (1, 1), (0, 2, -1)])
        return (k, list(c), lambda: torch.arange(*c))
    if k == 'linspace':
        c = (R.choice([0, 1, -2.5]), R.choice([5, 1, 0]), R.choice([0, 1, 2, 5, 7]))
        return (k, list(c), lambda: torch.linspace(*c))
    if k == 'logspace':
        c = (R.choice([0, 1, -2.5]), R.choice([2, 1, 0]), R.choice([0, 1, 2, 5]))
        return (k, list(c), lambda: torch.logspace(*c))
    if k == 'eye':
        c = R.choice([(3,), (2, 4), (0,), (4, 2)])
        return (k, list(c), lambda: torch.eye(*c))
    if k == 'full':
        s = shp()
        v = R.choice([1, 2.5, True, math.nan])
        return (k, [s, v], lambda: torch.full(s, v))
    if k in ('zeros', 'ones'):
        s = shp()
        t = R.choice([None] + list(DT))
        return (k, [s] + ([{'dtype': t}] if t else []), lambda: getattr(torch, k)(s, dtype=DT[t] if t else None))
    if k == 'fullLike':
        x = T()
        v = R.choice([1, 2.5, True])
        return (k, [x, v], lambda: torch.full_like(x, v))
    v = R.choice([1, 1.5, True, [1, 2], [[1.0, 2.5]], [], [[]], [True, False], [1, 2.5], [True, 2]])
    return (k, [v], lambda: torch.tensor(v))


@reg
def nns():
    k = R.choice(['layerNorm', 'rmsNorm', 'cosineSimilarity', 'normalize', 'mseLoss', 'crossEntropy', 'nllLoss', 'klDiv'])
    x = T(fl=True)
    if k in ('cosineSimilarity', 'normalize', 'klDiv') and x.dtype == torch.float16:
        x = x.float()  # on the way PyTorch leaves what halves can tell
    if k in ('layerNorm', 'rmsNorm'):
        n = R.randint(1, max(1, x.dim()))
        s = list(x.shape)[-n:] if x.dim() else [1]
        w = val(s, NM[x.dtype], False) if R.random() < 0.5 else None
        if k == 'layerNorm':
            b = val(s, NM[x.dtype], False) if R.random() < 0.5 else None
            return (k, [x, s, w, b], lambda: F.layer_norm(x, s, w, b))
        return (k, [x, s, w], lambda: F.rms_norm(x, s, w))
    if k == 'cosineSimilarity':
        y = bc(x)
        d = dimof(x)
        return (k, [x, y, d], lambda: F.cosine_similarity(x, y, d))
    if k == 'normalize':
        p = R.choice([1, 2, 3, math.inf])
        d = dimof(x)
        return (k, [x, p, d], lambda: F.normalize(x, p, d))
    if k in ('mseLoss',):
        y = val(list(x.shape), NM[x.dtype])
        r = R.choice(['mean', 'sum', 'none'])
        return (k, [x, y, {'reduction': r}], lambda: F.mse_loss(x, y, reduction=r))
    if k == 'klDiv':
        y = val(list(x.shape), NM[x.dtype], False, True)
        r = R.choice(['mean', 'sum', 'none'])
        lt = R.random() < 0.5
        return (k, [x, y, {'reduction': r, 'logTarget': lt}], lambda: F.kl_div(x, y, reduction=r, log_target=lt))
    n, c = (R.choice([0, 1, 3]), R.choice([1, 4]))
    x = val([n, c], dt(True))
    y = torch.randint(0, c, [n])
    r = R.choice(['mean', 'sum', 'none'])
    if y.numel() and R.random() < 0.2:
        y[0] = -100
    o = {'reduction': r}
    if k == 'crossEntropy':
        ls = R.choice([0, 0.1])
        return (k, [x, y, {**o, 'labelSmoothing': ls}], lambda: F.cross_entropy(x, y, reduction=r, label_smoothing=ls))
    return (k, [x, y, o], lambda: F.nll_loss(x, y, reduction=r))


@reg
def quant():
    x = T(fl=True)
    q = R.choice([0, 0.5, 1, 0.3, torch.tensor([0.1, 0.9], dtype=x.dtype)])
    d = R.choice([None, dimof(x)])
    kd = R.random() < 0.5
    i = R.choice(['linear', 'lower', 'higher', 'midpoint', 'nearest'])
    return ('quantile', [x, q, d, {'keepdim': kd, 'interpolation': i}], lambda: torch.quantile(x, q, d, kd, interpolation=i))


@reg
def tos():
    x = T()
    t = R.choice(list(DT))
    return ('to', [x, t], lambda: x.to(DT[t]))


rows = []
names = list(fns)
weights = [1 if n[1] == '_' else 12 for n in names]
while len(rows) < N:
    n = R.choices(names, weights)[0]
    try:
        fn, args, run = fns[n]()
    except Exception:
        continue
    try:
        o = run()
        if hasattr(o, '_fields') or type(o).__module__ == 'torch.return_types':
            o = {'values': o.values, 'indices': o.indices}
        out = enc(o)
    except SkipCase:
        continue
    except Exception as e:
        out = {'$error': str(e)[:200]}
    rows.append(dict(fn=fn, args=enc(args), out=out))
path = pathlib.Path(__file__).parent.parent / 'fixtures' / 'random-calls.json'
path.write_text('[\n' + ',\n'.join((json.dumps(row) for row in rows)) + '\n]\n')
