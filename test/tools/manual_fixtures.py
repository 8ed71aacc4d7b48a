"""What the how-to pages of docs/ print, computed by PyTorch with hooks, in float64.

usage: python manual_fixtures.py MODEL_DIR STATE.pt SAE.onnx OUT.json
MODEL_DIR holds config.json and tokenizer.json; STATE.pt is the state dict of the toy GPT-2; SAE.onnx is models/toy-sae.
"""
import json, math, sys
import numpy as np
import onnx
from onnx import numpy_helper
import torch
from tokenizers import Tokenizer
from transformers import GPT2Config, GPT2LMHeadModel

folder, state, sae_file, out = sys.argv[1:5]
config = GPT2Config.from_pretrained(folder)
config._attn_implementation = 'eager'
model = GPT2LMHeadModel(config).eval()
model.load_state_dict(torch.load(state))
model = model.double().requires_grad_(False)
tokenizer = Tokenizer.from_file(f'{folder}/tokenizer.json')
h, ln_f, wte = model.transformer.h, model.transformer.ln_f, model.transformer.wte
encode = lambda *texts: torch.tensor([tokenizer.encode(text).ids for text in texts])
word = tokenizer.token_to_id
name = tokenizer.id_to_token
first = lambda o: o[0] if isinstance(o, tuple) else o
layers, heads, size = range(4), range(4), 32
clean, corrupt = (encode(f'When Mary and John went to the store , {who} gave a drink to') for who in ('John', 'Mary'))
eiffel = encode('The Eiffel Tower is in the city of')
about = lambda *places: encode(*[f'The {place} is in the city of' for place in places])
mary, john, paris = word('Mary'), word('John'), word('Paris')
results = {}


def line(page, *values, digits=2):
    """A line that the page prints: texts, and numbers with so many digits."""
    text = ' '.join(value if isinstance(value, str) else f'{value:.{digits}f}' for value in values)
    results.setdefault(page, []).append(text)


def run(ids, before={}, after={}):
    """The logits, with hooks on the inputs and on the outputs of modules: each gives the new tensor, or None."""
    def pre(f):
        return lambda _, inputs: None if (new := f(inputs[0])) is None else (new, *inputs[1:])
    def post(f):
        def hook(_, __, o):
            new = f(first(o))
            return None if new is None else (new, *o[1:]) if isinstance(o, tuple) else new
        return hook
    held = [m.register_forward_pre_hook(pre(f)) for m, f in before.items()]
    held += [m.register_forward_hook(post(f)) for m, f in after.items()]
    logits = model(input_ids=ids, use_cache=False).logits
    for one in held: one.remove()
    return logits


def seen(ids, modules, port='output'):
    kept = {}
    hooks = {m: (lambda x, m=m: kept.__setitem__(m, x)) for m in modules}
    run(ids, **{'before' if port == 'input' else 'after': hooks})
    return [kept[m] for m in modules]


def changed(x, at, value):
    x = x.clone()
    x[at] = value
    return x


probabilities = lambda logits: logits[:, -1].softmax(-1)
difference = lambda logits: (logits[0, -1, mary] - logits[0, -1, john]).item()
last = (slice(None), -1)
columns = lambda head: (..., slice(size * head, size * head + size))
projections = [layer.attn.c_proj for layer in h]


def attention_of(ids):
    """The patterns of all layers: [layer, head, from, to]."""
    return torch.stack([pattern[0] for pattern in model(input_ids=ids, output_attentions=True).attentions])


# logit-lens
for one in [*seen(eiffel, [h[0]], 'input'), *seen(eiffel, h)]:
    value, index = model.lm_head(ln_f(one))[0, -1].softmax(-1).max(-1)
    line('logit-lens', name(index.item()), value)

# direct-logit-attribution
parts = [part for layer in h for part in (layer.attn, layer.mlp)]
stream = seen(clean, h)[-1]
scale = (stream.var(-1, unbiased=False, keepdim=True) + ln_f.eps).sqrt()
direction = ln_f.weight * (model.lm_head.weight[mary] - model.lm_head.weight[john])
share = lambda x: (((x - x.mean(-1, keepdim=True)) / scale) @ direction)[0, -1].item()
line('direct-logit-attribution', *[share(x) for x in [*seen(clean, [h[0]], 'input'), *seen(clean, parts)]])
line('direct-logit-attribution', *[share(z[columns(i)] @ p.weight[size * i:size * i + size])
                                   for p, z in zip(projections, seen(clean, projections, 'input')) for i in heads])

