"""Writes test/fixtures/parity.json: interventions on several prompts, passes and steps, as PyTorch's hooks do them.

Run with: python test/tools/parity_fixtures.py (needs torch, transformers, tokenizers and onnx).
The weights come from the committed .onnx files; the models that run are those of torch and transformers.
"""

import contextlib
import json
import pathlib

import onnx
import torch
from onnx import numpy_helper
from tokenizers import Tokenizer
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.generation.logits_process import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

ROOT = pathlib.Path(__file__).parents[2]
torch.manual_seed(0)
torch.set_grad_enabled(False)


def weights(path):
    return {i.name: torch.tensor(numpy_helper.to_array(i)) for i in onnx.load(ROOT / path).graph.initializer}


def loaded(module, state):
    missing, unexpected = module.load_state_dict(state, strict=False)
    assert set(missing) <= {'lm_head.weight'}, missing
    return module.eval()


FOLDER = ROOT / 'models/toy-gpt2'
config = GPT2Config.from_pretrained(FOLDER)
config._attn_implementation = 'eager'
gpt2 = loaded(GPT2LMHeadModel(config), {
    name: value for name, value in weights('models/toy-gpt2/model.onnx').items() if name.startswith('transformer.')
})
gpt2.tie_weights()
tokenizer = Tokenizer.from_file(str(FOLDER / 'tokenizer.json'))
h = gpt2.transformer.h


class Sae(nn.Module):
    def __init__(self, state):
        super().__init__()
        self.encoder, self.relu, self.decoder = nn.Linear(128, 512), nn.ReLU(), nn.Linear(512, 128)
        matrices = [value for name, value in state.items() if 'MatMul' in name]
        for linear, matrix, name in zip([self.encoder, self.decoder], matrices, ['encoder', 'decoder']):
            linear.weight.copy_(matrix.T)
            linear.bias.copy_(state[f'{name}.bias'])

    def forward(self, x):
        return self.decoder(self.relu(self.encoder(x)))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin, self.act = nn.Linear(8, 8), nn.GELU()

    def forward(self, x):
        return x + self.act(self.lin(x))


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.block, self.head = Block(), nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.block(self.block(x)))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1, self.layer2 = nn.Linear(5, 10), nn.Linear(10, 2)

    def forward(self, x):
        return self.layer2(self.layer1(x))


def encode(tensor):
    values = tensor.flatten().tolist()
    return {'dims': list(tensor.shape), 'data': [round(v, 6) if isinstance(v, float) else v for v in values]}


def ids(prompt):
    return torch.tensor([tokenizer.encode(prompt).ids])


