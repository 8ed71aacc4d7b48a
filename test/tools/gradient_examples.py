"""What examples/ prints about gradients and what is trained with them, computed by PyTorch's autograd in float64.

usage: python gradient_examples.py MODEL_DIR STATE.pt SAE.onnx OUT.json
MODEL_DIR holds config.json and tokenizer.json; STATE.pt is the state dict of the toy GPT-2; SAE.onnx is models/toy-sae.
"""
import json, sys
import onnx
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from transformers import GPT2Config, GPT2LMHeadModel

folder, state, sae_file, out = sys.argv[1:5]
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
women, men = ['Mary', 'Anna', 'Sara', 'Emma', 'Kate', 'Lisa'], ['John', 'Tom', 'Peter', 'David', 'Mark', 'Paul']
names = women + men
pairs = [(one, other) for one in names for other in names if one != other]
texts = [f'When {one} and {other} went to the store , {giver} gave a drink to' for one, other in pairs for giver in (other, one)]
gets_woman = torch.tensor([float(name in women) for pair in pairs for name in pair]).double()
ids = encode(texts)
states = []
run(ids, {m: (lambda o: states.append(o[:, -1])) for m in [model.transformer.drop, *h]})
features = torch.stack(states)
learn = torch.tensor([i // 2 % 5 != 0 for i in range(len(texts))])
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

# What the two examples with the autoencoder share: x is what layer 2 writes, error what the autoencoder leaves out.
weights = {w.name: torch.tensor(onnx.numpy_helper.to_array(w)).double() for w in onnx.load(sae_file).graph.initializer}
encode_matrix, decode_matrix = weights['onnx::MatMul_20'], weights['onnx::MatMul_22']
ACTIVE = 6


def strongest(pre):
    top = pre.relu().topk(ACTIVE, -1)
    return torch.zeros_like(pre).scatter(-1, top.indices, top.values)


# sae-attribution.ts
places = [('Eiffel Tower', 'Paris'), ('Colosseum', 'Rome'), ('Big Ben', 'London'), ('Acropolis', 'Athens'), ('Kremlin', 'Moscow'),
          ('Hagia Sophia', 'Istanbul')]
cities = [tokenizer.token_to_id(city) for _, city in places]
answers = []
for i, (name, _) in enumerate(places):
    ids = encode([f'The {name} is in the city of'])
    own = {}

    def with_sae(x, drop=None):
        if drop is None:
            own['features'] = strongest(x @ encode_matrix + weights['encoder.bias']).detach().requires_grad_(True)
            decoded = own['features'] @ decode_matrix + weights['decoder.bias']
            own['error'] = (x - decoded).detach().requires_grad_(True)
            return decoded + own['error']
        kept = own['features'].detach().clone()
        kept[0, -1, drop] = 0
        return kept @ decode_matrix + weights['decoder.bias'] + own['error'].detach()
    lead_of = lambda logits: logits[0, -1, cities[i]] - logits[0, -1, cities].mean()
    lead = lead_of(run(ids, {h[2]: with_sae}))
    lead.backward()
    effects = (own['features'] * own['features'].grad)[0, -1]
    there = (own['features'][0, -1] > 0).nonzero()[:, 0].tolist()
    with torch.no_grad():
        losses = [(lead - lead_of(run(ids, {h[2]: lambda x: with_sae(x, feature)}))).item() for feature in there]
    answers.append({'lead': lead.item(), 'features': there, 'attribution': [effects[f].item() for f in there], 'measured': losses,
                    'error': (own['error'] * own['error'].grad)[0, -1].sum().item()})
results['sae-attribution'] = {'answers': answers}

# attribution-graph.ts: the model by hand, with patterns and scales that are constants and each MLP's output as a source.
ids = encode(['The Kremlin is in the city of'])
transformer, head = model.transformer, config.n_head
with torch.no_grad():
    seen = model(input_ids=ids, use_cache=False, output_attentions=True, output_hidden_states=True)
    writes = []
    run(ids, {block.mlp: (lambda o: writes.append(o.clone())) for block in h})
params = {}
source = lambda x: x.detach().clone().requires_grad_(True)
effect = lambda x: (x * x.grad).sum(-1)[0].tolist()


def bias(name, value):
    params[name] = source(value)
    return params[name]


def frozen_norm(norm, x, name):
    scale = (x.var(-1, unbiased=False, keepdim=True) + norm.eps).rsqrt().detach()
    return (x - x.mean(-1, keepdim=True)) * scale * norm.weight + bias(name, norm.bias)


def frozen_layer(i, x, mlp):
    attn, width = h[i].attn, config.n_embd
    normed = frozen_norm(h[i].ln_1, x, f'{i}.ln_1')
    values = (normed @ attn.c_attn.weight + bias(f'{i}.c_attn', attn.c_attn.bias))[..., 2 * width:]
    heads = values.unflatten(-1, (head, -1)).transpose(1, 2)
    mixed = (seen.attentions[i] @ heads).transpose(1, 2).flatten(2)
    return x + mixed @ attn.c_proj.weight + bias(f'{i}.c_proj', attn.c_proj.bias) + mlp


x = seen.hidden_states[3]
features = source(strongest(x @ encode_matrix + weights['encoder.bias']))
decoded = features @ decode_matrix + bias('decoder', weights['decoder.bias'])
error, mlp = source(x - decoded), source(writes[3])
final = frozen_norm(transformer.ln_f, frozen_layer(3, decoded + error, mlp), 'ln_f')
logit = final[0, -1] @ model.lm_head.weight[tokenizer.token_to_id('Moscow')]
logit.backward()
graph = {'logit': logit.item(), 'features': (features * features.grad).sum().item(), 'error': sum(effect(error)), 'mlp': sum(effect(mlp)),
         'biases': sum((b * b.grad).sum().item() for b in params.values())}
ranked = (features * features.grad)[0].detach()
paths = []
for place in ranked.abs().flatten().topk(6).indices.tolist():
    position, feature = divmod(place, ranked.shape[1])
    params.clear()
    words, mlps = source(seen.hidden_states[0]), [source(w) for w in writes[:3]]
    x = words
    for i in range(3): x = frozen_layer(i, x, mlps[i])
    pre = (x @ encode_matrix + bias('encoder', weights['encoder.bias']))[0, position, feature]
    pre.backward()
    paths.append({'feature': feature, 'position': position, 'effect': ranked[position, feature].item(), 'encoder': pre.item(),
                  'words': sum(effect(words)), 'mlps': sum(sum(effect(m)) for m in mlps),
                  'biases': sum((b * b.grad).sum().item() for b in params.values())})
results['attribution-graph'] = {'top': graph, 'paths': paths}

json.dump({name: [float(f'{x:.9g}') for x in r] if isinstance(r, list) else r for name, r in results.items()}, open(out, 'w'))
