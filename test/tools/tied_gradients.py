"""
Writes test/fixtures/seq2seq/tied-gradients.json: gradients by the table that encoder, decoder and unembedding of the models of
seq2seq_fixtures.py share, of which their files have a copy each.

  python test/tools/tied_gradients.py
"""

import json

import numpy as np
import onnx
import torch

import seq2seq_fixtures as seq2seq

TABLES = {"t5": "shared.weight", "bart": "model.shared.weight"}
IDS, DECODER_IDS = [[42, 65, 7, 88, 120, 42]], [[12, 55, 9]]
COLUMNS = 4


def told(name, path):
    model = seq2seq.randomized(getattr(seq2seq, name)())
    table = model.get_parameter(path)
    file = onnx.load(seq2seq.OUT / name / "onnx" / "decoder_model.onnx")
    stored = next(onnx.numpy_helper.to_array(one) for one in file.graph.initializer if one.name == path)
    assert np.array_equal(stored, table.detach().numpy()), "the files have other weights"
    table.requires_grad_(True)
    logits = model(input_ids=torch.tensor(IDS), decoder_input_ids=torch.tensor(DECODER_IDS)).logits
    (logits[0, -1, 55] - logits[0, -1, 12]).backward()
    return {"dims": list(table.shape), "columns": table.grad[:, :COLUMNS].double().numpy().round(7).tolist()}


if __name__ == "__main__":
    found = {name: told(name, path) for name, path in TABLES.items()}
    (seq2seq.OUT / "tied-gradients.json").write_text(json.dumps({"input_ids": IDS, "decoder_input_ids": DECODER_IDS, **found}) + "\n")
