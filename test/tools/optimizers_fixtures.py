"""What torch.optim makes of a parameter: test/fixtures/optimizers.json.

usage: python optimizers_fixtures.py OUT.json
Each case takes some steps from the same start with the same gradients, one with a zero element and one that is skipped
(no gradient), in float64.
"""
import json, math, sys
import torch

START = [0.5, -1.25, 2.0, 0.0]
STEPS = 6
CASES = [
    ('SGD', {'lr': 0.1}),
    ('SGD', {'lr': 0.1, 'momentum': 0.9}),
    ('SGD', {'lr': 0.1, 'momentum': 0.9, 'dampening': 0.5}),
    ('SGD', {'lr': 0.1, 'momentum': 0.9, 'nesterov': True}),
    ('SGD', {'lr': 0.1, 'weight_decay': 0.2}),
    ('SGD', {'lr': 0.1, 'momentum': 0.5, 'weight_decay': 0.2, 'maximize': True}),
    ('SGD', {}),
    ('Adam', {'lr': 0.1}),
    ('Adam', {'lr': 0.1, 'betas': (0.5, 0.7), 'eps': 0.01}),
    ('Adam', {'lr': 0.1, 'weight_decay': 0.3}),
    ('Adam', {'lr': 0.1, 'amsgrad': True}),
    ('Adam', {'lr': 0.1, 'maximize': True}),
    ('Adam', {}),
    ('AdamW', {'lr': 0.1}),
    ('AdamW', {'lr': 0.1, 'weight_decay': 0.3, 'amsgrad': True}),
    ('AdamW', {}),
]
def gradient(step): return [math.cos(step * 1.3 + i) * (3 - 0.4 * step) if i != 3 else 0.0 for i in range(4)]
camel = {'weight_decay': 'weightDecay'}
out = []
for name, options in CASES:
    p = torch.tensor(START, dtype=torch.double, requires_grad=True)
    optimizer = getattr(torch.optim, name)([p], **options)
    values = []
    for step in range(STEPS):
        p.grad = None if step == 3 else torch.tensor(gradient(step), dtype=torch.double)
        optimizer.step()
        values.append([float(f'{v:.12g}') for v in p.detach().tolist()])
    out.append({'optimizer': name, 'options': {camel.get(k, k): v for k, v in options.items()}, 'values': values})
json.dump({'start': START, 'gradients': [None if s == 3 else gradient(s) for s in range(STEPS)], 'cases': out}, open(sys.argv[1], 'w'))
