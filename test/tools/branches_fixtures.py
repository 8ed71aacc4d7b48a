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
    """A module before, in both branches and after, another one in one branch."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        x = torch.relu(self.a(x))
        if x.sum() > 1:
            y = self.b(self.a(x))
        else:
            y = self.a(x) * 2
        return self.a(y) + y


class SharedByCond(Shared):
    def forward(self, x):
        x = torch.relu(self.a(x))
        y = torch.cond(x.sum() > 1, lambda x: self.b(self.a(x)), lambda x: self.a(x) * 2, (x,))
        return self.a(y) + y


class Turned(nn.Module):
    """Two modules that do not read one another, in another order in each branch."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        if x.sum() > 0:
            y, z = self.a(x), self.b(x)
        else:
            y, z = self.b(x * 2), self.a(x)
        return y - z * 3


class Chain(nn.Module):
    """A module in the first and the last of three branches."""

    def __init__(self):
        super().__init__()
        self.m, self.n = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        if x.sum() > 4:
            y = self.m(x)
        elif x.sum() > 0:
            y = self.n(torch.relu(x))
        else:
            y = self.m(x * 5) + self.n(x)
        return y


class ChainByCond(Chain):
    def forward(self, x):
        return torch.cond(
            x.sum() > 4,
            lambda x: self.m(x),
            lambda x: torch.cond(x.sum() > 0, lambda x: self.n(torch.relu(x)), lambda x: self.m(x * 5) + self.n(x), (x,)),
            (x,),
        )


class Mode(nn.Module):
    def __init__(self):
        super().__init__()
        self.p, self.q = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x, short: bool):
        h = self.p(x)
        if short:
            return torch.tanh(h)
        else:
            return torch.sigmoid(self.q(h)) * 2


class Modes(nn.Module):
    """A module that does something else in each branch, and whose value each branch uses in another way."""

    def __init__(self):
        super().__init__()
        self.inner = Mode()

    def forward(self, x):
        if x.sum() > 0:
            y = torch.exp(self.inner(x, True))
        else:
            y = torch.relu(self.inner(x + 1, False))
        return y


class Crossed(nn.Module):
    """Each of two modules reads the other one, in one branch."""

    def __init__(self):
        super().__init__()
        self.a, self.act = nn.Linear(4, 4), nn.Tanh()

    def forward(self, x):
        if x.sum() > 0:
            y = self.act(self.a(x))
        else:
            y = self.a(self.act(x))
        return y


class Maybe(nn.Module):
    """A module that runs, or has run before and runs again."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 4)

    def forward(self, x):
        if x.sum() > 0:
            x = torch.relu(self.a(x))
        return self.a(x)


class Choosing(nn.Module):
    """Runs one of two modules, and one that stands in both branches, again and again."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        for _ in range(int(x.size(0))):
            if x.sum() > 0:
                x = torch.tanh(self.a(x)) - 0.6
            else:
                x = self.b(torch.relu(self.a(x))) + 0.4
        return x


def export(name, net, dynamo):
    x = torch.ones(2, 4)
    path = OUT / f'{name}.onnx'
    with torch.no_grad():
        if dynamo:
            torch.onnx.export(net, (x,), path, dynamo=True, external_data=False, input_names=['x'], output_names=['y'])
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


MORE = {'nested': (-0.1, 0.1, 5), 'loop': (0.5,), 'chain': (0.1,), 'chain-cond': (0.1,), 'choosing': (0.1,)}


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


def by_cond(name, cond, eager, width):
    """A network by torch.cond, and the same one by an if, which hooks can look into."""
    EAGER[name] = Net(eager, width)
    EAGER[name].load_state_dict(cond.state_dict())
    return export(name, cond, True)


cond = Net(PickByCond(), 3)
values = {'cond': by_cond('cond', cond, Pick(), 3), 'if': export('if', EAGER['cond'], False)}
values['nested'] = export('nested', Net(Nested(), 3), False)
values['loop'] = export('loop', Net(Repeat(), 4), False)
torch.manual_seed(1)
for name, block in {'shared': Shared, 'turned': Turned, 'chain': Chain, 'modes': Modes, 'choosing': Choosing}.items():
    values[name] = export(name, Net(block(), 4).eval(), False)
values['shared-cond'] = by_cond('shared-cond', Net(SharedByCond(), 4), Shared(), 4)
values['chain-cond'] = by_cond('chain-cond', Net(ChainByCond(), 4), Chain(), 4)
for name, block in {'crossed': Crossed, 'maybe': Maybe}.items():
    export(name, Net(block(), 4).eval(), False)
(OUT / 'values.json').write_text(json.dumps(values))
