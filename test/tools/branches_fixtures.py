"""Writes test/fixtures/branches/: modules in a model's own conditional and loop, with PyTorch's values.

Run with: python test/tools/branches_fixtures.py (needs torch, onnx and onnxscript).
"""

import json
import pathlib

import onnx
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


class Nested(nn.Module):
    """Runs a module only if another one has run and says so."""

    def __init__(self):
        super().__init__()
        self.left, self.inner, self.right = nn.Linear(4, 3), nn.Linear(3, 3), nn.Linear(4, 3)

    def forward(self, x):
        if x.sum() > 0:
            y = self.left(x)
            if y.sum() > 0:
                y = self.inner(y)
        else:
            y = self.right(x)
        return y


class Net(nn.Module):
    def __init__(self, block, width):
        super().__init__()
        self.block, self.head = block, nn.Linear(width, 2)

    def forward(self, x):
        return self.head(self.block(x))


class Shared(nn.Module):
    """A module in both branches, another one in one."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 4)
        self.b = nn.Linear(4, 4)

    def forward(self, x):
        if x.sum() > 0:
            y = torch.tanh(self.a(x))
        else:
            y = self.b(torch.relu(self.a(x)))
        return y


def export(name, net, dynamo):
    x = torch.ones(2, 4)
    path = OUT / f'{name}.onnx'
    axes = {'dynamic_shapes': ({0: 'n'},)} if dynamo and name != 'cond' else {}
    with torch.no_grad():
        if dynamo:
            torch.onnx.export(net, (x,), path, dynamo=True, external_data=False, input_names=['x'], output_names=['y'], **axes)
            without_traces(path)
        else:
            torch.onnx.export(torch.jit.script(net), (x,), path, dynamo=False, input_names=['x'], output_names=['y'], dynamic_axes={'x': {0: 'n'}})
    return {str(factor): seen(EAGER.get(name, net), x * factor) for factor in (1, -1, *MORE.get(name, ()))}


def without_traces(path):
    """Takes the stack traces out of a file: they name folders of the machine."""
    model = onnx.load(path)
    graphs = [model.graph]
    for graph in graphs:
        for node in graph.node:
            kept = [entry for entry in node.metadata_props if not entry.key.endswith('stack_trace')]
            del node.metadata_props[:]
            node.metadata_props.extend(kept)
            graphs.extend(attribute.g for attribute in node.attribute if attribute.HasField('g'))
    onnx.save(model, path)


MORE = {'nested': (-0.1, 0.1, 5), 'loop': (0.5,)}


def seen(net, x):
    """What comes out of the modules in each call, and of the model: as it is, and with each module's output doubled."""
    calls = {}
    modules = {path: module for path, module in net.named_modules() if path}
    note = lambda path: lambda _, given, made: calls.setdefault(path, []).append([given[0].flatten().tolist(), made.flatten().tolist()])
    with torch.no_grad():
        hooks = [module.register_forward_hook(note(path)) for path, module in modules.items()]
        y = net(x).flatten().tolist()
        for hook in hooks:
            hook.remove()
        doubled = {}
        for path, module in modules.items():
            for call in range(len(calls.get(path, []))):
                times = iter(range(100))
                hook = module.register_forward_hook(lambda _, given, made: made * 2 if next(times) == call else None)
                doubled[f'{path} {call}'] = net(x).flatten().tolist()
                hook.remove()
    return {'block': calls['block'][0][1], 'y': y, 'calls': calls, 'doubled': doubled}


EAGER = {}
cond = Net(PickByCond(), 3)
scripted = Net(Pick(), 3)
scripted.load_state_dict(cond.state_dict())
EAGER['cond'] = scripted
values = {
    'cond': export('cond', cond, True),
    'if': export('if', scripted, False),
    'nested': export('nested', Net(Nested(), 3), False),
    'loop': export('loop', Net(Repeat(), 4), False),
}
(OUT / 'values.json').write_text(json.dumps(values))
with torch.no_grad():
    torch.onnx.export(torch.jit.script(Shared().eval()), (torch.ones(2, 4),), OUT / 'shared.onnx', dynamo=False, input_names=['x'], output_names=['y'])
