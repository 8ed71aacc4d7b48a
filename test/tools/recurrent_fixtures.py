"""Recurrent networks by both exporters, with what PyTorch's modules give: test/fixtures/recurrent."""

import contextlib
import io
import json
import logging
import os
import warnings

import onnx
import torch
from torch import nn

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
torch.manual_seed(0)
FOLDER = "test/fixtures/recurrent"

# kind, batch_first, bidirectional, layers, what of its results is used
CASES = [
    ("LSTM", True, False, 1, "all"),
    ("LSTM", False, False, 1, "last"),
    ("LSTM", True, True, 2, "all"),
    ("LSTM", True, False, 1, "both"),
    ("GRU", True, True, 1, "last"),
    ("GRU", False, False, 2, "all"),
    ("RNN", True, False, 1, "raw"),
    ("RNN", False, True, 1, "all"),
    ("LSTM", True, False, 1, "state"),
    ("GRU", True, False, 2, "state"),
]


class Model(nn.Module):
    def __init__(self, kind, batch_first, bidirectional, layers, use):
        super().__init__()
        self.use = use
        self.rnn = getattr(nn, kind)(3, 4, layers, batch_first=batch_first, bidirectional=bidirectional)
        self.head = nn.Linear(8 if bidirectional else 4, 2)

    def forward(self, x):
        y, state = self.rnn(x)
        hidden = state[0] if isinstance(state, tuple) else state
        last = y[:, -1] if self.rnn.batch_first else y[-1]
        if self.use == "raw":
            return y
        if self.use == "state":
            return self.head(hidden[-1])
        if self.use == "both":
            return self.head(last + hidden[-1])
        return self.head(last if self.use == "last" else y)


class Stack(nn.Module):
    """Between the modules the exporters leave the transpositions of batch_first out."""

    def __init__(self):
        super().__init__()
        self.first = nn.GRU(3, 4, batch_first=True)
        self.second = nn.LSTM(4, 4, batch_first=True, bidirectional=True)
        self.third = nn.GRU(8, 4, batch_first=True)

    def forward(self, x):
        return self.third(self.second(self.first(x)[0])[0])[0]


def export(model, x, name):
    path = f"{FOLDER}/{name}"
    torch.onnx.export(model, (x,), f"{path}.ts.onnx", dynamo=False, input_names=["x"], output_names=["y"])
    with contextlib.redirect_stdout(io.StringIO()):
        torch.onnx.export(
            model, (x,), f"{path}.dynamo.onnx", dynamo=True, input_names=["x"], output_names=["y"], external_data=False
        )
    written = onnx.load(f"{path}.dynamo.onnx")
    for node in written.graph.node:
        # It tells the folders of the machine.
        kept = [prop for prop in node.metadata_props if prop.key != "pkg.torch.onnx.stack_trace"]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    onnx.save(written, f"{path}.dynamo.onnx")


os.makedirs(FOLDER, exist_ok=True)
told = {}
for case in CASES:
    kind, batch_first, bidirectional, layers, use = case
    model = Model(*case).eval()
    x = torch.randn(2, 5, 3)
    name = f"{kind}{'-batch' if batch_first else ''}{'-both-ways' if bidirectional else ''}-{layers}-{use}"
    told[name] = {"x": x.tolist(), "output": model.rnn(x)[0].tolist()}
    export(model, x, name)
with open(f"{FOLDER}/values.json", "w") as file:
    json.dump(told, file)

stack = Stack().eval()
x = torch.randn(2, 5, 3)
export(stack, x, "stack")
values = {"x": x.tolist(), "first": stack.first(x)[0].tolist(), "third": stack(x).tolist()}
with open(f"{FOLDER}/stack.json", "w") as file:
    json.dump(values, file)
