"""Writes test/fixtures/index.json: indexing by lists, masks, slices and integers on any axes, as PyTorch does it.

Run with: python test/tools/index_fixtures.py (needs torch).
A key is a text, as Python writes it, or a list with a text in it: a tuple of Python's.
"""

import json
import pathlib
import random

import torch

SHAPE = (4, 3, 2, 5)
choose = random.Random(0)


class Key:
    def __getitem__(self, key):
        return key


def as_key(written):
    """What is between Python's brackets; lists as tensors, since PyTorch takes a list of lists for one tensor or a tuple."""
    if isinstance(written, str):
        key = eval(f'Key()[{written}]')
    else:
        key = tuple(eval(f'Key()[{part}]') if isinstance(part, str) else part for part in written)
    parts = key if isinstance(key, tuple) else (key,)
    return tuple((torch.tensor(part) if part else torch.tensor(part, dtype=torch.long)) if isinstance(part, list) else part for part in parts)


def part(size):
    kind = choose.choice(['whole', 'slice', 'int', 'list', 'list', 'list', 'column', 'mask'])
    if kind == 'whole':
        return ':'
    if kind == 'slice':
        return choose.choice(['1:', ':-1', '::2', '0:2'])
    if kind == 'int':
        return choose.randrange(-size, size)
    two = [at - size * choose.randrange(2) for at in choose.sample(range(size), 2)]
    if kind == 'list':
        return two
    if kind == 'column':
        return [[at] for at in two]
    mask = [at in (0, size - 1) for at in range(size)]
    return mask


def random_key():
    count = choose.randint(1, len(SHAPE))
    parts = [part(size) for size in SHAPE[:count]]
    if choose.random() < 0.2:
        parts = [*[':'] * (len(SHAPE) - count), *parts] if choose.random() < 0.5 else ['...', *[part(size) for size in SHAPE[-count:]]]
    if choose.random() < 0.2:
        parts.insert(choose.randrange(len(parts) + 1), None)
    return parts


KEYS = [
    ':, [0, 1]', '[0, 1], [2, 0]', '[0, 1], :, [1, 0]', '[[0], [1]], [0, 2]', '[0, 1]', '[[0, 1], [2, 3]]', '[]', ':, []',
    '0, :, [0, 1]', '[0, 1], 0, [1, 0]', ':, [0, 2], :, [4, -1]', '..., [4, 1]', ':, [True, False, True]',
    '[True, False, False, True], [0, 2]', 'None, [0, 1], :, [0, 1]', '[0, 4]', ':, [3]', '[0, 1, 2], [0, 1]',
    '[True, False]', '1:, [0, 1], ..., -1', '[0, 1], ..., [3, 4]', ':, [-1]',
]
KEYS += [[eval(text) if text[0] == '[' else text for text in key.split(' | ')] for key in (
    ': | [0, 1]', '[0, 1] | [2, 0] | ...', '[[0], [1]] | [0, 2] | :', '... | [[0, 1], [1, 0]]', '[True, False, True, True] | 0:2',
)]
while len(KEYS) < 150:
    parts = random_key()
    if choose.random() < 0.5 and any(isinstance(one, str) for one in parts):
        KEYS.append(parts)
    else:
        KEYS.append(', '.join(str(one) for one in parts))

cases = []
for written in KEYS:
    x = torch.arange(120, dtype=torch.float32).reshape(SHAPE)
    try:
        read = x[as_key(written)]
        value = torch.arange(read.numel(), dtype=torch.float32).reshape(read.shape) + 1000
        set_ = x.clone()
        set_[as_key(written)] = value
        cases.append({'key': written, 'dims': list(read.shape), 'read': read.flatten().tolist(), 'set': set_.flatten().tolist()})
    except IndexError as error:
        cases.append({'key': written, 'error': str(error)})

path = pathlib.Path(__file__).parents[1] / 'fixtures/index.json'
path.write_text(json.dumps({'shape': SHAPE, 'cases': cases}, separators=(',', ':')).replace('.0,', ',').replace('.0]', ']'))
print(len(cases), sum('error' in case for case in cases))
