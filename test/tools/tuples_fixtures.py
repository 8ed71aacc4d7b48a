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


class Heads(nn.Module):
    """The second one is made last."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(self, x):
        first = self.first(x)
        return first, F.softplus(self.second(x))


class Steps(nn.Module):
    """The second one is made of the first."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 3), nn.Linear(3, 3)

    def forward(self, x):
        first = self.first(x)
        return first, torch.tanh(self.second(first))


class Levels(nn.Module):
    """Each is made of the one before, and as that is."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 3), nn.Linear(3, 3)

    def forward(self, x):
        first = torch.relu(self.first(x))
        return first, torch.relu(self.second(first))


class Policy(nn.Module):
    """Each of the model's outputs is made of one of them."""

    def __init__(self, part):
        super().__init__()
        self.part, self.head = part, nn.Linear(3, 2)

    def forward(self, x):
        first, second = self.part(x)
        return self.head(first).softmax(-1), second


class Sample(nn.Module):
    """The model's output is made of both."""

    def __init__(self, part):
        super().__init__()
        self.part = part

    def forward(self, x):
        first, second = self.part(x)
        return first + second * 0.5


cases = {}
for name, model in {'policy': Policy(Heads()), 'steps': Policy(Steps()), 'sample': Sample(Heads()), 'levels': Sample(Levels())}.items():
    model.eval()
    x = torch.rand(2, 4)
    with torch.no_grad():
        cases[name] = {'x': x.tolist(), 'part': [{'dims': list(o.shape), 'data': o.flatten().tolist()} for o in model.part(x)]}
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
