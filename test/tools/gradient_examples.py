"""What examples/ prints about trained things, computed by PyTorch's autograd in float64.

usage: python gradient_examples.py MODEL_DIR STATE.pt OUT.json
MODEL_DIR holds config.json and tokenizer.json; STATE.pt is the state dict of the toy GPT-2.
"""
import json, sys
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from transformers import GPT2Config, GPT2LMHeadModel

folder, state, out = sys.argv[1:4]
config = GPT2Config.from_pretrained(folder)
config._attn_implementation = 'eager'
model = GPT2LMHeadModel(config).eval()
model.load_state_dict(torch.load(state))
model = model.double()
model.requires_grad_(False)
tokenizer = Tokenizer.from_file(f'{folder}/tokenizer.json')
h = model.transformer.h
encode = lambda texts: torch.tensor([tokenizer.encode(text).ids for text in texts])
results = {}


def run(ids, hooks):
    """The logits, with `hooks` by module: each gives what its module's output becomes, or None."""
    held = [m.register_forward_hook(lambda _, __, o, f=f: f(o)) for m, f in hooks.items()]
    logits = model(input_ids=ids, use_cache=False).logits
    for one in held: one.remove()
    return logits


# learned-direction.ts
clean, corrupt = encode(['When Mary and John went to the store , John gave a drink to',
                         'When Mary and John went to the store , Mary gave a drink to'])[:, None]
mary, john = tokenizer.token_to_id('Mary'), tokenizer.token_to_id('John')
position = 10
kept = {}
run(clean, {h[0]: lambda o: kept.__setitem__('donor', o[:, position])})
rotation = torch.cos(torch.arange(config.n_embd).double() * .3).requires_grad_(True)
adam = torch.optim.Adam([rotation], lr=.05)
leads = []
for _ in range(61):
    direction = rotation / rotation.norm()

    def patch(o):
        o = o.clone()
        o[:, position] = o[:, position] + ((kept['donor'] - o[:, position]) @ direction)[:, None] * direction
        return o
    logits = run(corrupt, {h[0]: patch})[0, -1]
    lead = logits[mary] - logits[john]
    leads.append(lead.item())
    adam.zero_grad()
    (-lead).backward()
    adam.step()
results['learned-direction'] = leads

# low-rank-update.ts
a = (torch.cos(torch.arange(512).double() * .7).reshape(128, 4) * .05).requires_grad_(True)
b = torch.zeros(4, 512, dtype=torch.double, requires_grad=True)
adam = torch.optim.Adam([a, b], lr=.01)
losses = []
for _ in range(61):
    held = h[1].mlp.c_fc.register_forward_hook(lambda _, i, o: o + i[0] @ a @ b)
    loss = F.cross_entropy(model(input_ids=clean, use_cache=False).logits[0, :-1], clean[0, 1:])
    held.remove()
    losses.append(loss.item())
    adam.zero_grad()
    loss.backward()
    adam.step()
results['low-rank-update'] = losses

# linear-probe.ts: whether the one that gets the drink has a woman's name.
women, men = ['Mary', 'Anna', 'Sara', 'Emma', 'Kate'], ['John', 'Tom', 'Peter', 'David', 'Mark']
names = women + men
pairs = [(one, other) for one in names for other in names if one != other]
texts = [f'When {one} and {other} went to the store , {giver} gave a drink to' for one, other in pairs for giver in (other, one)]
gets_woman = torch.tensor([float(name in women) for pair in pairs for name in pair]).double()
ids = encode(texts)
states = []
run(ids, {m: (lambda o: states.append(o[:, -1])) for m in [model.transformer.drop, *h]})
features = torch.stack(states)
learn = torch.tensor([i // 2 % 3 != 0 for i in range(len(texts))])
weight = torch.zeros(len(states), config.n_embd, dtype=torch.double, requires_grad=True)
bias = torch.zeros(len(states), 1, dtype=torch.double, requires_grad=True)
adam = torch.optim.Adam([weight, bias], lr=.01)
for _ in range(100):
    logits = (features[:, learn] @ weight[:, :, None])[..., 0] + bias
    loss = (F.softplus(logits) - logits * gets_woman[learn]).mean(-1)
    adam.zero_grad()
    loss.sum().backward()
    adam.step()
with torch.no_grad():
    logits = (features[:, ~learn] @ weight[:, :, None])[..., 0] + bias
    right = ((logits > 0) == (gets_woman[~learn] > 0.5)).double().mean(-1)
results['linear-probe'] = {'losses': loss.tolist(), 'accuracies': right.tolist(), 'texts': len(texts)}

json.dump({name: [float(f'{x:.9g}') for x in r] if isinstance(r, list) else r for name, r in results.items()}, open(out, 'w'))
