"""Writes test/fixtures/left-behind/: what exporters and ONNX Runtime leave of modules of published models, with PyTorch's values.

Run with: python test/tools/left_behind_fixtures.py (needs torch, onnx and onnxruntime).
"""

import json
import pathlib

import onnx
import onnxruntime as ort
import torch
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from torch import nn

OUT = pathlib.Path(__file__).parents[1] / 'fixtures/left-behind'
OUT.mkdir(exist_ok=True)


class Fusion(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 1)

    def forward(self, below, feature=None):
        return self.conv(below if feature is None else below + feature).relu()


class Stage(nn.Module):
    """As DPT's: a list of what all layers make."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(Fusion() for _ in range(3))

    def forward(self, features):
        made, fused = [], None
        for feature, layer in zip(features, self.layers):
            fused = layer(feature) if fused is None else layer(fused, feature)
            made.append(fused)
        return made


class Neck(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(2, 2, 1) for _ in range(3))
        self.stage = Stage()

    def forward(self, x):
        return self.stage([conv(x) for conv in self.convs])


class Pyramid(nn.Module):
    def __init__(self):
        super().__init__()
        self.neck, self.head = Neck(), nn.Conv2d(2, 1, 1)

    def forward(self, x):
        return self.head(self.neck(x)[-1])


class Sinks(nn.Module):
    """Attention with a place more for each head, as GPT-OSS has it."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(4, 4) for _ in range(3))
        self.sinks = nn.Parameter(torch.randn(2))

    def forward(self, x):
        q, k, v = (part(x).unflatten(-1, (2, 2)).transpose(1, 2) for part in (self.q, self.k, self.v))
        scores = q @ k.transpose(-1, -2)
        sinks = self.sinks.reshape(1, -1, 1, 1).expand(scores.shape[0], -1, scores.shape[2], -1)
        self.probabilities = torch.cat([scores, sinks], -1).softmax(-1)[..., :-1]
        return (self.probabilities @ v).transpose(1, 2).flatten(2)


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.self_attn = Sinks()

    def forward(self, x):
        return x + self.self_attn(x)


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(Layer() for _ in range(2))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class Angles(nn.Module):
    """Called with other frequencies for each kind of layer, as Gemma 3's: what both calls compute alike is merged by ONNX Runtime."""

    def __init__(self):
        super().__init__()
        self.register_buffer('wide', torch.tensor([1.0, 0.5]))
        self.register_buffer('near', torch.tensor([2.0, 0.1]))

    def forward(self, places, kind):
        rates = getattr(self, kind)[None, :, None].float().expand(places.shape[0], -1, 1)
        angles = (rates @ places[:, None, :].float()).transpose(1, 2)
        both = torch.cat([angles, angles], -1)
        return both.cos(), both.sin()


class Rotating(nn.Module):
    def __init__(self):
        super().__init__()
        self.rotary_emb, self.lin = Angles(), nn.Linear(4, 4)

    def forward(self, places):
        (a, b), (c, d) = self.rotary_emb(places, 'wide'), self.rotary_emb(places, 'near')
        return self.lin(a) * b + self.lin(c) * d


class Positions(nn.Module):
    """Positions that do not depend on the input: the exporter computes them."""

    def __init__(self):
        super().__init__()
        self.weights = torch.arange(12.0).reshape(3, 4).sin()

    def forward(self, x):
        return self.weights[: x.shape[1]][None].expand(2, -1, -1)


