"""What PyTorch prints for tensors of all kinds. Run from the repository's root; writes test/fixtures/printing.json."""

import json

import torch

inf, nan = float("inf"), float("nan")
half, double = torch.float16, torch.float64


def grid(*size):
    """Numbers with one digit behind the point, of both signs."""
    count = torch.Size(size).numel()
    return ((torch.arange(count) * 37 % 101 - 50) / 10).reshape(size)


TENSORS = {
    "large": torch.tensor([1e10, 2.5, 3]),
    "tiny": torch.tensor([1e-8, 1.0]),
    "negative": torch.tensor([-1.5, 2.25]),
    "no number is finite": torch.tensor([inf, -inf, nan]),
    "infinity beside a fraction": torch.tensor([inf, 1.5]),
    "infinity beside a whole number": torch.tensor([inf, 1.0]),
    "nan beside a whole number": torch.tensor([nan, 2.0, -3.0]),
    "int64": torch.tensor([1, -2, 300]),
    "int64 at its limits": torch.tensor([2**62, -1]),
    "bool": torch.tensor([True, False]),
    "bool matrix": torch.tensor([[False, False], [True, False]]),
    "empty": torch.tensor([]),
    "empty matrix": torch.zeros(0, 3),
    "empty block": torch.zeros(2, 0, 3, dtype=torch.int32),
    "empty int64": torch.tensor([], dtype=torch.int64),
    "a number": torch.tensor(3.5),
    "a small number": torch.tensor(-1e-7),
    "a whole number": torch.tensor(3),
    "a truth": torch.tensor(True),
    "no number": torch.tensor(nan),
    "a half": torch.tensor(0.5, dtype=half),
    "many whole numbers": torch.arange(1001),
    "as many as are written out": torch.arange(1000),
    "many numbers": grid(1001),
    "many that span far": torch.arange(1001) / 7,
    "matrix": grid(3, 4),
    "long rows": grid(2, 30),
    "four dimensions": grid(2, 1, 2, 2),
    "large matrix": grid(40, 26),
    "large block": grid(10, 11, 12),
    "float16": torch.tensor([1.5, 2.0009765625], dtype=half),
    "float16 at its limits": torch.tensor([65504.0, 1e-4], dtype=half),
    "float64": torch.tensor([1.23456789012345, 2], dtype=double),
    "float64, no room for the dtype": grid(1, 16).double(),
    "int32": torch.tensor([1, 2], dtype=torch.int32),
    "int16": torch.tensor([[1], [20]], dtype=torch.int16),
    "int8": torch.tensor([-128], dtype=torch.int8),
    "uint8": torch.tensor([1, 255], dtype=torch.uint8),
    "whole": torch.tensor([1.0, -2.0, 3.0]),
    "whole and large": torch.tensor([100000.0, 123456789.0]),
    "zeros": torch.zeros(2, 2),
    "a negative zero": torch.tensor([-0.0, 0.0]),
    "a negative zero beside powers of ten": torch.tensor([-0.0, 1e-7]),
    "the largest": torch.tensor([3e38, 1]),
    "the smallest": torch.tensor([1e-45]),
    "a thousand to one": torch.tensor([1000.5, 0.5]),
    "halves of the last digit": torch.tensor([0.03125, 0.09375, -0.15625]),
    "halves of the last digit of powers of ten": torch.tensor([10000.5, 10001.5, 1.0]),
}


def plain(value):
    """As JSON: what is no finite number, or too large for one, as its text."""
    return value if isinstance(value, (bool, float)) and abs(value) < inf else str(value)


rows = [
    {
        "name": name,
        "dtype": str(tensor.dtype).removeprefix("torch."),
        "dims": list(tensor.shape),
        "values": [plain(value) for value in tensor.flatten().tolist()],
        "printed": repr(tensor),
    }
    for name, tensor in TENSORS.items()
]
with open("test/fixtures/printing.json", "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
