"""What the helpers of onnsight/analysis give on the toy GPT-2, computed by PyTorch with hooks.

usage: python analysis_fixtures.py MODEL_DIR STATE.pt OUT.json
"""
import json, sys
import torch
from tokenizers import Tokenizer
from transformers import GPT2Config, GPT2LMHeadModel

folder, state, out = sys.argv[1:4]
config = GPT2Config.from_pretrained(folder)
config._attn_implementation = 'eager'
model = GPT2LMHeadModel(config).eval()
model.load_state_dict(torch.load(state))
model = model.double().requires_grad_(False)
tokenizer = Tokenizer.from_file(f'{folder}/tokenizer.json')
h, ln_f = model.transformer.h, model.transformer.ln_f
clean, corrupted = [torch.tensor([tokenizer.encode(text).ids]) for text in (
    'When Mary and John went to the store , John gave a drink to', 'When Mary and John went to the store , Mary gave a drink to')]
mary, john = tokenizer.token_to_id('Mary'), tokenizer.token_to_id('John')
heads, length = config.n_head, clean.shape[1]
size = config.n_embd // heads
first = lambda o: o[0] if isinstance(o, tuple) else o


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


def seen(ids, modules, port):
    """The inputs or outputs of modules."""
    kept = {}
    run(ids, **{'before' if port == 'input' else 'after': {m: (lambda x, m=m: kept.__setitem__(m, x)) for m in modules}})
    return [kept[m] for m in modules]


inputs = seen(clean, h, 'input')
outputs = seen(clean, h, 'output')
parts = [part for layer in h for part in (layer.attn, layer.mlp)]
accumulated = torch.stack([*inputs, outputs[-1]])
decomposed = torch.stack([inputs[0], *seen(clean, parts, 'output')])
mixed = seen(clean, [layer.attn.c_proj for layer in h], 'input')
by_head = torch.stack([z[..., i * size:(i + 1) * size] @ layer.attn.c_proj.weight[i * size:(i + 1) * size]
                       for layer, z in zip(h, mixed) for i in range(heads)])

stream = outputs[-1]
scale = (stream.var(-1, unbiased=False, keepdim=True) + ln_f.eps).sqrt()
direction = ln_f.weight * (model.lm_head.weight[mary] - model.lm_head.weight[john])
attribution = lambda stack: ((stack - stack.mean(-1, keepdim=True)) / scale) @ direction
metric = lambda logits: (logits[0, -1, mary] - logits[0, -1, john]).item()


def put(new, at):
    def f(x):
        x = x.clone()
        x[at] = new[at]
        return x
    return f


def grid(modules, port):
    values = seen(clean, modules, port)
    kind = 'before' if port == 'input' else 'after'
    return [[metric(run(corrupted, **{kind: {m: put(v, (slice(None), p))}})) for p in range(length)] for m, v in zip(modules, values)]


projections = [layer.attn.c_proj for layer in h]
by_heads = [[metric(run(corrupted, before={m: put(z, (..., slice(i * size, (i + 1) * size)))})) for i in range(heads)]
            for m, z in zip(projections, mixed)]
moved = outputs[1][:, [10, 14]]


def move(x):
    x = x.clone()
    x[:, [9, 14]] = moved
    return x


short = lambda x: {'dims': list(x.shape), 'data': [round(v, 5) for v in x.sum(-1).flatten().tolist()]}
json.dump({
    'heads': heads,
    'metric': {'clean': metric(run(clean)), 'corrupted': metric(run(corrupted))},
    'accumulated': short(accumulated * torch.arange(1, 129)),
    'decomposed': short(decomposed * torch.arange(1, 129)),
    'by_head': short(by_head * torch.arange(1, 129)),
    'attribution': {'decomposed': attribution(decomposed).flatten().tolist(), 'by_head': attribution(by_head).flatten().tolist(),
                    'accumulated': attribution(accumulated).flatten().tolist(),
                    'bias': (ln_f.bias @ (model.lm_head.weight[mary] - model.lm_head.weight[john])).item()},
    'resid_pre': grid(list(h), 'input'),
    'attn_out': grid([layer.attn for layer in h], 'output'),
    'mlp_out': grid([layer.mlp for layer in h], 'output'),
    'head_out': by_heads,
    'patch': {'same': metric(run(corrupted, after={h[1]: lambda x: put(outputs[1], (slice(None), [14]))(x)})),
              'moved': metric(run(corrupted, after={h[1]: move}))},
}, open(out, 'w'))