class Before(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.places = nn.Linear(4, 4), nn.Linear(4, 4), Positions()

    def forward(self, x):
        x = x + torch.tanh(self.second(torch.relu(self.first(x))))
        return x + self.places(x)


class Behind(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.lin = nn.LayerNorm(4), nn.Linear(4, 4)

    def forward(self, x):
        return self.lin(self.norm(x))


class Normed(nn.Module):
    """A module that ends with an addition of what is constant, right before a norm: ONNX Runtime fuses the two."""

    def __init__(self):
        super().__init__()
        self.prenet, self.encoder = Before(), Behind()

    def forward(self, x):
        return self.encoder(self.prenet(x))


class Features(nn.Module):
    """As wav2vec's: a norm of the channels between two transpositions, and one that the model has behind it."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.act = nn.Conv1d(2, 4, 1), nn.LayerNorm(4), nn.GELU()

    def forward(self, x):
        return self.act(self.norm(self.conv(x).transpose(1, 2)).transpose(1, 2))


class Turning(nn.Module):
    def __init__(self):
        super().__init__()
        self.features, self.norm, self.lin = Features(), nn.LayerNorm(4), nn.Linear(4, 2)

    def forward(self, x):
        return self.lin(self.norm(self.features(x).transpose(1, 2)))


class Twice(nn.Module):
    """A module that returns one tensor in two places, of which the second is used."""

    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def forward(self, x):
        last = self.lin(x).relu()
        return last, (x, last)


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.head = Twice(), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.encoder(x)[1][-1])


class Separable(nn.Module):
    """As ConvBERT's: a bias of its own behind a convolution without one, which ONNX Runtime gives to that."""

    def __init__(self):
        super().__init__()
        self.depthwise, self.pointwise = nn.Conv1d(2, 2, 1, groups=2, bias=False), nn.Conv1d(2, 3, 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(3, 1))

    def forward(self, x):
        return self.pointwise(self.depthwise(x)) + self.bias


class Added(nn.Module):
    def __init__(self):
        super().__init__()
        self.part, self.act, self.last = Separable(), nn.GELU(), nn.Conv1d(3, 2, 1)

    def forward(self, x):
        return self.last(self.act(self.part(x)))


class Normalised(nn.Module):
    """A batch norm that the exporter has left, and ONNX Runtime folds."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.act, self.last = nn.Conv1d(2, 3, 1), nn.BatchNorm1d(3), nn.GELU(), nn.Conv1d(3, 2, 1)
        self.bn.running_mean.normal_()
        self.bn.running_var.uniform_(2, 3)

    def forward(self, x):
        return self.last(self.act(self.bn(self.conv(x))))


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(32, 32, bias=False) for _ in range(4))

    def forward(self, x):
        return self.o((self.q(x) @ self.k(x).transpose(-1, -2)).softmax(-1) @ self.v(x))


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate, self.up, self.down = (nn.Linear(32, 32, bias=False) for _ in range(3))
        self.act = nn.SiLU()

    def forward(self, x):
        return self.down(self.act(self.gate(x)) * self.up(x))


class Decoding(nn.Module):
    """A layer of a decoder: products without a bias, of which a quantizer of the dynamo exporter's file drops the modules."""

    def __init__(self):
        super().__init__()
        self.before, self.attn, self.after, self.mlp = nn.LayerNorm(32), Mixed(), nn.LayerNorm(32), Gated()

    def forward(self, x):
        x = x + self.attn(self.before(x))
        return x + self.mlp(self.after(x))


class Quantized(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers, self.norm, self.head = nn.ModuleList(Decoding() for _ in range(2)), nn.LayerNorm(32), nn.Linear(32, 32, bias=False)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x))


class Stacked(nn.Module):
    """Products one behind the other: nothing tells in which of the two modules the one between stands."""

    def __init__(self):
        super().__init__()
        self.one, self.two = (nn.Sequential(nn.Linear(32, 32, bias=False), nn.ReLU(), nn.Linear(32, 32, bias=False)) for _ in range(2))

    def forward(self, x):
        return self.two(self.one(x))


def write_quantized(name, model, paths):
    """Of weights that four bits have exactly."""
    torch.manual_seed(3)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.data.uniform_(-7, 7).round_().div_(32)[:, 0] = -0.25
    model.eval().requires_grad_(False)
    file = OUT / f'{name}.onnx'
    x = torch.randn(1, 2, 32)
    torch.onnx.export(model, (x,), str(file), dynamo=True, input_names=['x'], output_names=['y'], external_data=False, verbose=False)
    exported = onnx.load(file)
    for node in exported.graph.node:
        # Where lines of Python are is of no use here.
        kept = [one for one in node.metadata_props if one.key in ('pkg.torch.onnx.name_scopes', 'pkg.torch.onnx.class_hierarchy')]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    quantizer = MatMulNBitsQuantizer(exported, bits=4, block_size=32, is_symmetric=True)
    quantizer.process()
    onnx.save(quantizer.model.model, file)
    told = {'x': data(x), 'y': data(model(x)), 'modules': {}, 'entered': {}, 'halved': {}}
    for path in paths:
        seen = []
        hook = model.get_submodule(path).register_forward_hook(lambda _m, given, out: seen.append((given[0], out)))
        model(x)
        hook.remove()
        told['entered'][path], told['modules'][path] = data(seen[0][0]), [data(seen[0][1])]
        hook = model.get_submodule(path).register_forward_hook(lambda _m, _i, out: out * 0.5)
        told['halved'][path] = data(model(x))
        hook.remove()
    return told


def first(given):
    return given if isinstance(given, torch.Tensor) else first(given[0])


def halved(given, old):
    if given is old:
        return old * 0.5
    return given if isinstance(given, torch.Tensor) else type(given)(halved(one, old) for one in given)


def data(tensor):
    return {'dims': list(tensor.shape), 'data': [float(f'{one:.7g}') if isinstance(one, float) else one for one in tensor.detach().flatten().tolist()]}


def write(name, model, given, paths, level):
    torch.manual_seed(3)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    model.eval().requires_grad_(False)
    file = OUT / f'{name}.onnx'
    # The first dim is free, so that what measures it stays in the file.
    axes = {'x': {0: 'batch'}} if name == 'calls' else {}
    torch.onnx.export(model, (given,), str(file), dynamo=False, input_names=['x'], output_names=['y'], dynamic_axes=axes, opset_version=17, training=torch.onnx.TrainingMode.PRESERVE)
    if level:
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(file)
        ort.InferenceSession(file.read_bytes(), options, providers=['CPUExecutionProvider'])
    told = {'x': data(given), 'y': data(model(given)), 'modules': {}, 'halved': {}}
    for path in paths:
        seen = []
        hook = model.get_submodule(path).register_forward_hook(lambda _m, _i, out: seen.append(data(first(out))))
        model(given)
        hook.remove()
        told['modules'][path] = seen
        if len(seen) == 1:
            hook = model.get_submodule(path).register_forward_hook(lambda _m, _i, out: halved(out, first(out)))
            told['halved'][path] = data(model(given))
            hook.remove()
    if name == 'sinks':
        model(given)
        told['probabilities'] = [data(layer.self_attn.probabilities) for layer in model.layers]
    return told


torch.manual_seed(2)
x = torch.randn(2, 3, 4)
cases = {
    'pyramid': write('pyramid', Pyramid(), torch.randn(1, 2, 3, 3), ['neck', 'neck.stage', *(f'neck.stage.layers.{i}' for i in range(3))], False),
    'sinks': write('sinks', Attending(), x, ['layers.0.self_attn'], False),
    'calls': write('calls', Rotating(), torch.tensor([[0, 1, 2], [3, 4, 6]]), ['rotary_emb', 'lin'], True),
    'constants': write('constants', Normed(), x, ['prenet', 'encoder.norm'], True),
    'turned': write('turned', Turning(), torch.randn(1, 2, 5), ['features.conv'], True),
    'twice': write('twice', Backbone(), x, ['encoder'], False),
    'added': write('added', Added(), torch.randn(1, 2, 5), ['part.depthwise', 'part', 'act'], True),
    'normalised': write('normalised', Normalised(), torch.randn(1, 2, 5), ['act'], True),
    'quantized': write_quantized('quantized', Quantized(), [*(f'layers.{i}{part}' for i in range(2) for part in ('', '.before', '.attn', '.after', '.mlp', '.mlp.act')), 'norm', 'head']),
    'stacked': write_quantized('stacked', Stacked(), ['one.1', 'two.1']),
}
(OUT / 'values.json').write_text(json.dumps(cases) + '\n')
