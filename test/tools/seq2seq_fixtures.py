"""
Makes test/fixtures/seq2seq: small random encoder-decoders in the files that optimum writes for them, and what transformers
computes with them.

  python test/tools/seq2seq_fixtures.py
"""

import copy
import json
import shutil
import types
import wave
from pathlib import Path

import numpy as np
import onnx
import torch
import transformers as T
from onnx import helper
from transformers.cache_utils import DynamicCache, EncoderDecoderCache
from transformers.modeling_outputs import BaseModelOutput

ROOT = Path(__file__).resolve().parents[1] / "fixtures"
OUT = ROOT / "seq2seq"
TOKENIZER = ROOT / "published" / "gpt2-merged"
VOCABULARY = 189
LAYERS = 2
NEW = 8


def t5():
    config = T.T5Config(vocab_size=VOCABULARY, d_model=16, d_kv=8, d_ff=32, num_layers=LAYERS, num_decoder_layers=LAYERS,
                        num_heads=2, pad_token_id=0, eos_token_id=1, decoder_start_token_id=0)
    return T.T5ForConditionalGeneration(config)


def bart():
    config = T.BartConfig(vocab_size=VOCABULARY, d_model=16, encoder_layers=LAYERS, decoder_layers=LAYERS,
                          encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32,
                          max_position_embeddings=64, pad_token_id=1, bos_token_id=0, eos_token_id=2,
                          decoder_start_token_id=2, forced_bos_token_id=0, forced_eos_token_id=2)
    return T.BartForConditionalGeneration(config)


def whisper():
    config = T.WhisperConfig(vocab_size=VOCABULARY, d_model=16, encoder_layers=LAYERS, decoder_layers=LAYERS,
                             encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32,
                             num_mel_bins=80, max_source_positions=50, max_target_positions=64, pad_token_id=1,
                             bos_token_id=0, eos_token_id=2, decoder_start_token_id=3, suppress_tokens=[],
                             begin_suppress_tokens=[])
    return T.WhisperForConditionalGeneration(config)


def randomized(model):
    """Weights of a size at which every part of the model matters."""
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if parameter.dim() >= 2:
            torch.nn.init.normal_(parameter, std=2.0 / parameter[0].numel() ** 0.5)
        elif name.endswith("weight"):
            parameter.data.add_(torch.randn_like(parameter) * 0.1)
        else:
            parameter.data.copy_(torch.randn_like(parameter) * 0.05)
    model.tie_weights()
    model.set_attn_implementation("eager")
    return model.eval().requires_grad_(False)


def cache_names(prefix, kinds=("decoder", "encoder")):
    return [f"{prefix}.{layer}.{kind}.{part}" for layer in range(LAYERS) for kind in kinds for part in ("key", "value")]


def cache_tensors(cache, kinds=("decoder", "encoder")):
    of = {"decoder": cache.self_attention_cache, "encoder": cache.cross_attention_cache}
    return [
        getattr(of[kind].layers[layer], part)
        for layer in range(LAYERS)
        for kind in kinds
        for part in ("keys", "values")
    ]


def cache_of(tensors):
    of = {"decoder": DynamicCache(), "encoder": DynamicCache()}
    tensors = list(tensors)
    for layer in range(LAYERS):
        for kind in ("decoder", "encoder"):
            of[kind].update(tensors.pop(0), tensors.pop(0), layer)
    return EncoderDecoderCache(of["decoder"], of["encoder"])


def export(model, forward, names, inputs, outputs, dynamic, path):
    """As optimum has it: the model itself, with another forward, so that the names are those of its modules."""
    original = model.forward
    model.forward = types.MethodType(lambda self, *args: forward(original, *args), model)
    try:
        torch.onnx.export(model, tuple(inputs), str(path), input_names=names, output_names=outputs, dynamic_axes=dynamic,
                          opset_version=18, dynamo=False)
    finally:
        model.forward = original