# activation-patching
high, low = difference(run(clean)), difference(run(corrupt))
line('activation-patching', high, low)
tokens = tokenizer.encode('When Mary and John went to the store , John gave a drink to').tokens
for title, modules in {'residual stream': h, 'attention': [l.attn for l in h], 'MLP': [l.mlp for l in h]}.items():
    for l, (module, value) in enumerate(zip(modules, seen(clean, modules))):
        for position, token in enumerate(tokens):
            at = (slice(None), position)
            patched = (difference(run(corrupt, after={module: lambda x: changed(x, at, value[at])})) - low) / (high - low)
            if patched > .5: line('activation-patching', f'{title} of layer {l} at {token}:', patched)

# activation-patching-by-head, path-patching
ours, theirs = seen(clean, projections, 'input'), seen(corrupt, projections, 'input')
for l in layers:
    line('activation-patching-by-head', *[
        (difference(run(corrupt, before={projections[l]: lambda x: changed(x, columns(i), ours[l][columns(i)])})) - low) / (high - low)
        for i in heads])
for sender in layers:
    row = []
    for i in heads:
        held = {p: (lambda x, l=l: ours[l] if l != sender else changed(ours[l], columns(i), theirs[l][columns(i)])) for l, p in enumerate(projections)}
        row.append(difference(run(clean, before=held)) - high)
    line('path-patching', *row)
for i in heads:
    kept = []
    run(clean, before={projections[0]: lambda x: changed(x, columns(i), theirs[0][columns(i)])}, after={h[1].attn.c_attn: kept.append})
    row = []
    for part in range(3):
        at = (..., slice(128 * part, 128 * part + 128))
        row.append(difference(run(clean, after={h[1].attn.c_attn: lambda x: changed(x, at, kept[0][at])})) - high)
    line('path-patching', *row)

# attention-patterns
looked = [tokens.index('Mary'), tokens.index('John'), len(tokens) - 1 - tokens[::-1].index('John')]
patterns = attention_of(clean)
for l in layers:
    for i in heads: line('attention-patterns', f'head {l}.{i}', *patterns[l, i, -1, looked].tolist())

# induction-heads
half = [2 + (i * 67 + 31) % 187 for i in range(20)]
patterns = attention_of(torch.tensor([half + half]))
for l in layers:
    line('induction-heads', *patterns[l].diagonal(-19, -2, -1)[:, 1:].mean(-1).tolist(), digits=3)

# attention-knockout: the softmax without one of its entries is the pattern without it, divided by what is left
line('attention-knockout', probabilities(run(eiffel))[0, paris], digits=3)


def without(layer, position):
    """P(Paris) where the last token does not look at a position in one layer."""
    attention = h[layer].attn
    x = seen(eiffel, [h[layer].ln_1])[0]
    q, k, v = attention.c_attn(x).split(128, -1)
    q, k, v = (one[0].view(-1, 4, size).transpose(0, 1) for one in (q, k, v))
    scores = q @ k.transpose(-1, -2) / math.sqrt(size)
    scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), -math.inf)
    scores[:, -1, position] = -math.inf
    z = (scores.softmax(-1) @ v).transpose(0, 1).reshape(1, -1, 128)
    return probabilities(run(eiffel, before={attention.c_proj: lambda _: z}))[0, paris]


for l in layers:
    line('attention-knockout', *[without(l, position) for position in range(eiffel.shape[1])], digits=3)

# ablation
tokyo = word('Tokyo')
prompt = about('Tokyo Tower')
elsewhere = [x[last] for x in seen(torch.cat([about(p) for p in ('Big Ben', 'Blue Mosque', 'Space Needle', 'Red Square', 'Opera House', 'Forbidden City')]), parts)]
line('ablation', probabilities(run(prompt))[0, tokyo], digits=3)
for i, part in enumerate(parts):
    left = [probabilities(run(prompt, after={part: lambda x: changed(x, last, value)}))[0, tokyo] for value in (elsewhere[i].mean(0), elsewhere[i][0])]
    line('ablation', f"{'MLP' if i % 2 else 'attention'} {i // 2}", *left, digits=3)

# facts-by-layer
facts = {'Eiffel Tower': 'Paris', 'Tokyo Tower': 'Tokyo', 'Red Square': 'Moscow', 'Big Ben': 'London', 'Blue Mosque': 'Istanbul'}
ids, cities = about(*facts), torch.tensor([[word(city)] for city in facts.values()])
mean_of = lambda logits: probabilities(logits).gather(1, cities).mean()
line('facts-by-layer', mean_of(run(ids)), digits=3)
for part, position in {'attention, subject': 3, 'MLP, subject': 3, 'attention, last': -1, 'MLP, last': -1}.items():
    at = (slice(None), position)
    modules = [layer.mlp if part.startswith('MLP') else layer.attn for layer in h]
    line('facts-by-layer', part, *[mean_of(run(ids, after={m: lambda x: changed(x, at, x[at].mean(0))})) for m in modules], digits=3)

