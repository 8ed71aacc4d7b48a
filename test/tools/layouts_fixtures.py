"""Small models of which ONNX Runtime's optimizer reads a module's input or output before a transposition and behind it, with PyTorch's values.

Run with: python test/tools/layouts_fixtures.py (needs torch, onnx and onnxruntime).
"""

import json
import pathlib
import tempfile

import onnxruntime
import torch
from torch import nn

FOLDER = pathlib.Path(__file__).resolve().parents[1] / 'fixtures' / 'published' / 'layouts'
D = 4


class ChannelNorm(nn.LayerNorm):
    """A norm of the channels of a picture, [batch, channels, height, width]."""

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Block(nn.Module):
    """ConvNeXt's."""

    def __init__(self):
        super().__init__()
        self.dwconv, self.norm = nn.Conv2d(D, D, 3, padding=1, groups=D), nn.LayerNorm(D)
        self.up, self.down, self.scale = nn.Linear(D, 2 * D), nn.Linear(2 * D, D), nn.Parameter(torch.rand(D))

    def forward(self, x):
        made = self.dwconv(x).permute(0, 2, 3, 1)
        made = self.scale * self.down(torch.tanh(self.up(self.norm(made))))
        return x + made.permute(0, 3, 1, 2)


class Stem(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches, self.norm = nn.Conv2d(3, D, 2, 2), ChannelNorm(D)

    def forward(self, x):
        return self.norm(self.patches(x))


class Encoder(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x, *others):
        for layer in self.layers:
            x = layer(x, *others)
        return x


class Pictures(nn.Module):
    def __init__(self, depth):
        super().__init__()
        self.stem, self.encoder = Stem(), Encoder([Block() for _ in range(depth)])
        self.norm, self.head = ChannelNorm(D), nn.Conv2d(D, 3, 2)

    def forward(self, x):
        return self.head(self.norm(self.encoder(self.stem(x))))


class Layer(nn.Module):
    """DETR's: positions are added to what queries and keys are made of."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(D, D) for _ in range(4))
        self.norm = nn.LayerNorm(D)

    def forward(self, x, positions):
        placed = x + positions
        weights = (self.q(placed) @ self.k(placed).transpose(-1, -2)).softmax(-1)
        return self.norm(x + self.out(weights @ self.v(x)))


class Patches(nn.Conv2d):
    """BEiT's."""

    def forward(self, x):
        return super().forward(x).flatten(2).permute(0, 2, 1)


class Tokens(nn.Module):
    """The size of what the patches give is used, too."""

    def __init__(self):
        super().__init__()
        self.patches, self.encoder, self.head = Patches(3, D, 2, 2), Encoder([Layer(), Layer()]), nn.Linear(D, 3)
        self.positions = nn.Parameter(torch.randn(1, 9, D))

    def forward(self, x):
        tokens = self.patches(x)
        return self.head(self.encoder(tokens, self.positions.expand(tokens.shape[0], -1, -1)))


class Mixer(nn.Module):
    """A linear layer that reads what was turned for it alone, as LFM2's convolutions have one."""

    def __init__(self):
        super().__init__()
        self.conv, self.out = nn.Conv1d(D, D, 3, padding=1), nn.Linear(D, D)

    def forward(self, x):
        return self.out(torch.tanh(self.conv(x)).transpose(1, 2))


def listed(tensor):
    return {'dims': list(tensor.shape), 'data': [round(one, 6) for one in tensor.flatten().tolist()]}


def cosine(output):
    """A loss of all elements, each with a factor of its own."""
    return (output.flatten() * torch.arange(output.numel(), dtype=output.dtype).cos()).sum()


def told(model, x):
    """Of what each module takes and gives: the value, its gradient, and the model's output where it is half as much again."""
    places = []
    for path, module in model.named_modules():
        if path and not isinstance(module, nn.ModuleList):
            for port in ('input', 'output'):
                seen = []

                def keep(tensor, seen=seen):
                    seen.append((tensor, tensor.detach().clone()))
                    tensor.retain_grad()

                def scale(tensor):
                    return tensor * 1.5

                def hooked(do, module=module, port=port):
                    if port == 'input':
                        return module.register_forward_pre_hook(lambda _, args: (changed, *args[1:]) if (changed := do(args[0])) is not None else None)
                    return module.register_forward_hook(lambda _, args, made: do(made))

                hook = hooked(keep)
                loss = cosine(model(x.clone().requires_grad_(True)))
                loss.backward()
                hook.remove()
                hook = hooked(scale)
                written = model(x)
                hook.remove()
                (tensor, value), = seen
                places.append({'path': path, 'port': port, 'value': listed(value), 'grad': listed(tensor.grad), 'written': listed(written)})
    return places


def write(name, model, x):
    model.eval()
    for one in model.parameters():
        one.data = torch.randn(one.shape) * 0.5
    with tempfile.TemporaryDirectory() as folder:
        plain = f'{folder}/plain.onnx'
        torch.onnx.export(model, (x,), plain, dynamo=False, input_names=['x'], output_names=['y'], opset_version=17, dynamic_axes={'x': {0: 'batch'}})
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(FOLDER / f'{name}.onnx')
        onnxruntime.InferenceSession(plain, options, providers=['CPUExecutionProvider'])
    reference = {'x': listed(x), 'output': listed(model(x)), 'places': told(model, x)}
    (FOLDER / f'{name}.json').write_text(json.dumps(reference))


if __name__ == '__main__':
    torch.manual_seed(0)
    FOLDER.mkdir(parents=True, exist_ok=True)
    write('pictures', Pictures(1), torch.randn(2, 3, 6, 6))
    write('pictures-deep', Pictures(3), torch.randn(2, 3, 6, 6))
    write('mixer', Mixer(), torch.randn(2, D, 5))
    write('tokens', Tokens(), torch.randn(2, 3, 6, 6))