def export_all(model, folder):
    is_audio = "Whisper" in type(model).__name__
    ids = torch.tensor([[42, 65, 7, 88, 120], [33, 61, 9, 2, 1]])
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    features = torch.randn(2, 80, 100)
    decoder_ids = torch.tensor([[3, 12, 55, 9], [3, 1, 2, 4]])
    batch, length, target = {0: "batch_size"}, "encoder_sequence_length", "decoder_sequence_length"
    encoder_axes = {0: "batch_size", 1: length}
    encoder = model.get_encoder()
    if is_audio:
        given, names = [features], ["input_features"]
        axes = {"input_features": batch, "last_hidden_state": batch}
        export(encoder, lambda of, x: of(x, return_dict=True).last_hidden_state, names, given, ["last_hidden_state"], axes,
               folder / "encoder_model.onnx")
        states, masks, mask_names = encoder(features).last_hidden_state, [], []
    else:
        names = ["input_ids", "attention_mask"]
        axes = {name: encoder_axes for name in [*names, "last_hidden_state"]}
        export(encoder, lambda of, x, m: of(input_ids=x, attention_mask=m).last_hidden_state, names, [ids, mask],
               ["last_hidden_state"], axes, folder / "encoder_model.onnx")
        states, masks, mask_names = encoder(ids, attention_mask=mask).last_hidden_state, [mask], ["encoder_attention_mask"]

    def run(of, x, states=None, mask=None, past=None):
        mask = {} if is_audio else {"attention_mask": mask}
        out = of(encoder_outputs=BaseModelOutput(last_hidden_state=states), decoder_input_ids=x, past_key_values=past,
                 use_cache=True, **mask)
        return out.logits, out.past_key_values

    def axes_of(names):
        found = {}
        for name in names:
            past = "past_decoder_sequence_length"
            if ".encoder." in name:
                found[name] = {0: "batch_size", 2: "encoder_sequence_length_out"}
            elif ".decoder." in name:
                found[name] = {0: "batch_size", 2: past if name.startswith("past") else f"{past} + 1"}
            elif name in ("encoder_hidden_states", "encoder_attention_mask"):
                found[name] = encoder_axes
            else:
                found[name] = {0: "batch_size", 1: target}
        return found

    def first(of, *args):
        *m, x, h = args
        logits, cache = run(of, x, h, *(m or [None]))
        return (logits, *cache_tensors(cache))

    names, outputs = [*mask_names, "input_ids", "encoder_hidden_states"], ["logits", *cache_names("present")]
    export(model, first, names, [*masks, decoder_ids, states], outputs, axes_of(names + outputs),
           folder / "decoder_model.onnx")

    def later(of, *args):
        count = len(mask_names) + 1
        *m, x = args[:count]
        hidden = torch.zeros(x.shape[0], args[count + 2].shape[2], model.config.d_model)
        logits, cache = run(of, x, hidden, *(m or [None]), past=cache_of(args[count:]))
        return (logits, *cache_tensors(cache, ["decoder"]))

    _, cache = run(model.forward, decoder_ids, states, *masks)
    names = [*mask_names, "input_ids", *cache_names("past_key_values")]
    outputs = ["logits", *cache_names("present", ["decoder"])]
    export(model, later, names, [*masks, decoder_ids[:, :1], *cache_tensors(cache)], outputs, axes_of(names + outputs),
           folder / "decoder_with_past_model.onnx")


def merge(folder):
    """As optimum merges them: one If, weights that are equal once."""
    files = {kind: folder / f"{kind}.onnx" for kind in ("decoder_model", "decoder_with_past_model")}
    first, later = (onnx.load(path) for path in files.values())
    known, weights = {}, []
    for part, model in enumerate((first, later)):
        renamed = {}
        for tensor in model.graph.initializer:
            key = (tuple(tensor.dims), tensor.data_type, onnx.numpy_helper.to_array(tensor).tobytes())
            if key not in known:
                made = copy.deepcopy(tensor)
                made.name = f"{tensor.name}_merged_{part}"
                known[key] = made.name
                weights.append(made)
            renamed[tensor.name] = known[key]
        for node in model.graph.node:
            for i, name in enumerate(node.input):
                node.input[i] = renamed.get(name, name)
    blank = [output for output in first.graph.output if output.name not in {o.name for o in later.graph.output}]
    dummies = {}
    for output in blank:
        shape = [d.dim_value if d.HasField("dim_value") else 0 for d in output.type.tensor_type.shape.dim]
        value = helper.make_tensor("", 1, shape, [])
        dummies[output.name] = helper.make_node("Constant", [], [output.name], value=value, name=f"/{output.name}/Constant")
    then = [*later.graph.node, *dummies.values()]
    order = [o.name for o in first.graph.output]
    bare = lambda name: helper.make_empty_tensor_value_info(name)
    branches = [helper.make_graph(nodes, name, [], [bare(o) for o in order])
                for nodes, name in ((then, "with_past"), (first.graph.node, "no_past"))]
    choice = helper.make_node("If", ["use_cache_branch"], order, "optimum::if", then_branch=branches[0],
                              else_branch=branches[1])
    inputs = {value.name: value for value in [*first.graph.input, *later.graph.input]}
    use = helper.make_tensor_value_info("use_cache_branch", onnx.TensorProto.BOOL, [1])
    graph = helper.make_graph([choice], "merged", [*inputs.values(), use], first.graph.output, weights)
    merged = helper.make_model(graph, opset_imports=first.opset_import, ir_version=9)
    onnx.checker.check_model(merged)
    onnx.save(merged, folder / "decoder_model_merged.onnx")
    for path in files.values():
        path.unlink()


