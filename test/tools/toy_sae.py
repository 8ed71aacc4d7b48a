"""Trains a sparse autoencoder on what layer 2 of models/toy-gpt2 writes in sentences about places, and exports it to
models/toy-sae/model.onnx.

usage: python test/tools/toy_sae.py, in the folder of the package
Needs torch, transformers, onnx. CPU, a minute, seeded.
"""
import json, os, sys
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

FOLDER, OUT = "models/toy-gpt2", "models/toy-sae"
LAYER, FEATURES, ACTIVE = 2, 256, 6
# How sentences about places begin.
END, STARTS = 0, ["The", "The", "You", "People", "In"]
SENTENCES, STEPS, BATCH = 5_000, 3_000, 256
torch.manual_seed(0)
torch.set_num_threads(2)


def language_model():
    """The model as PyTorch has it, with the weights of the ONNX file."""
    model = GPT2LMHeadModel(GPT2Config(**json.load(open(f"{FOLDER}/config.json")))).eval().requires_grad_(False)
    weights = {w.name: torch.tensor(numpy_helper.to_array(w)) for w in onnx.load(f"{FOLDER}/model.onnx").graph.initializer}
    model.load_state_dict({name: weights[name] for name, _ in model.named_parameters()}, strict=False)
    return model


def activations(model):
    """What the layer writes at every token of sentences about places that the model makes up: [tokens, 128]."""
    words = json.load(open(f"{FOLDER}/tokenizer.json"))["model"]["vocab"]
    start = torch.tensor([[END, words[STARTS[i % len(STARTS)]]] for i in range(SENTENCES)])
    ids = model.generate(start, attention_mask=torch.ones_like(start), do_sample=True, top_k=0, max_new_tokens=10, pad_token_id=END)
    hidden = torch.cat([model.transformer(rows, output_hidden_states=True).hidden_states[LAYER + 1] for rows in ids.split(500)])
    # The first token is the same everywhere, and what follows the end is no sentence.
    ended = (ids[:, 1:] == END).cumsum(1) > 0
    return hidden[:, 1:][~ended]


class Strongest(nn.Module):
    """The strongest features of each token; 0 for the others."""

    def forward(self, x):
        top = x.relu().topk(ACTIVE, -1)
        return torch.zeros_like(x).scatter(-1, top.indices, top.values)


class Sae(nn.Module):
    """A top-k autoencoder (Gao et al., 2024)."""

    def __init__(self, mean):
        super().__init__()
        self.encoder = nn.Linear(len(mean), FEATURES)
        self.features = Strongest()
        self.decoder = nn.Linear(FEATURES, len(mean))
        with torch.no_grad():
            self.normalize()
            self.encoder.weight.copy_(self.decoder.weight.T)
            self.encoder.bias.copy_(-self.encoder.weight @ mean)
            self.decoder.bias.copy_(mean)

    def normalize(self):
        """A feature's direction has length 1, so that its strength is a distance in the residual stream."""
        self.decoder.weight.div_(self.decoder.weight.norm(dim=0))

    def forward(self, x):
        return self.decoder(self.features(self.encoder(x)))


rows = activations(language_model())
mean = rows.mean(0)
variance = (rows - mean).square().sum(-1).mean()
sae = Sae(mean)
optimizer = torch.optim.Adam(sae.parameters(), lr=2e-3)
schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.02, STEPS)
for step in range(STEPS):
    batch = rows[torch.randint(len(rows), (BATCH,))]
    loss = (sae(batch) - batch).square().sum(-1).mean() / variance
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    with torch.no_grad():
        sae.normalize()
    if step % 500 == 0:
        print(step, "unexplained", round(loss.item(), 4), flush=True)

sae.eval().requires_grad_(False)
unexplained = (sae(rows) - rows).square().sum(-1).mean() / variance
used = (sae.features(sae.encoder(rows)) > 0).any(0).sum()
print(f"{len(rows)} tokens: {unexplained:.1%} of the variance unexplained with {ACTIVE} of {FEATURES} features a token; {used} are used at all")

os.makedirs(OUT, exist_ok=True)
file = sys.argv[1] if len(sys.argv) > 1 else f"{OUT}/model.onnx"
torch.onnx.export(sae, (rows[:6].reshape(1, 6, -1),), file, dynamo=False, opset_version=17, input_names=["x"],
    output_names=["reconstruction"], dynamic_axes={name: {0: "batch", 1: "sequence"} for name in ("x", "reconstruction")})
print(file, os.path.getsize(file), "bytes")