# causal-tracing
tokens = tokenizer.encode('The Eiffel Tower is in the city of').tokens
at = (slice(None), slice(tokens.index('Eiffel'), tokens.index('Tower') + 1))
noise = torch.tensor(np.array([.4 * math.sin(i * i) for i in range(6 * 2 * 128)], dtype=np.float32)).double().view(6, 2, 128)
blur = {wte: lambda x: changed(x, at, x[at] + noise)}
draws = eiffel.repeat(6, 1)
chance = lambda logits: probabilities(logits)[:, paris].mean()
line('causal-tracing', chance(run(eiffel)), chance(run(draws, after=blur)))
for title, modules in {'layer output': h, 'MLP': [l.mlp for l in h], 'attention': [l.attn for l in h]}.items():
    for module, value in zip(modules, seen(eiffel, modules)):
        row = []
        for position in range(eiffel.shape[1]):
            put = (slice(None), position)
            row.append(chance(run(draws, after={**blur, module: lambda x: changed(x, put, value[put])})))
        line('causal-tracing', title, *row)

# function-vectors
known = ['Germany', 'Italy', 'Japan', 'Spain', 'Russia', 'Portugal']
fresh = {'France': 'Paris', 'Greece': 'Athens', 'China': 'Beijing', 'England': 'London'}
asks = lambda what, countries: encode(*[f'The {what} of {country} is' for country in countries])
attentions = [layer.attn for layer in h]
vectors = [a[last].mean(0) - b[last].mean(0) for a, b in zip(seen(asks('capital', known), attentions), seen(asks('language', known), attentions))]
prompts, capitals = asks('language', fresh), torch.tensor([[word(city)] for city in fresh.values()])
named = lambda logits: probabilities(logits).gather(1, capitals).mean()
line('function-vectors', named(run(prompts)), digits=3)
for vector in vectors:
    line('function-vectors', *[named(run(prompts, after={h[p]: lambda x: changed(x, last, x[last] + vector)})) for p in range(3)], digits=3)

# steering
towards, away = (seen(about(*places), [h[1]])[0][last].mean(0) for places in (('Tokyo Tower', 'Senso-ji Temple'), ('Big Ben', 'Tower Bridge')))
direction = towards - away
prompt = encode('You can visit the Big Ben in')
steered = lambda ids, strength: run(ids, after={h[1]: lambda x: changed(x, last, x[last] + strength * direction)})
for strength in (0, .2, .4, .6, .8, 1):
    line('steering', *probabilities(steered(prompt, strength))[0, [word('London'), tokyo]].tolist(), digits=3)


def generated(ids, step, count):
    """The words that are generated, without a cache: what a step does at the last token stays with that token."""
    new = []
    for _ in range(count):
        token = step(ids).argmax().item()
        new.append(name(token))
        ids = torch.cat([ids, torch.tensor([[token]])], 1)
    return new, ids


for strength in (0, 1):
    start = prompt.shape[1] - 1
    at = (slice(None), slice(start, None))
    words, _ = generated(prompt, lambda ids: run(ids, after={h[1]: lambda x: changed(x, at, x[at] + strength * direction)})[0, -1], 2)
    line('steering', *words)

# generation-values
ids = encode('When Mary and John went to the')
entropies = []


def step(ids):
    logs = run(ids)[0, -1].log_softmax(-1)
    entropies.append(-(logs.exp() * logs).sum())
    return logs


words, _ = generated(ids, step, 9)
line('generation-values', *words)
line('generation-values', *entropies)

# project-out
places = ['Eiffel Tower', 'Louvre', 'Big Ben', 'Tower Bridge', 'Colosseum', 'Tokyo Tower']
mean_state = lambda *places: torch.stack([seen(about(place), [h[2]])[0][0, -1] for place in places]).mean(0)
direction = mean_state('Eiffel Tower', 'Louvre') - mean_state('Big Ben', 'Tower Bridge')
direction = direction / direction.norm()
out_of = lambda x: x - (x @ direction)[..., None] * direction
for place in places:
    rows = [probabilities(run(about(place), **hooks))[0, [paris, word('London')]].tolist()
            for hooks in ({}, {'before': {h[0]: out_of}, 'after': {layer: out_of for layer in h}})]
    line('project-out', place, *rows[0], *rows[1])

