"""PyTorch's forward and backward pass of a GPT-2 small, beside the bench row `gradients`: eager, float32, two threads.

usage: python test/bench/pytorch_gradients.py
Prints the medians in milliseconds of the forward pass, and of forward and backward by the outputs of all layers: what the
row's lines `forward and backward at all 12 layers` do, whose notes have our milliseconds. Needs torch and transformers.
"""
import statistics, time
import torch
from transformers import GPT2Config, GPT2LMHeadModel

TURNS = 15
torch.manual_seed(0)
torch.set_num_threads(2)
config = GPT2Config()
config._attn_implementation = 'sdpa'
model = GPT2LMHeadModel(config).eval().requires_grad_(False)
h = model.transformer.h
kept = []


def keep(_, __, output):
    # The first layer's output is where the backward pass ends.
    kept.append(output if output.requires_grad else output.requires_grad_())
    return kept[-1]


def forward(ids):
    with torch.inference_mode():
        model(input_ids=ids, use_cache=False)


def backward(ids):
    kept.clear()
    hooks = [layer.register_forward_hook(keep) for layer in h]
    # Only the last position's logits are computed, as ours are.
    logits = model(input_ids=ids, use_cache=False, logits_to_keep=1).logits[0, -1]
    for hook in hooks: hook.remove()
    gradients = torch.autograd.grad(logits[5] - logits[6], kept)
    assert len(gradients) == len(h) and all(g.shape == kept[0].shape for g in gradients)


def median(run, ids):
    for _ in range(3): run(ids)
    times = []
    for _ in range(TURNS):
        start = time.perf_counter()
        run(ids)
        times.append(1e3 * (time.perf_counter() - start))
    quarters = statistics.quantiles(times)
    return f'{statistics.median(times):.1f} ms ({quarters[0]:.1f} to {quarters[2]:.1f})'


for length in 16, 128:
    ids = (torch.arange(length)[None] * 7919 + 13) % config.vocab_size
    print(f'1 × {length} tokens: forward {median(forward, ids)}, forward and backward {median(backward, ids)}')
