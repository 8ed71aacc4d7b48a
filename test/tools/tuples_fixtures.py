"""Writes test/fixtures/tuples/: modules that return several tensors, as both exporters write them, with PyTorch's values.

Run with: python test/tools/tuples_fixtures.py (needs torch and onnx).
"""

import json
import pathlib

import onnx
import torch
from torch import nn
from torch.nn import functional as F

OUT = pathlib.Path(__file__).parents[1] / 'fixtures/tuples'
OUT.mkdir(exist_ok=True)
torch.manual_seed(0)


class Pair(nn.Module):
    """Returns the second of what it makes first."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return self.first(x), F.softplus(self.second(x))


class Steps(nn.Module):
    """One is made of the other."""

    def __init__(self, turned):
        super().__init__()
        self.first, self.second, self.turned = nn.Linear(4, 4), nn.Linear(4, 4), turned

    def forward(self, x):
        first = torch.relu(self.first(x))
        last = torch.tanh(self.second(first))
        return (last, first) if self.turned else (first, last)


class Halves(nn.Module):
    """Two parts of one tensor, the last part first."""

    def __init__(self):
        super().__init__()
        self.both = nn.Linear(4, 8)

    def forward(self, x):
        first, second = self.both(x).chunk(2, -1)
        return second, first


class Router(nn.Module):
    """Whole numbers before floating-point ones, as DeepSeek's gate."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(4, 4)

    def forward(self, x):
        weights, places = torch.topk(self.gate(x).softmax(-1), 4)
        return places, weights


class View(nn.Module):
    """Its input turned, and what it makes."""

    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def forward(self, x):
        return x.T, self.lin(x)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        weights = (self.q(x) @ self.k(x).T).softmax(-1)
        return weights @ self.v(x), weights


class Chances(nn.Module):
    """A softmax that is no attention's."""

    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def forward(self, x):
        scores = self.lin(x)
        return scores.softmax(-1), scores


class Angles(nn.Module):
    def __init__(self, turned):
        super().__init__()
        self.turned = turned
        self.register_buffer('rates', torch.tensor([1.0, 0.5, 0.25, 0.125]))

    def forward(self, x):
        angles = x * self.rates
        return (angles.sin(), angles.cos()) if self.turned else (angles.cos(), angles.sin())


class Pooled(nn.Module):
    """Both are used, as by BERT's two heads of its training."""

    def __init__(self):
        super().__init__()
        self.lin, self.pooler = nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4), nn.Tanh())

    def forward(self, x):
        last = torch.relu(self.lin(x))
        return last, self.pooler(last)


class Through(nn.Module):
    """Its own input, and what it makes."""

    def __init__(self, alone):
        super().__init__()
        self.lin, self.alone = nn.Linear(4, 4), alone

    def forward(self, x):
        return self.lin(x) if self.alone else (x, self.lin(x))


class Model(nn.Module):
    """Uses both of a part: `first` of what it gives leads to the first output, or both do."""

    def __init__(self, part, first=None, name='part'):
        super().__init__()
        self.head, self.side, self.first, self.name = nn.Linear(4, 2), nn.Linear(4, 2), first, name
        self.add_module(name, part)

    def forward(self, x):
        made = getattr(self, self.name)(x)
        a, b = made if isinstance(made, tuple) else (x, made)
        a, b = (self.head(a.reshape(4, -1).float()), self.side(b.reshape(4, -1).float()))
        if self.first is None:
            return a + b.tanh()
        return (b, a) if self.first else (a, b)


models = {
    **{f'pair {first}': Model(Pair(), first) for first in (None, 0, 1)},
    **{f'steps {first}': Model(Steps(False), first) for first in (None, 0, 1)},
    **{f'turned steps {first}': Model(Steps(True), first) for first in (None, 0, 1)},
    'halves': Model(Halves(), 0),
    'router': Model(Router(), 1),
    'view': Model(View(), 1),
    'attention': Model(Attention(), None, 'self_attn'),
    'weights': Model(Chances(), 1),
    'rotary': Model(Angles(False), 1, 'rotary_emb'),
    'turned angles': Model(Angles(True), 0, 'rope'),
    'pooled': Model(Pooled(), 1),
}
torch.manual_seed(1)
through = Model(Through(False), 0)
alone = Model(Through(True), 0)
alone.load_state_dict(through.state_dict())
models |= {'through': through, 'alone': alone}
cases = {}
x = torch.rand(4, 4)
for name, model in models.items():
    model.eval()
    name = name.replace(' ', '-')
    with torch.no_grad():
        made = getattr(model, model.name)(x)
    made = made if isinstance(made, tuple) else (made,)
    part = [{'dims': list(o.shape), 'data': o.flatten().tolist()} for o in made]
    cases[name] = {'x': x.tolist(), 'path': model.name, 'part': part}
    torch.onnx.export(model, (x,), str(OUT / f'{name}.ts.onnx'), dynamo=False, input_names=['x'])
    file = str(OUT / f'{name}.dynamo.onnx')
    torch.onnx.export(model, (x,), file, dynamo=True, input_names=['x'], external_data=False)
    written = onnx.load(file)
    for node in written.graph.node:
        # It tells the folders of the machine.
        kept = [prop for prop in node.metadata_props if prop.key != 'pkg.torch.onnx.stack_trace']
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    onnx.save(written, file)
(OUT / 'values.json').write_text(json.dumps(cases) + '\n')
