"""Runs bundles with examples/load_bundle.py: the JSON of standard input is a list of [folder, inputs]."""

import json
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "examples"))
from load_bundle import Bundle  # noqa: E402


def plain(value):
    if isinstance(value, np.ndarray) or isinstance(value, np.generic):
        return {"dtype": str(value.dtype), "dims": list(np.shape(value)), "data": np.ravel(value).tolist()}
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


print(json.dumps([plain(Bundle(folder)(**inputs)) for folder, inputs in json.load(sys.stdin)]))
