"""Runs a bundle of onnsight in Python, by its bundle.json alone (docs/bundles.md). It needs numpy and onnxruntime, and tokenizers for texts."""

import json
import pathlib

import numpy as np
import onnxruntime


class Bundle:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.manifest = json.loads((self.folder / "bundle.json").read_text("utf-8"))
        self.session = onnxruntime.InferenceSession(str(self.folder / self.manifest["files"][0]["path"]))

    def __call__(self, **given):
        if "text" in given and "tokenizer" in self.manifest:
            given = self.tokens(given.pop("text")) | given
        tensors = [t for t in self.manifest["inputs"] + self.manifest["parameters"] if t.get("used", True)]
        values = {t["name"]: given[t["name"]] if t["name"] in given else self.usual(t, given) for t in tensors}
        feeds = {t["name"]: np.asarray(values[t["name"]], t["dtype"]) for t in tensors}
        names = [output["name"] for output in self.manifest["outputs"]]
        self.outputs = dict(zip(names, self.session.run(names, feeds)))
        return self.build(self.manifest["returns"])

    def tokens(self, text):
        """A row of tokens for each text, shorter ones filled up on the left, or as the manifest says, and the first token of a decoder."""
        from tokenizers import Tokenizer

        about = self.manifest["tokenizer"]
        tokenizer = Tokenizer.from_file(str(self.folder / about["file"]["path"]))
        tokenizer.no_truncation()
        tokenizer.enable_padding(direction="right" if about.get("side") == "right" else "left", pad_id=about["pad"])
        rows = tokenizer.encode_batch([text] if isinstance(text, str) else text)
        start = {"decoder_input_ids": [[about["start"]] for _ in rows]} if "start" in about else {}
        return {"input_ids": [row.ids for row in rows], "attention_mask": [row.attention_mask for row in rows]} | start

    def usual(self, tensor, given):
        """What stands for a tensor that is left out: its default, or a mask of ones, positions, an empty cache."""
        if "default" in tensor:
            return np.array(tensor["default"]["data"], tensor["dtype"]).reshape(tensor["default"]["dims"])
        batch, length = np.shape(given["input_ids"])
        past = next((np.shape(value)[2] for name, value in given.items() if name.startswith("past_key_values")), 0)
        mask = given.get("attention_mask", np.ones([batch, past + length]))
        if tensor["name"] == "attention_mask":
            return mask
        if tensor["name"] == "token_type_ids":
            return np.zeros([batch, length])
        if tensor["name"] == "position_ids":
            return np.where(mask, np.cumsum(mask, 1) - 1, 1)[:, past:]
        if tensor["name"] == "use_cache_branch":
            return [past > 0]
        if tensor["name"].startswith("past_key_values"):
            return np.zeros([d if isinstance(d, int) else batch if i == 0 else 0 for i, d in enumerate(tensor["dims"])])
        raise KeyError(tensor["name"])

    def build(self, part):
        match part["kind"]:
            case "tensor":
                return self.outputs[part["output"]]
            case "object":
                return {name: self.build(field) for name, field in part["fields"].items()}
            case "array":
                items = [self.build(i) if i["kind"] == "entries" else [self.build(i)] for i in part["items"]]
                return [item for some in items for item in some]
            case "entries":
                return self.entries(part["list"])
            case "saved":
                entries = self.entries(part["list"])
                if not part["loop"] or not entries:
                    return entries[0] if entries else None
                return np.stack(entries) if len({entry.shape for entry in entries}) == 1 else entries
            case "choice":
                return self.build(part["then" if self.outputs[part["test"]].item() else "else"])
            case "value":
                return part.get("value")
            case "number":
                return float(part["value"])

    def entries(self, names):
        """A list of tensors, of which the model gives all elements, all sizes and all numbers of dimensions."""
        data, sizes, ranks = (self.outputs[names[key]].ravel() for key in ("data", "shapes", "ranks"))
        shapes = [tuple(shape) for shape in np.split(sizes, np.cumsum(ranks)[:-1])] if len(ranks) else []
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        return [data[end - int(np.prod(shape)) : end].reshape(shape) for shape, end in zip(shapes, ends)]
