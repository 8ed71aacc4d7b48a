"""Writes test/fixtures/tensor-files.json: files as numpy and safetensors write them, in base64, with what is in them.

Run with: python test/tools/tensor_files_fixtures.py (needs numpy, torch and safetensors).
With a folder it reads the files there (a test of files that onnsight wrote) and prints what numpy and safetensors find.
"""

import base64
import io
import json
import pathlib
import sys

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save


def described(array):
    values = array.astype(np.float64) if array.dtype.kind == 'f' else array.astype(object)
    return {'dtype': str(array.dtype.newbyteorder('=')), 'dims': list(array.shape), 'data': [int(v) if isinstance(v, (bool, np.bool_)) else v for v in values.flatten().tolist()]}


def read(folder):
    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == '.npy':
            found[path.name] = described(np.load(path))
        if path.suffix == '.npz':
            with np.load(path) as arrays:
                found[path.name] = {name: described(arrays[name]) for name in arrays.files}
        if path.suffix == '.safetensors':
            with safe_open(path, 'np') as tensors:
                found[path.name] = {name: described(tensors.get_tensor(name)) for name in tensors.keys()}
    print(json.dumps(found, indent=1))


def bytes_of(write, *args, **kwargs):
    file = io.BytesIO()
    write(file, *args, **kwargs)
    return base64.b64encode(file.getvalue()).decode()


def fixtures():
    numbers = np.array([[0, 1, 2], [100, 50, 7]])
    dtypes = ['float16', 'float32', 'float64', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'bool']
    arrays = {dtype: numbers.astype(dtype) for dtype in dtypes}
    arrays['fractions'] = np.array([0.1, -2.5, np.inf], 'float32')
    arrays['large'] = np.array([2**63 - 1, -(2**63)], 'int64')
    arrays['no dims'] = np.array(3.5, 'float32')
    arrays['no rows'] = np.zeros((0, 4), 'float32')
    arrays['many dims'] = np.arange(24, dtype='int32').reshape(2, 3, 4, 1)
    npy = [{'name': name, 'file': bytes_of(np.save, array), 'array': described(array)} for name, array in arrays.items()]
    cube = np.arange(24, dtype='float32').reshape(2, 3, 4)
    read_only = [
        {'name': 'in Fortran order', 'file': bytes_of(np.save, np.asfortranarray(cube)), 'array': described(cube)},
        {'name': 'big-endian', 'file': bytes_of(np.save, cube.astype('>f8')), 'array': described(cube.astype('f8'))},
        {'name': 'version 2', 'file': bytes_of(lambda file: np.lib.format.write_array(file, cube, version=(2, 0))), 'array': described(cube)},
    ]
    other = [
        {'name': 'of complex numbers', 'file': bytes_of(np.save, cube.astype('complex64'))},
        {'name': 'of texts', 'file': bytes_of(np.save, np.array(['a', 'b']))},
        {'name': 'of records', 'file': bytes_of(np.save, np.zeros(2, [('a', 'f4'), ('b', 'i4')]))},
    ]
    two = {'first': arrays['float32'], 'layers/0': arrays['int64']}
    tensors = {name: torch.from_numpy(arrays[name]) for name in ['float32', 'int64', 'float16', 'bool', 'uint8']}
    safe = base64.b64encode(save(tensors, {'model': 'toy'})).decode()
    bfloat16 = torch.tensor([[1.5, -3.0], [0.1, 1e30]], dtype=torch.bfloat16)
    extra = {'bf16': bfloat16, 'fp8': torch.zeros(2, dtype=torch.float8_e4m3fn)}
    result = {
        'npy': npy,
        'readOnly': read_only,
        'other': other,
        'npz': {'plain': bytes_of(np.savez, **two), 'compressed': bytes_of(np.savez_compressed, **two), 'arrays': {name: described(array) for name, array in two.items()}},
        'safetensors': {'file': safe, 'arrays': {name: described(arrays[name]) for name in tensors}},
        'bfloat16': {'file': base64.b64encode(save(extra)).decode(), 'values': bfloat16.float().flatten().tolist()},
    }
    path = pathlib.Path(__file__).parents[1] / 'fixtures' / 'tensor-files.json'
    path.write_text(json.dumps(result).replace('Infinity', '"inf"') + '\n')


if len(sys.argv) > 1:
    read(pathlib.Path(sys.argv[1]))
else:
    fixtures()
