"""One case of an operation, and tensors to make cases of."""

from dataclasses import dataclass, field
from typing import Any, Callable

import torch


@dataclass
class Case:
    op: str
    inputs: list
    attributes: dict
    # Takes the inputs, gives the output or outputs.
    reference: Callable[..., Any]
    # What the test must know besides: {"tolerance": …}.
    notes: dict = field(default_factory=dict)


def ints(*values):
    return torch.tensor(values, dtype=torch.int64)


def scalar(value, dtype=torch.int64):
    return torch.tensor(value, dtype=dtype)


def sample(shape, dtype=torch.float32):
    """Distinct small values of both signs, exact in every float type, in an order that is not sorted."""
    size = int(torch.Size(shape).numel())
    if dtype == torch.bool:
        return (torch.arange(size) * 7 % 3 == 0).reshape(shape)
    values = (torch.arange(size) * 7) % max(size, 1) - size // 3
    if dtype.is_floating_point:
        return (values.to(torch.float64) * 0.625 + 0.125).to(dtype).reshape(shape)
    if dtype in (torch.uint8, torch.uint16, torch.uint32, torch.uint64):
        values = values.abs()
    return values.to(dtype).reshape(shape)


FLOATS = (torch.float16, torch.float32, torch.float64)
ALL = (*FLOATS, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8, torch.bool)