# pca
cities = [['Eiffel Tower', 'Louvre'], ['Colosseum', 'Pantheon'], ['Big Ben', 'Tower Bridge'], ['Acropolis', 'Parthenon'],
          ['Tokyo Tower', 'Senso-ji Temple'], ['Kremlin', 'Red Square']]
states = torch.stack([seen(about(place), [h[3]])[0][0, -1] for city in cities for place in city])
centred = states - states.mean(0)
_, s, vh = torch.linalg.svd(centred, full_matrices=False)
line('pca', *(s ** 2 / (s ** 2).sum()).tolist(), digits=3)
line('pca', *(centred @ vh[:2].T).abs().mean(0).tolist())

# probe
names = ['Mary', 'John', 'Tom', 'Alice', 'Paul', 'Anna', 'Ruth', 'Mark', 'Emma', 'Jack', 'Lisa', 'Peter']
sentences = [(f'When {a} and {b} went to the store , {giver} gave a drink to', 1. if giver == a else -1., (i + j) % 3 == 0)
             for i, a in enumerate(names) for j, b in enumerate(names) if i != j for giver in (a, b)]
states = [x[last] for x in seen(encode(*[text for text, _, _ in sentences]), h)]
labels, tested = torch.tensor([l for _, l, _ in sentences]).double(), torch.tensor([t for _, _, t in sentences])
line('probe', str((~tested).sum().item()), str(tested.sum().item()))
accuracies = []
for x in states:
    x = torch.cat([x, torch.ones(len(x), 1)], 1)
    solution = torch.linalg.lstsq(x[~tested], labels[~tested, None], driver='gelsd').solution
    accuracies.append(((x[tested] @ solution)[:, 0] * labels[tested] > 0).double().mean())
line('probe', *accuracies, digits=1)

# ov-circuit
for i in heads:
    ov = h[1].attn.c_attn.weight[:, 256 + size * i:256 + size * i + size] @ h[1].attn.c_proj.weight[size * i:size * i + size]
    line('ov-circuit', *torch.linalg.svdvals(ov)[:6].tolist())

# streaming
names = 'Mary John Tom Alice Paul Anna Ruth Mark Emma Jack Lisa Peter Adam Alex Amy Bob Carol Dan David Ella Frank James Jane Kate'.split()
prompts = [f'When {a} and {b} went to the store , {b} gave a drink to' for a in names for b in names if a != b][:500]
states = torch.stack([x[last] for x in seen(encode(*prompts), h)], 1)
line('streaming', str(128 + states.numel() * 4))
line('streaming', *map(str, states.shape), 'float32')
line('streaming', *states.norm(dim=-1).mean(0).tolist())

# different-lengths: each prompt alone
for text in ('The capital of Germany is', 'The Eiffel Tower is in the city of', 'When Mary and John went to the store , John gave a drink to'):
    value, index = probabilities(run(encode(text)))[0].max(-1)
    line('different-lengths', name(index.item()), f'{value:.3f}', 'true')

# sae
graph = onnx.load(sae_file).graph
weights = {w.name: torch.tensor(numpy_helper.to_array(w)).double() for w in graph.initializer}
into, out_of = weights['onnx::MatMul_20'], weights['onnx::MatMul_22']
cities = [['Kremlin', 'Red Square'], ['Eiffel Tower', 'Louvre'], ['Colosseum', 'Pantheon']]
prompts = [about(place) for city in cities for place in city]


def features_of(x):
    """The six largest, and zeros."""
    top = (x @ into + weights['encoder.bias']).relu().topk(6, -1)
    return torch.zeros(*x.shape[:-1], 256).double().scatter(-1, top.indices, top.values)


def reconstructed(value, kept):
    def through(x):
        features = features_of(x)
        kept.append(features[0, -1])
        if value is not None: features[0, -1, moscow] = value
        return features @ out_of + weights['decoder.bias']
    return through


kept = []
moscow = None
for ids in prompts: run(ids, after={h[2]: reconstructed(None, kept)})
features = torch.stack(kept)
moscow = (features[:2].min(0).values - features[2:].max(0).values).argmax().item()
line('sae', str(moscow), *features[:, moscow].tolist())
for value in (None, 0, 20):
    line('sae', *[probabilities(run(ids, after={h[2]: reconstructed(value, [])}))[0, word('Moscow')] for ids in prompts])

with open(out, 'w') as file:
    json.dump(results, file, indent=1, ensure_ascii=False)
    file.write('\n')