def values(tensor):
    return {"dims": list(tensor.shape), "data": [round(float(x), 6) for x in tensor.flatten()]}


def first_of(output):
    return output if isinstance(output, torch.Tensor) else output[0]


def with_first(output, new):
    return new if isinstance(output, torch.Tensor) else (new, *output[1:])


def hooked(model, path, change, run):
    hook = model.get_submodule(path).register_forward_hook(lambda m, i, o: with_first(o, change(first_of(o))))
    try:
        return run()
    finally:
        hook.remove()


def new_tokens(model, given):
    """What transformers generates behind the start token, which Whisper's own `generate` leaves out."""
    rows = model.generate(**given, do_sample=False, num_beams=1, max_new_tokens=NEW).tolist()
    return [row[1:] if row[0] == model.config.decoder_start_token_id else row for row in rows]


def reference(model, given, paths, cross):
    """Values of modules at the decoder's first step, and the tokens of generations, some with a module changed on the way."""
    seen = {}
    keep = lambda path: lambda module, inputs, output: seen.update({path: first_of(output).clone()})
    hooks = [model.get_submodule(path).register_forward_hook(keep(path)) for path in paths]
    start = torch.full((1, 1), model.config.decoder_start_token_id)
    run = lambda: model(**given, decoder_input_ids=start).logits
    logits = run()
    for hook in hooks:
        hook.remove()
    forced = torch.tensor([[model.config.decoder_start_token_id, 12, 55, 9]])
    generate = lambda: new_tokens(model, given)
    encoder_layer = paths[0]
    return {
        "logits": values(logits),
        "modules": {path: values(value) for path, value in seen.items()},
        "forced": values(model(**given, decoder_input_ids=forced).logits),
        "encoder_halved": values(hooked(model, encoder_layer, lambda x: x * 0.5, run)),
        "greedy": generate(),
        "greedy_encoder_reversed": hooked(model, encoder_layer, lambda x: -x, generate),
        "greedy_cross_doubled": hooked(model, cross, lambda x: x * 2, generate),
    }


def write(folder, model, found):
    model.config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(TOKENIZER / name, folder / name)
    (folder / "reference.json").write_text(json.dumps(found) + "\n")
    print(folder.name, found["greedy"], found["greedy_encoder_reversed"], found["greedy_cross_doubled"])


def texts(name, make, paths, cross):
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "onnx").mkdir(parents=True)
    model = randomized(make())
    if name == "bart":
        model.generation_config.forced_bos_token_id = 0
    else:
        model.generation_config.bad_words_ids = [[159], [59, 37]]
    export_all(model, folder / "onnx")
    rows = [[42, 65, 7, 88, 120, 33, 150, 61, 2], [11, 99, 101, 2]]
    pad = model.config.pad_token_id
    batch = torch.tensor([row + [pad] * (9 - len(row)) for row in rows])
    mask = (torch.arange(9)[None] < torch.tensor([[len(row)] for row in rows])).long()
    given = {"input_ids": batch[:1], "attention_mask": mask[:1]}
    found = {"rows": rows, **reference(model, given, paths, cross)}
    found["greedy_batch"] = new_tokens(model, {"input_ids": batch, "attention_mask": mask})
    write(folder, model, found)


def sound(path):
    steps = np.arange(12000) / 16000
    wave_ = 0.4 * np.sin(2 * np.pi * 440 * steps) + 0.2 * np.sin(2 * np.pi * 1000 * steps * (1 + steps))
    data = (wave_ * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(data.tobytes())
    return data.astype(np.float32) / 32768


def speech():
    folder = OUT / "whisper"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "onnx").mkdir(parents=True)
    model = randomized(whisper())
    model.generation_config.suppress_tokens = [5, 150]
    model.generation_config.begin_suppress_tokens = [132]
    export_all(model, folder / "onnx")
    merge(folder / "onnx")
    extractor = T.WhisperFeatureExtractor(chunk_length=1)
    extractor.save_pretrained(folder)
    features = extractor(sound(folder / "tone.wav"), sampling_rate=16000, return_tensors="pt").input_features
    paths = ["model.encoder.layers.1", "model.encoder", "model.decoder.layers.0", "model.decoder.layers.1.encoder_attn"]
    write(folder, model, reference(model, {"input_features": features}, paths, paths[-1]))


if __name__ == "__main__":
    texts("t5", t5, ["encoder.block.1", "encoder", "decoder.block.0", "decoder.block.1.layer.1.EncDecAttention"],
          "decoder.block.1.layer.1.EncDecAttention")
    texts("bart", bart, ["model.encoder.layers.1", "model.encoder", "model.decoder.layers.0",
                         "model.decoder.layers.1.encoder_attn"], "model.decoder.layers.1.encoder_attn")
    speech()
