"""Gradients by a parameter of which a loss uses rows, slices and views, computed by PyTorch's autograd in float64.

usage: python test/tools/parameter_gradients.py, in the folder of the package
Needs torch.
"""
import json
import torch

START = [[1., 2, 3, 4], [.5, -1, 2, .3]]
X = torch.tensor([[1., -2, .5, 3], [2, 1, -1, .25], [0, 4, 1, -3]], dtype=torch.float64)


def unpacked(v):
    a, b = v
    return (X * a * b * b).sum()


def rows(v):
    return sum((X * row * row).sum() for row in v)


def changed_copy(v):
    w = v.clone()
    w[0] = 3
    return (X * w[0] * w[1]).sum()


CASES = {
    'a row': lambda v: (X * v[0] * v[1]).sum(),
    'a slice of a slice': lambda v: (X[:, 1:3] * v[:, 1:][0][:2] ** 2).sum(),
    'rows that are unpacked': unpacked,
    'rows of a loop': rows,
    'another shape': lambda v: (v.reshape(4, 2)[1] * X[:, :2]).sum() + (v.reshape([8]) ** 3).sum(),
    'another dtype': lambda v: (v.to(torch.float64) ** 2 * X[0]).sum(),
    'a list': lambda v: (torch.stack([v, v * v]) ** 2 * X[1]).sum(),
    'a transpose': lambda v: ((X @ v.T) ** 2).sum(),
    'a copy that is changed': changed_copy,
}
results = {}
for name, loss in CASES.items():
    v = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    loss(v).backward()
    results[name] = {'dims': list(v.shape), 'data': v.grad.flatten().tolist()}
json.dump({'start': START, 'x': X.tolist(), 'cases': results}, open('test/fixtures/gradients/parameters.json', 'w'))