def padded(prompts):
    """Prompts as one batch, padded on the left, with their mask and positions."""
    rows = [tokenizer.encode(prompt).ids for prompt in prompts]
    length = max(map(len, rows))
    tokens = torch.tensor([[0] * (length - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows])
    return {'input_ids': tokens, 'attention_mask': mask, 'position_ids': (mask.cumsum(-1) - 1).clamp(min=0)}


def first(value):
    return value[0] if isinstance(value, tuple) else value


@contextlib.contextmanager
def hooked(*hooks):
    """(module, f): f(output) gives the new output, or None; (module, f, 'input') the same for the input."""
    handles = []
    for module, f, *port in hooks:
        def after(_, inputs, output, f=f):
            new = f(first(output))
            if new is None:
                return output
            return (new, *output[1:]) if isinstance(output, tuple) else new

        def before(_, inputs, f=f):
            return (f(inputs[0]), *inputs[1:])

        handles.append(module.register_forward_pre_hook(before) if port else module.register_forward_hook(after))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def run(inputs, *hooks):
    """Logits at the last position."""
    with hooked(*hooks):
        return gpt2(**(inputs if isinstance(inputs, dict) else {'input_ids': inputs})).logits[:, -1]


def read(inputs, module, *hooks):
    box = []
    run(inputs, *hooks, (module, lambda o: box.append(o.clone())))
    return box[0]


def changed(f):
    """A hook that changes a copy in place."""
    def hook(value):
        value = value.clone()
        f(value)
        return value
    return hook


def set_last(value):
    return changed(lambda o: o[:, -1].copy_(value))


def add_last(value):
    return changed(lambda o: o[:, -1].add_(value))


def generate(inputs, count, *hooks, **kwargs):
    """Greedy, with the KV cache, by transformers: the new tokens, and the logits of every step."""
    with hooked(*hooks):
        inputs = {k: v for k, v in inputs.items() if k != 'position_ids'}
        out = gpt2.generate(**inputs, max_new_tokens=count, do_sample=False, eos_token_id=None, pad_token_id=0,
                            return_dict_in_generate=True, output_logits=True, use_cache=True, **kwargs)
    return {'tokens': out.sequences[:, inputs['input_ids'].shape[1]:].tolist(),
            'logits': encode(torch.stack(out.logits))}


def by_step(edits):
    """A hook whose k-th call does edits[k], if it is there."""
    count = [0]

    def hook(value):
        step, count[0] = count[0], count[0] + 1
        return edits[step](value) if step in edits else None
    return hook


reference = json.loads((ROOT / 'test/fixtures/toy-gpt2.json').read_text())
prompts = reference['prompts']
clean, corrupt, fact = (ids(prompts[name]) for name in ['clean', 'corrupt', 'fact'])
steer = torch.tensor(reference['cases']['generate']['steer']['data'])
france = prompts['others'][0]
all_prompts = [prompts['fact'], *prompts['others']]
cases = {}

# Invokes.
resid = read(clean, h[1])
pair = padded([prompts['fact'], france])
cases['patch_across'] = {
    'what': 'h[1].output at the last position goes from clean to corrupt',
    'corrupt': encode(run(corrupt, (h[1], set_last(resid[:, -1])))[0]),
}
cases['patch_back'] = {
    'what': 'h[2].output at the last position goes from the second prompt (france) to the first (fact)',
    'fact': encode(run(fact, (h[2], set_last(read(ids(france), h[2])[:, -1])))[0]),
    'france': encode(run(ids(france))[0]),
}
def zero_head(i):
    return lambda v: v[..., 32 * i:32 * i + 32].zero_()
cases['heads_in_batch'] = {
    'what': 'of three prompts of different lengths, prompt i without head i of layer 1',
    'logits': [encode(run(ids(p), (h[1].attn.c_proj, changed(zero_head(i)), 'input'))[0])
               for i, p in enumerate(all_prompts)],
}
cases['batch_mean'] = {
    'what': 'the mean over the rows of three prompts of h[2].output at the last position, added to each row there',
    'logits': encode(run(padded(all_prompts), (h[2], changed(lambda o: o[:, -1].add_(o[:, -1].mean(0)))))),
}
cases['embeddings'] = {
    'what': 'corrupt with the token embeddings of clean: the same as clean',
    'logits': encode(run(corrupt, (gpt2.transformer.wte, lambda o: gpt2.transformer.wte.weight[clean]))[0]),
}

# Sessions.
a = read(fact, h[0])[0, -1]
b = read(clean, h[2], (h[1], set_last(a)))[0, -1]
cases['session_chain'] = {
    'what': 'a = h[0] of fact at the end; clean with h[1] at the end = a, b = h[2] there; corrupt with h[3] at the end += b',
    'b': encode(b),
    'logits': encode(run(corrupt, (h[3], add_last(b)))[0]),
}
factors = [0.5, 1.0, 2.0]
cases['session_loop'] = {
    'what': 'one trace per factor, h[1].output *= factor; the logits add up',
    'factors': factors,
    'each': [encode(run(clean, (h[1], lambda o, f=f: o * f))[0]) for f in factors],
    'sum': encode(sum(run(clean, (h[1], lambda o, f=f: o * f))[0] for f in factors)),
}

# Edits, inputs, operations inside a module.
cases['edits'] = {
    'what': 'h[1].output *= 0.5; and on top of it h[3].mlp.output at the end = 0',
    'one': encode(run(clean, (h[1], lambda o: o * 0.5))[0]),
    'both': encode(run(clean, (h[1], lambda o: o * 0.5), (h[3].mlp, set_last(0)))[0]),
}
cases['input'] = {
    'what': 'h[2].mlp.input *= 2: only the mlp sees it',
    'logits': encode(run(clean, (h[2].mlp, lambda i: i * 2, 'input'))[0]),
}
@contextlib.contextmanager
def pattern_changed(layer, change):
    """The attention of GPT-2 takes its softmax from nn.functional: one call per layer."""
    plain, calls = nn.functional.softmax, [0]
    def softmax(*args, **kwargs):
        pattern = plain(*args, **kwargs)
        if calls[0] == layer:
            change(pattern)
        calls[0] += 1
        return pattern
    nn.functional.softmax = softmax
    try:
        yield
    finally:
        nn.functional.softmax = plain


with pattern_changed(1, lambda pattern: pattern[..., 0].zero_()):
    without_first = run(clean)[0]
assert (without_first - run(clean)[0]).abs().max() > 0.01
cases['pattern'] = {
    'what': 'the attention pattern of layer 1 without its first column',
    'logits': encode(without_first),
}
before = read(pair, h[1])
cases['skip_first'] = {
    'what': 'in a batch of fact and france, h[2] is skipped for the first alone',
    'logits': encode(run(pair, (h[2], changed(lambda o: o[0].copy_(before[0]))))),
}
cases['scaled_norms'] = {
    'what': 'norms of the outputs of all blocks with h[1].output *= 0.5',
    'norms': [round(read(clean, block, (h[1], lambda o: o * 0.5)).norm().item(), 4) for block in h],
}

u, v = torch.sin(torch.arange(512.)), 0.05 * torch.cos(torch.arange(128.))
weight = h[1].mlp.c_proj.weight
before = weight.clone()
weight += torch.outer(u, v)
low_rank = run(clean)[0]
weight.copy_(before)
cases['low_rank'] = {
    'what': 'the weight of h[1].mlp.c_proj (512 by 128) += outer(sin(0, 1, …), cos(0, 1, …) / 20)',
    'logits': encode(low_rank),
}

# Another model inside.
sae = Sae(weights('test/fixtures/zoo/sae.ts.onnx'))
x = read(clean, h[0])
def clamped(value):
    features = torch.relu(sae.encoder(value))
    features[..., 7] = 5
    return sae.decoder(features)
cases['sae'] = {
    'what': 'h[0].output goes through the sae; and with its feature 7 clamped to 5',
    'features': encode(torch.relu(sae.encoder(x))[0, -1]),
    'plain': encode(run(clean, (h[0], lambda o: sae(o)))[0]),
    'clamped': encode(run(clean, (h[0], clamped))[0]),
    'generated': generate(padded([prompts['fact']]), 4, (h[0], clamped)),
}
both = (h[0], lambda o: sae(o))
france_ids = ids(france)
cases['attached'] = {
    'what': 'h[0].output and h[2].output go through one sae; then with changes at one of the two places, or in one of two prompts',
    'features': [encode(torch.relu(sae.encoder(read(clean, h[0])))[0, -1]),
                 encode(torch.relu(sae.encoder(read(clean, h[2], both)))[0, -1])],
    'plain': encode(run(clean, both, (h[2], lambda o: sae(o)))[0]),
    'clamped': [encode(run(clean, (h[0], clamped), (h[2], lambda o: sae(o)))[0]),
                encode(run(clean, both, (h[2], clamped))[0])],
    'halved': encode(run(clean, (h[0], lambda o: 0.5 * sae(o)), (h[2], lambda o: sae(o)))[0]),
    'mixed': encode(run(clean, (h[0], lambda o: o + 0.5 * sae(o)))[0]),
    'zeroed': encode(run(clean, (h[0], lambda o: o * 0))[0]),
    'fact': encode(run(fact, both, (h[2], lambda o: sae(o)))[0]),
    'france': encode(run(france_ids, both, (h[2], clamped))[0]),
    'generated': generate(padded([prompts['fact']]), 4, both, (h[2], clamped)),
}

# Generation with the KV cache.
cases['generate_cached'] = {
    'what': 'greedy, 6 new tokens after fact; steer at the last position of h[2].output at all steps, or some',
    'plain': generate(padded([prompts['fact']]), 6),
    'all': generate(padded([prompts['fact']]), 6, (h[2], add_last(steer))),
    'first': generate(padded([prompts['fact']]), 6, (h[2], by_step({0: add_last(steer)}))),
    'range': generate(padded([prompts['fact']]), 6, (h[2], by_step({s: add_last(steer) for s in range(2, 4)}))),
    'sparse': generate(padded([prompts['fact']]), 6, (h[2], by_step({s: add_last(steer) for s in (0, 2, 5)}))),
    'growing': generate(padded([prompts['fact']]), 6, (h[2], by_step({s: add_last(steer * 0.25 * s) for s in range(6)}))),
}
def steer_row(row):
    return changed(lambda o: o[row, -1].add_(steer))
cases['generate_batch'] = {
    'what': 'fact and france as one batch, 5 new tokens; steered at steps 0 to 2 in the first, at 1 and 3 in the second',
    'plain': generate(pair, 5),
    'steered': generate(pair, 5, (h[2], by_step({0: steer_row(0), 2: steer_row(0)})),
                        (h[2], by_step({1: changed(lambda o: (o[0, -1].add_(steer), o[1, -1].add_(steer))),
                                        3: steer_row(1)}))),
}
cases['generate_embeddings'] = {
    'what': 'corrupt with the token embeddings of clean in the first step, 4 new tokens',
    'generated': generate(padded([prompts['corrupt']]), 4,
                          (gpt2.transformer.wte, by_step({0: lambda o: gpt2.transformer.wte.weight[clean]}))),
}
logits = run(fact)
def distribution(*warpers):
    scores = logits
    for warper in warpers:
        scores = warper(fact, scores)
    return encode(scores.softmax(-1)[0])
cases['sampling'] = {
    'what': 'probabilities of the next token after fact',
    'temperature': distribution(TemperatureLogitsWarper(1.5)),
    'top_k': distribution(TemperatureLogitsWarper(4.0), TopKLogitsWarper(3)),
    'top_p': distribution(TemperatureLogitsWarper(4.0), TopPLogitsWarper(0.6)),
}

# Small models.
x = torch.rand(2, 8)
twice = loaded(Twice(), weights('test/fixtures/edge/twice.ts.onnx'))
def twice_with(edits):
    with hooked((twice.block, by_step(edits))):
        return encode(twice(x))
cases['calls'] = {
    'what': 'a block that runs twice: doubled at its first call, at its second, at both',
    'x': encode(x),
    'first': twice_with({0: lambda o: o * 2}),
    'second': twice_with({1: lambda o: o * 2}),
    'both': twice_with({0: lambda o: o * 2, 1: lambda o: o * 2}),
}
x = torch.rand(3, 5)
mlp = loaded(Mlp(), weights('test/fixtures/zoo/mlp.ts.onnx'))
def mlp_with(f):
    with hooked((mlp.layer1, f)):
        return encode(mlp(x))
cases['mlp'] = {
    'what': 'three rows; layer1.output of rows 0 and 1 zeroed; row 0 set to 1 and rows 1, 2 doubled',
    'x': encode(x),
    'plain': encode(mlp(x)),
    'layer1': encode(mlp.layer1(x)),
    'zeroed': mlp_with(changed(lambda o: o[:2].zero_())),
    'mixed': mlp_with(changed(lambda o: (o[:1].fill_(1), o[1:].mul_(2)))),
    'weight': encode(mlp.layer1.weight),
}

OUT = ROOT / 'test/fixtures/parity.json'
OUT.write_text(json.dumps(cases) + '\n')
print({name: len(json.dumps(case)) for name, case in cases.items()})
for name in ['generate_cached', 'generate_batch', 'generate_embeddings']:
    print(name, {k: v['tokens'] for k, v in cases[name].items() if k != 'what'})
