"""Gradients of gradients on the toy GPT-2, computed by PyTorch's autograd in float64.

usage: python second_order_gradients.py MODEL_DIR STATE.pt FIRST.json OUT.json
MODEL_DIR holds config.json; STATE.pt is the state dict of the toy GPT-2; FIRST.json is test/fixtures/gradients/toy.json,
whose prompts and tokens are used.
"""
import json, sys
import torch
from transformers import GPT2Config, GPT2LMHeadModel

folder, state, first, out = sys.argv[1:5]
config = GPT2Config.from_pretrained(folder)
config._attn_implementation = 'eager'
model = GPT2LMHeadModel(config).eval()
model.load_state_dict(torch.load(state))
model = model.double()
first = json.load(open(first))
clean, corrupt = (torch.tensor([first['ids'][k]]) for k in ('clean', 'corrupt'))
answer, wrong = first['tokens']['answer'], first['tokens']['wrong']
h, wte = model.transformer.h, model.transformer.wte
results = {}
grad = torch.autograd.grad


def run(ids, hooks):
    held = [m.register_forward_hook(lambda _, __, o, f=f: f(o)) for m, f in hooks.items()]
    logits = model(input_ids=ids, use_cache=False).logits
    for one in held: one.remove()
    return logits


def keeping(ids, *modules):
    """The lead of the answer, and the outputs of some modules."""
    kept = {}
    logits = run(ids, {m: (lambda o, m=m: kept.__setitem__(m, o)) for m in modules})
    return logits[0, -1, answer] - logits[0, -1, wrong], [kept[m] for m in modules]


def told(t):
    t = t.detach()
    flat = t.flatten()
    dot = (flat * torch.cos(torch.arange(flat.numel()).double())).sum()
    return {'dims': list(t.shape), 'first': flat[:16].tolist(), 'norm': flat.norm().item(), 'dot': dot.item()}


directions = torch.cos(torch.arange(clean.shape[1] * 128).double()).reshape(1, -1, 128)

# The norm of a gradient added to the loss.
lead, (x0, x1, e) = keeping(clean, h[0], h[1], wte)
g, = grad(lead, x1, create_graph=True)
loss = lead + .1 * (g ** 2).sum()
names = ['transformer.h.1.mlp.c_fc.weight', 'transformer.h.2.ln_1.bias', 'transformer.ln_f.weight', 'transformer.wte.weight']
parameters = dict(model.named_parameters())
made = grad(loss, [x0, x1, e] + [parameters[n] for n in names])
results['penalty'] = {'loss': loss.item(), **{n: told(t) for n, t in zip(['h0', 'h1', 'wte'] + names, made)}}

# The third derivative, along one direction: by differences of the second, as PyTorch's own (of layer_norm's double
# backward) is not what these say.
def second(shift):
    kept = {}
    def moved(o):
        kept['x'] = o + shift * directions
        return kept['x']
    logits = run(clean, {h[2]: moved})
    g, = grad(logits[0, -1, answer] - logits[0, -1, wrong], kept['x'], create_graph=True)
    return grad((g * directions).sum(), kept['x'])[0]


step = 1e-3
near, far = (second(k * step) - second(-k * step) for k in (1, 2))
results['third'] = {'h': told((8 * near - far) / (12 * step))}

# A step of gradient descent, and the loss after it, by where it began.
v = (torch.cos(torch.arange(128).double() * .3) * .1).requires_grad_(True)
logits = run(clean, {h[1]: lambda o: o + v})
g, = grad(logits[0, -1, answer] - logits[0, -1, wrong], v, create_graph=True)
logits = run(corrupt, {h[1]: lambda o: o + v - .5 * g})
loss = logits[0, -1, answer] - logits[0, -1, wrong]
by, = grad(loss, v)
results['meta'] = {'loss': loss.item(), 'v': told(by)}

# Through a branch that ran.
kept = {}
def branch(o):
    kept['x'] = o
    return o * torch.tanh(o)
logits = run(clean, {h[1]: branch, wte: lambda o: kept.__setitem__('e', o)})
g, = grad(logits[0, -1, answer] - logits[0, -1, wrong], kept['x'], create_graph=True)
a, b = grad((g * directions).sum(), [kept['x'], kept['e']])
results['branch'] = {'x': told(a), 'wte': told(b)}

# Through a loop that ran three times.
def loop(o):
    kept['x'] = o
    for _ in range(3): o = o * .5 + torch.tanh(o)
    return o
logits = run(clean, {h[1]: loop, wte: lambda o: kept.__setitem__('e', o)})
g, = grad(logits[0, -1, answer] - logits[0, -1, wrong], kept['x'], create_graph=True)
a, b = grad((g * directions).sum(), [kept['x'], kept['e']])
results['loop'] = {'x': told(a), 'wte': told(b)}

# Through a gradient that is set to something that depends on the tensor itself.
lead, (x1, x2) = keeping(clean, h[1], h[2])
x2.register_hook(lambda g: g * x2)
g, = grad(lead, x1, create_graph=True)
x2._backward_hooks.clear()
a, = grad((g * directions).sum(), x1)
results['set'] = {'h1': told(a)}

# By what a step of a generation had, of the gradient of the next one.
token = model(input_ids=clean).logits[0, -1].argmax()
ids = torch.cat([clean, token[None, None]], 1)
lead, (x1,) = keeping(ids, h[1])
g, = grad(lead, x1, create_graph=True)
a, = grad((g[:, :-1] * directions).sum(), x1)
results['step'] = {'h1': told(a[:, :-1])}

json.dump(results, open(out, 'w'))
