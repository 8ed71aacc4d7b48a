"""Writes test/fixtures/gradients/operators.json: the operators of ONNX's own list (needs the Python package onnx)."""

import json
from pathlib import Path

import onnx
from onnx import defs

names = sorted({schema.name for schema in defs.get_all_schemas_with_history() if schema.domain == ""})
path = Path(__file__).parents[1] / "fixtures" / "gradients" / "operators.json"
path.write_text(json.dumps({"onnx": onnx.__version__, "operators": names}, indent=2) + "\n")
