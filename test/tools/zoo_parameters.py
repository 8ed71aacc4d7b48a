"""What PyTorch has as the parameters of the models of the zoo, for test/zoo/parameters.test.ts.

usage: python zoo_parameters.py EXPORT_ZOO OUT
EXPORT_ZOO is the script that made the models. Its part before the export makes them again from their seed; that they
are the same is checked by their inputs and outputs in ../fixtures/zoo.
"""
import json, os, sys
import torch

export, out = sys.argv[1:]
folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures", "zoo")
definitions = open(export).read().split("\ndef first(o)")[0]
sys.argv = [export, os.path.join("/tmp", "zoo")]
scope = {}
exec(definitions, scope)

found = {}
for name, (model, args, axes) in scope["ZOO"].items():
    reference = json.load(open(os.path.join(folder, f"{name}.json")))
    model.eval().requires_grad_(False)
    expected = torch.tensor(reference["output"]["data"])
    made = model(*args).flatten()[: len(expected)]
    assert torch.allclose(made, expected, atol=1e-4), f"{name} is another model: {(made - expected).abs().max()}"
    found[name] = {
        path: {"dims": list(p.shape), "first": [round(v, 6) for v in p.flatten()[:8].tolist()], "sum": round(p.sum().item(), 4)}
        for path, p in model.named_parameters(remove_duplicate=False)
    }
json.dump(found, open(out, "w"))
print({name: len(parameters) for name, parameters in found.items()})
