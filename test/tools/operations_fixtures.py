"""Makes test/fixtures/operations.json: single operations, their inputs, and what PyTorch (numpy, for indexing) gives.

    python test/tools/operations_fixtures.py

Each case is {op, inputs, attributes, outputs} or, where PyTorch refuses the inputs, {op, inputs, attributes, error}.
A tensor is {dtype, dims, data}; NaN and infinities are strings, as JSON has none.
"""

import json
import math
from pathlib import Path

import operations_cases_elementwise
import operations_cases_indexing
import operations_cases_reductions
import operations_cases_structure
import torch

TARGET = Path(__file__).parent.parent / "fixtures" / "operations.json"


def element(value):
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value if abs(value) <= 2**53 else str(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return int(value) if value == int(value) and abs(value) < 1e15 and not str(value).startswith("-0") else value


def numbers(tensor):
    values = tensor.flatten().tolist()
    if tensor.dtype in (torch.float32, torch.float16):
        values = [float(f"{value:.9g}") for value in values]
    return [element(value) for value in values]


def encode(tensor):
    return {
        "dtype": str(tensor.dtype).removeprefix("torch."),
        "dims": list(tensor.shape),
        "data": numbers(tensor),
    }


def as_tuple(result):
    return tuple(result) if isinstance(result, (tuple, list)) else (result,)


def run(case):
    record = {"op": case.op, "inputs": [encode(x) for x in case.inputs], "attributes": case.attributes, **case.notes}
    try:
        outputs = as_tuple(case.reference(*case.inputs))
    except (RuntimeError, IndexError, TypeError, ValueError, NotImplementedError) as error:
        record["error"] = str(error).split("\n")[0]
    else:
        record["outputs"] = [encode(torch.as_tensor(output)) for output in outputs]
    return record


def main():
    torch.manual_seed(0)
    modules = (
        operations_cases_elementwise,
        operations_cases_reductions,
        operations_cases_structure,
        operations_cases_indexing,
    )
    records = [run(case) for module in modules for case in module.cases()]
    lines = ",\n".join(json.dumps(record, separators=(",", ":"), allow_nan=False) for record in records)
    TARGET.write_text(f"[\n{lines}\n]\n")
    failed = sum("error" in record for record in records)
    print(f"{len(records)} cases, {failed} of them errors, {TARGET.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
