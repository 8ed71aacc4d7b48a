"""Writes test/fixtures/branches/: modules in a model's own conditional and loop, with PyTorch's values.

Run with: python test/tools/branches_fixtures.py (needs torch, onnx and onnxscript).
"""

import json
import pathlib

import torch
from torch import nn

OUT = pathlib.Path(__file__).parents[1] / 'fixtures/branches'
OUT.mkdir(exist_ok=True)
torch.manual_seed(0)


class Pick(nn.Module):
    """Runs one of two modules."""

    def __init__(self):
        super().__init__()
        self.left = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
        self.right = nn.Linear(4, 3)

    def forward(self, x):
        if x.sum() > 0:
            y = self.left(x)
        else:
            y = self.right(x)
        return y


class PickByCond(Pick):
    def forward(self, x):
        return torch.cond(x.sum() > 0, lambda x: self.left(x), lambda x: self.right(x), (x,))


class Repeat(nn.Module):
    """Runs a module again and again."""

    def __init__(self):
        super().__init__()
        self.cell = nn.Linear(4, 4)

    def forward(self, x):
        for _ in range(int(x.size(0))):
            x = torch.tanh(self.cell(x))
        return x


class Net(nn.Module):
    def __init__(self, block, width):
        super().__init__()
        self.block, self.head = block, nn.Linear(width, 2)

    def forward(self, x):
        return self.head(self.block(x))


def export(name, net, dynamo):
    x = torch.ones(2, 4)
    path = OUT / f'{name}.onnx'
    axes = {'dynamic_shapes': ({0: 'n'},)} if dynamo and name != 'cond' else {}
    with torch.no_grad():
        if dynamo:
            torch.onnx.export(net, (x,), path, dynamo=True, external_data=False, input_names=['x'], output_names=['y'], **axes)
        else:
            torch.onnx.export(torch.jit.script(net), (x,), path, dynamo=False, input_names=['x'], output_names=['y'], dynamic_axes={'x': {0: 'n'}})
    values = {}
    for sign in (1, -1):
        with torch.no_grad():
            given = x * sign
            block = net.block(given)
            values[str(sign)] = {'block': block.flatten().tolist(), 'y': net.head(block).flatten().tolist()}
    return values


cond = Net(PickByCond(), 3)
scripted = Net(Pick(), 3)
scripted.load_state_dict(cond.state_dict())
values = {
    'cond': export('cond', cond, True),
    'if': export('if', scripted, False),
    'loop': export('loop', Net(Repeat(), 4), False),
}
(OUT / 'values.json').write_text(json.dumps(values))
