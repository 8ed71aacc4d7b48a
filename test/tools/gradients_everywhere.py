"""Gradients that cross what surrounds a trace on the toy GPT-2, computed by PyTorch's autograd in float64: a function with
a derivative of its own, traces of a session, an edit, an attached model, the steps of a generation.

usage: python test/tools/gradients_everywhere.py, in the folder of the package
Needs torch, transformers, onnx.
"""
import json
import onnx
import torch
from onnx import numpy_helper
from transformers import GPT2Config, GPT2LMHeadModel

FOLDER, FIXTURES = 'models/toy-gpt2', 'test/fixtures/gradients'
config = GPT2Config.from_pretrained(FOLDER)
config._attn_implementation = 'eager'
model = GPT2LMHeadModel(config).eval()
weights = lambda path: {w.name: torch.tensor(numpy_helper.to_array(w)).double() for w in onnx.load(path).graph.initializer}
own = weights(f'{FOLDER}/model.onnx')
model.load_state_dict({name: own[name] for name, _ in model.named_parameters()}, strict=False)
model = model.double()
toy = json.load(open(f'{FIXTURES}/toy.json'))
clean, corrupt = (torch.tensor([toy['ids'][k]]) for k in ('clean', 'corrupt'))
answer, wrong = toy['tokens']['answer'], toy['tokens']['wrong']
h, wte, ln_f = model.transformer.h, model.transformer.wte, model.transformer.ln_f
results = {}
assert own.keys() >= dict(model.named_parameters()).keys()


def run(ids, changes={}, kept=()):
    """The logits, and the outputs of some modules, after `changes`."""
    found = {}
    hooks = [m.register_forward_hook(lambda _, __, o, f=f: f(o)) for m, f in changes.items()]
    hooks += [m.register_forward_hook(lambda _, __, o, m=m: found.__setitem__(m, o)) for m in kept]
    logits = model(input_ids=ids, use_cache=False).logits
    for hook in hooks: hook.remove()
    return logits, [found[m] for m in kept]


def lead(logits): return logits[0, -1, answer] - logits[0, -1, wrong]


def told(t):
    flat = t.detach().flatten()
    dot = (flat * torch.cos(torch.arange(flat.numel()).double())).sum()
    return {'dims': list(t.shape), 'first': flat[:16].tolist(), 'norm': flat.norm().item(), 'dot': dot.item()}


def gradients(loss, **by):
    found = torch.autograd.grad(loss, list(by.values()), retain_graph=True)
    return {'loss': loss.item(), **{name: told(g) for name, g in zip(by, found)}}


class Halfway(torch.autograd.Function):
    """x² with a derivative that is not its own: half the gradient, times x."""
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x / 10
    @staticmethod
    def backward(ctx, g): return g * ctx.saved_tensors[0] / 2


# A function with a derivative of its own.
kept = {}
def halfway(o):
    kept['x'] = o
    kept['y'] = Halfway.apply(o)
    return kept['y']
logits, (e,) = run(clean, {h[1]: halfway}, [wte])
results['apply'] = gradients(lead(logits), x=kept['x'], y=kept['y'], wte=e)

# A loss over two traces, and one that a value of the first flows into.
_, (e1, x1) = run(clean, {}, [wte, h[1]])
_, (e2, x2) = run(corrupt, {}, [wte, h[2]])
results['session'] = gradients((x1[0, -1] * x2[0, -1]).sum(), first=e1, second=e2, x=x1)
def patch(o):
    o = o.clone()
    o[:, -1] = x1[:, -1] * .5
    return o
logits, (e2,) = run(corrupt, {h[1]: patch}, [wte])
results['patched'] = gradients(lead(logits), first=e1, second=e2, x=x1)

# An edit that stays: a low-rank update.
waves = lambda *dims: (torch.cos(torch.arange(dims[0] * dims[1]).double()) * .05).reshape(dims).requires_grad_()
a, b = waves(128, 2), waves(2, 128)
logits, (e,) = run(clean, {h[2].mlp: lambda o: o + o @ a @ b}, [wte])
results['edit'] = gradients(lead(logits), a=a, b=b, wte=e)

# An attached model: a top-k autoencoder.
sae = weights('models/toy-sae/model.onnx')
def autoencoder(o):
    kept['x'] = o
    kept['encoded'] = o @ sae['onnx::MatMul_20'] + sae['encoder.bias']
    top = kept['encoded'].relu().topk(6, -1)
    kept['features'] = torch.zeros_like(kept['encoded']).scatter(-1, top.indices, top.values)
    return kept['features'] @ sae['onnx::MatMul_22'] + sae['decoder.bias'] + o * .5
logits, (e,) = run(clean, {h[2]: autoencoder}, [wte])
results['attached'] = gradients(lead(logits), x=kept['x'], encoded=kept['encoded'], features=kept['features'], wte=e)

# Two steps of a generation, the loss over both: what the second one reads of the first comes through its cache.
token = run(clean)[0][0, -1].argmax()
both = torch.cat([clean, token[None, None]], 1)
logits, (x1, x3) = run(both, {}, [h[1], h[3]])
length = clean.shape[1]
loss = lead(logits) * (logits[0, length - 1, answer] - logits[0, length - 1, wrong])
g1, = torch.autograd.grad(loss, x1)
results['generation'] = {'loss': loss.item(), 'first': told(g1[:, :length]), 'second': told(g1[:, length:])}

# Prompts of different lengths, each with a loss of its own.
fact = torch.tensor([toy['ids']['fact']])
for name, ids, loss_of in (('own', clean, lead), ('other', fact, lambda logits: logits[0, -1].square().sum())):
    logits, (e, x0, x3) = run(ids, {}, [wte, h[0], h[3]])
    results[name] = gradients(loss_of(logits), wte=e, h0=x0, h3=x3)

json.dump(results, open(f'{FIXTURES}/everywhere.json', 'w'))
