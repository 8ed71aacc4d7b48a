"""Small models whose files tell little of which call or output of a module a tensor is, with PyTorch's values.

Run with: python test/tools/calls_fixtures.py (needs torch, onnx, onnxruntime and onnxscript).
"""

import json
import pathlib
import random

import onnx
import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn

FOLDER = pathlib.Path(__file__).resolve().parents[1] / 'fixtures' / 'published' / 'calls'
D = 8


class Group(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.lin = nn.LayerNorm(D), nn.Linear(D, D)

    def forward(self, x):
        return x + self.lin(self.norm(x)).relu()


class Around(nn.Module):
    """A module that is called three times, the third time on the first one's output."""

    def __init__(self):
        super().__init__()
        self.group, self.mid, self.head = Group(), nn.Linear(D, D), nn.Linear(D, D)

    def forward(self, x):
        a = self.group(x)
        b = self.group(self.mid(a))
        return self.head(a * b + self.group(a))


class Neck(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList([nn.Linear(D, D) for _ in range(3)])

    def forward(self, states):
        return [part(state) for part, state in zip(self.parts, states)]


class Dense(nn.Module):
    """A neck that gives a list, of which the rest does not use the first."""

    def __init__(self):
        super().__init__()
        self.stages, self.neck = nn.ModuleList([nn.Linear(D, D) for _ in range(3)]), Neck()

    def forward(self, x):
        states = []
        for stage in self.stages:
            x = stage(x).relu()
            states.append(x)
        _, second, third = self.neck(states)
        return third + second.tanh()


class Normed(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin, self.bn, self.head = nn.Linear(D, D), nn.BatchNorm1d(D), nn.Linear(D, D)
        self.bn.running_var.uniform_(0.5, 2)
        self.bn.running_mean.uniform_(-1, 1)

    def forward(self, x):
        return self.head(self.bn(self.lin(x)).relu())


class Joined(nn.Module):
    """Products behind each other on three dims, which ONNX Runtime writes as products of two."""

    def __init__(self):
        super().__init__()
        self.norm, self.first, self.second, self.head = nn.LayerNorm(D), nn.Linear(D, 6), nn.Linear(6, D), nn.Linear(D, 3)
        self.act = nn.Tanh()

    def forward(self, x):
        return self.head(self.act(self.second(self.first(self.norm(x)))))


def shuffled(path):
    model = onnx.load(path)
    nodes = list(model.graph.node)
    random.Random(3).shuffle(nodes)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, path.with_suffix('.shuffled.onnx'))


def int8(path):
    quantize_dynamic(path, path.with_suffix('.int8.onnx'), weight_type=QuantType.QUInt8)


def extended(path):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(path.with_suffix('.extended.onnx'))
    onnxruntime.InferenceSession(path, options)


def make(name, model, x, dynamo, *variants):
    calls = {}
    handles = []
    for path, module in model.named_modules():

        def keep(module, given, output, path=path):
            first = output[0] if isinstance(output, (list, tuple)) else output
            calls.setdefault(path, []).append({'dims': list(first.shape), 'data': [round(v, 6) for v in first.flatten().tolist()]})

        if path:
            handles.append(module.register_forward_hook(keep))
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    path = FOLDER / f'{name}.onnx'
    options = {'dynamo': True} if dynamo else {'dynamo': False, 'opset_version': 17}
    torch.onnx.export(model, (x,), path, input_names=['x'], **options)
    for variant in variants:
        variant(path)
    if variants:
        path.unlink()
    # Weights as small as these stand in the file.
    path.with_suffix('.onnx.data').unlink(missing_ok=True)
    path.with_suffix('.json').write_text(json.dumps({'x': x.tolist(), 'calls': calls}))


FOLDER.mkdir(parents=True, exist_ok=True)
torch.manual_seed(0)
X = torch.randn(2, 4, D)
around = Around().eval()
make('around', around, X, False, shuffled, int8, extended)
make('around-dynamo', around, X, True, shuffled, int8)
make('dense', Dense().eval(), X, False)
make('normed-dynamo', Normed().eval(), X[:, 0], True, int8)
make('joined', Joined().eval(), X, False, extended)
