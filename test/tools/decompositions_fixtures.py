"""Writes test/fixtures/decompositions.json: what PyTorch gives for decompositions of matrices and einops for rearrange.

Run with: python test/tools/decompositions_fixtures.py (needs torch and einops).
"""

import json
import pathlib

import einops
import torch

torch.manual_seed(0)


def encode(tensor):
    return {'dims': list(tensor.shape), 'data': tensor.double().flatten().tolist()}


low = torch.randn(5, 2, dtype=torch.float64) @ torch.randn(2, 4, dtype=torch.float64)
matrices = {
    'tall': torch.randn(6, 4, dtype=torch.float64),
    'wide': torch.randn(3, 5, dtype=torch.float64),
    'square': torch.randn(4, 4, dtype=torch.float64),
    'of rank 2': low,
    'a batch': torch.randn(2, 3, 4, 3, dtype=torch.float64),
    'one column': torch.randn(4, 1, dtype=torch.float64),
    'zeros': torch.zeros(3, 2, dtype=torch.float64),
}
decompositions = []
for name, matrix in matrices.items():
    u, s, vh = torch.linalg.svd(matrix)
    case = {'name': name, 'matrix': encode(matrix), 'U': list(u.shape), 'S': encode(s), 'Vh': list(vh.shape)}
    case['thin'] = [list(part.shape) for part in torch.linalg.svd(matrix, full_matrices=False)]
    q, r = torch.linalg.qr(matrix)
    case['Q'] = list(q.shape)
    case['R'] = encode(r.abs())
    case['pinv'] = encode(torch.linalg.pinv(matrix))
    if matrix.dim() == 2:
        right = torch.randn(matrix.shape[0], 2, dtype=torch.float64)
        case['right'] = encode(right)
        case['solution'] = encode(torch.linalg.lstsq(matrix, right, driver='gelsd').solution)
    if matrix.shape[-1] == matrix.shape[-2]:
        # The upper triangle is not read.
        case['eigenvalues'] = encode(torch.linalg.eigh(matrix).eigenvalues)
    decompositions.append(case)

x = torch.arange(2 * 3 * 4 * 6).reshape(2, 3, 4, 6)
patterns = [
    ('a b c d -> d c b a', {}),
    ('a b c (h d) -> a h b c d', {'h': 2}),
    ('a b c (h d) -> (a b) c (d h)', {'d': 3}),
    ('a b (c1 c2) (d1 d2) -> (a c1) b (c2 d1) d2', {'c1': 2, 'd2': 2}),
    ('a b c d -> (a b c d)', {}),
    ('a b c d -> a 1 b (c d) ()', {}),
    ('batch t_1 c d -> t_1 batch c d', {'c': 4}),
    ('... (h d) -> ... h d', {'h': 3}),
    ('a ... d -> d (...) a', {}),
]
rearranged = [
    {'pattern': pattern, 'sizes': sizes, 'result': encode(einops.rearrange(x, pattern, **sizes))}
    for pattern, sizes in patterns
]
squeezed = einops.rearrange(x[:1], '1 b c d -> b (c d)')
path = pathlib.Path(__file__).parents[1] / 'fixtures' / 'decompositions.json'
path.write_text(json.dumps({'decompositions': decompositions, 'x': encode(x), 'rearranged': rearranged, 'squeezed': encode(squeezed)}) + '\n')
