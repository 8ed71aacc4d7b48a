"""Makes small random models in the kinds of files that people publish, with PyTorch's values beside them.

Run with: python test/tools/published_models.py DIR [--genai BUILDERS] [ARCHITECTURE ...]
(needs torch, transformers, onnx, onnxruntime and onnxscript; without onnxslim, and without BUILDERS, the folder
src/python/py/models of a checkout of onnxruntime-genai, their kinds are left out).

DIR/ARCHITECTURE/ref.json tells inputs, outputs of modules, and what writes change; ref.bin has the values (float32).
Beside them stand KIND.onnx, or a folder KIND for what is read as a language model, and kinds.json: what became of each.
`npm run published -- DIR` reads all this.
"""

import argparse
import contextlib
import importlib.util
import inspect
import json
import os
import pathlib
import shutil
import subprocess
import sys
import traceback
import warnings

import numpy as np
import onnx
import torch
import transformers as T

warnings.filterwarnings('ignore')
ROOT = pathlib.Path(__file__).resolve().parents[2]
WORDS, WIDTH, LAYERS, HEADS = 189, 64, 3, 4
TEXT = dict(
    vocab_size=WORDS,
    hidden_size=WIDTH,
    num_hidden_layers=LAYERS,
    num_attention_heads=HEADS,
    intermediate_size=128,
    max_position_embeddings=64,
    attn_implementation='eager',
)
DECODER = dict(TEXT, bos_token_id=0, eos_token_id=0, pad_token_id=0)
GROUPED = dict(DECODER, num_key_value_heads=2)
IMAGE = dict(
    hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS, intermediate_size=128, attn_implementation='eager'
)
IDS = torch.tensor([[5, 42, 65, 7, 88, 120, 33, 150, 61], [9, 11, 99, 101, 5, 66, 180, 2, 77]])
MASK = torch.ones_like(IDS)
TOKENS = {'input_ids': IDS, 'attention_mask': MASK}
PROMPT, STEPS = IDS[:1, :5], 8


def picture(size):
    return {'pixel_values': torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(3))}


def sound(length):
    return {'input_values': torch.randn(1, length, generator=torch.Generator().manual_seed(4))}


def decoder(model, config, layer, inner, **options):
    """@param layer the path of a layer; inner: modules in it whose outputs are set, too"""
    return dict(make=lambda: model(config), inputs=TOKENS, writes=[layer, *(f'{layer}.{one}' for one in inner)], decodes=True, **options)


def encoder(make, inputs, layer, inner=(), **options):
    return dict(make=make, inputs=inputs, writes=[layer, *(f'{layer}.{one}' for one in inner)], decodes=False, **options)


LLAMA = ['self_attn', 'mlp', 'input_layernorm']
ARCHITECTURES = {
    'gpt2': decoder(
        T.GPT2LMHeadModel,
        T.GPT2Config(
            vocab_size=WORDS, n_positions=64, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, bos_token_id=0, eos_token_id=0,
            attn_implementation='eager',
        ),
        'transformer.h.1', ['attn', 'mlp', 'ln_1'], optimizer='gpt2',
    ),
    'llama': decoder(T.LlamaForCausalLM, T.LlamaConfig(**GROUPED), 'model.layers.1', LLAMA, genai=True),
    'qwen2': decoder(T.Qwen2ForCausalLM, T.Qwen2Config(**GROUPED), 'model.layers.1', LLAMA, genai=True),
    'qwen3': decoder(T.Qwen3ForCausalLM, T.Qwen3Config(**GROUPED, head_dim=16), 'model.layers.1', LLAMA, genai=True),
    'gemma3': decoder(
        T.Gemma3ForCausalLM,
        T.Gemma3TextConfig(**GROUPED, head_dim=16, query_pre_attn_scalar=16, sliding_window=64),
        'model.layers.1', LLAMA,
    ),
    'phi3': decoder(T.Phi3ForCausalLM, T.Phi3Config(**GROUPED, original_max_position_embeddings=64), 'model.layers.1', LLAMA, genai=True),
    'gpt_neox': decoder(T.GPTNeoXForCausalLM, T.GPTNeoXConfig(**DECODER), 'gpt_neox.layers.1', ['attention', 'mlp']),
    'opt': decoder(
        T.OPTForCausalLM,
        T.OPTConfig(
            vocab_size=WORDS, hidden_size=WIDTH, num_hidden_layers=LAYERS, ffn_dim=128, num_attention_heads=HEADS,
            max_position_embeddings=64, word_embed_proj_dim=WIDTH, bos_token_id=0, eos_token_id=0, pad_token_id=1,
            attn_implementation='eager',
        ),
        'model.decoder.layers.1', ['self_attn', 'fc1'],
    ),
    'bert': encoder(lambda: T.BertModel(T.BertConfig(**TEXT)), TOKENS, 'encoder.layer.1', ['attention', 'intermediate'], optimizer='bert'),
    'roberta': encoder(
        lambda: T.RobertaForMaskedLM(T.RobertaConfig(**TEXT, pad_token_id=1)), TOKENS, 'roberta.encoder.layer.1', ['attention'], optimizer='bert'
    ),
    'distilbert': encoder(
        lambda: T.DistilBertModel(
            T.DistilBertConfig(vocab_size=WORDS, dim=WIDTH, n_layers=LAYERS, n_heads=HEADS, hidden_dim=128, max_position_embeddings=64, attn_implementation='eager')
        ),
        TOKENS, 'transformer.layer.1', ['attention', 'ffn'], optimizer='bert',
    ),
    'mpnet': encoder(
        lambda: T.MPNetModel(T.MPNetConfig(**{**TEXT, 'max_position_embeddings': 66})), TOKENS, 'encoder.layer.1', ['attention']
    ),
    'vit': encoder(
        lambda: T.ViTForImageClassification(T.ViTConfig(**IMAGE, image_size=32, patch_size=8)), picture(32), 'vit.layers.1', ['attention', 'mlp'], optimizer='vit'
    ),
    'dinov2': encoder(
        lambda: T.Dinov2ForImageClassification(
            T.Dinov2Config(
                num_labels=3, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS, mlp_ratio=2, image_size=32, patch_size=8, attn_implementation='eager'
            )
        ),
        picture(32), 'dinov2.encoder.layer.1', ['attention', 'mlp'],
    ),
    'clip_vision': encoder(
        lambda: T.CLIPVisionModelWithProjection(T.CLIPVisionConfig(**IMAGE, image_size=32, patch_size=8, projection_dim=16)),
        picture(32), 'vision_model.encoder.layers.1', ['self_attn'], optimizer='clip',
    ),
    'resnet': encoder(
        lambda: T.ResNetForImageClassification(
            T.ResNetConfig(embedding_size=16, hidden_sizes=[16, 32, 48, 64], depths=[1, 2, 2, 1], layer_type='bottleneck', num_labels=5)
        ),
        picture(64), 'resnet.encoder.stages.1', ['layers.0'],
    ),
    'convnext': encoder(
        lambda: T.ConvNextForImageClassification(T.ConvNextConfig(hidden_sizes=[16, 24, 32, 40], depths=[1, 1, 2, 1], num_labels=5)),
        picture(64), 'convnext.encoder.stages.2', ['layers.0'],
    ),
    'wav2vec2': encoder(
        lambda: T.Wav2Vec2ForCTC(
            T.Wav2Vec2Config(vocab_size=32, **IMAGE, conv_dim=[16] * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4)
        ),
        sound(4000), 'wav2vec2.encoder.layers.1', ['attention'],
    ),
}  # fmt: skip


def first(given):
    """The first tensor of what a module returns."""
    if isinstance(given, torch.Tensor):
        return given
    values = given.values() if hasattr(given, 'values') else given if isinstance(given, (tuple, list)) else ()
    return next((one for one in map(first, values) if one is not None), None)


def kept(given):
    """That tensor as it is now: what follows may change it in place."""
    tensor = first(given)
    return None if tensor is None else tensor.detach().clone()


def halved(given):
    """What a module returns, with its first tensor halved, wherever that stands in it: a file has it once."""
    return replaced(given, first(given), first(given) * 0.5)


def replaced(given, old, new):
    if given is old:
        return new
    if isinstance(given, (tuple, list)):
        return type(given)(replaced(one, old, new) for one in given)
    if hasattr(given, 'keys'):
        for key in list(given.keys()):
            given[key] = replaced(given[key], old, new)
    return given


def write_hook(model, path):
    """Halves what a module returns, before transformers' own hooks keep it as a hidden state."""
    return model.get_submodule(path).register_forward_hook(lambda _m, _i, out: halved(out), prepend=True)


def weighted(model):
    """Gives a model weights of a size at which every part of it matters."""
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if parameter.dim() >= 2:
            torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
        elif name.endswith('weight'):
            parameter.data.add_(torch.randn_like(parameter) * 0.1)
        else:
            parameter.data.copy_(torch.randn_like(parameter) * 0.05)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
    if hasattr(model, 'tie_weights'):
        model.tie_weights()
    return model.eval().requires_grad_(False)


class Values:
    """The values of a reference, one behind the other in a file."""

    def __init__(self):
        self.all, self.at = [], 0

    def put(self, tensor):
        if tensor is None or tensor.numel() == 0:
            return None
        values = tensor.detach().float().contiguous().numpy().reshape(-1).copy()
        entry = {'dims': list(tensor.shape), 'at': self.at, 'n': int(values.size)}
        self.all.append(values)
        self.at += values.size
        return entry


@torch.no_grad()
def record(folder, model, spec):
    """Writes what PyTorch's hooks see, and what the model gives when outputs of modules are halved."""
    inputs, values, seen, hooks = spec['inputs'], Values(), {}, []
    for path, module in model.named_modules():
        # What computes nothing is in no file.
        if path and not isinstance(module, (torch.nn.Dropout, torch.nn.Identity)):
            hooks.append(module.register_forward_hook(lambda _m, _i, out, path=path: seen.setdefault(path, []).append(kept(out))))
    output = first(run(model, spec))
    for hook in hooks:
        hook.remove()
    told = {
        'inputs': {name: {'dims': list(one.shape), 'dtype': str(one.dtype).removeprefix('torch.'), 'data': one.flatten().tolist()} for name, one in inputs.items()},
        'output': values.put(output),
        'modules': {path: [values.put(one) for one in calls] for path, calls in seen.items()},
        'parameters': {path: values.put(one) for path, one in model.named_parameters(remove_duplicate=False)},
        'writes': [],
    }
    once = [path for path, calls in seen.items() if len(calls) == 1 and calls[0] is not None and calls[0].is_floating_point()]
    for path in once if spec['writes'] == 'all' else spec['writes']:
        hook = write_hook(model, path)
        told['writes'].append({'path': path, 'op': 'scale', 'output': values.put(first(run(model, spec)))})
        hook.remove()
    with contextlib.suppress(AttributeError, TypeError, ValueError):
        told['attentions'] = [values.put(one) for one in run(model, {**spec, 'inputs': {**inputs, 'output_attentions': True}}).attentions or []]
    if spec['decodes']:
        made = model.generate(
            PROMPT, attention_mask=torch.ones_like(PROMPT), max_new_tokens=STEPS, do_sample=False, eos_token_id=None, pad_token_id=0
        )
        told['generation'] = {'prompt': PROMPT[0].tolist(), 'tokens': made[0, PROMPT.shape[1] :].tolist()}
    np.concatenate(values.all).astype('<f4').tofile(folder / 'ref.bin')
    (folder / 'ref.json').write_text(json.dumps(told))


def run(model, spec):
    if not spec['decodes']:
        return model(**spec['inputs'])
    # As the files have it: a position for each token of each row.
    positions = {'position_ids': MASK.cumsum(1) - 1} if takes_positions(model) else {}
    return model(**spec['inputs'], **positions, use_cache=False)


@contextlib.contextmanager
def exported_as(model, forward):
    """For the export a model takes other arguments: a module around it would put its name before all paths."""
    model.forward = forward
    try:
        yield model
    finally:
        del model.forward


def with_cache(model):
    """A decoder with key-value caches as inputs and outputs, as optimum exports it."""
    own, positions = model.forward, takes_positions(model)

    def forward(input_ids, attention_mask, position_ids, *past):
        cache = T.DynamicCache()
        for layer in range(len(past) // 2):
            cache.update(past[2 * layer], past[2 * layer + 1], layer)
        takes = {'position_ids': position_ids} if positions else {}
        out = own(input_ids=input_ids, attention_mask=attention_mask, past_key_values=cache, use_cache=True, **takes)
        return (out.logits, *(one for layer in out.past_key_values.layers for one in (layer.keys, layer.values)))

    return forward


def plain(model, names):
    """A model of which the first output is taken."""
    own = model.forward

    def forward(*values):
        return first(own(**dict(zip(names, values)), return_dict=True))

    return forward


def takes_positions(model):
    return 'position_ids' in inspect.signature(model.forward).parameters


def cache_shapes(model, batch, length):
    """The shapes of a layer's keys and values in a cache."""
    config = model.config
    if hasattr(config, 'kv_lora_rank'):
        # Latent attention keeps what keys and values are made of, and one rotated key for all heads.
        return [(batch, 1, length, size) for size in (config.kv_lora_rank, config.qk_rope_head_dim)]
    heads = getattr(config, 'num_key_value_heads', None) or config.num_attention_heads
    if getattr(config, 'new_decoder_architecture', False):
        heads = config.num_kv_heads
    elif getattr(config, 'multi_query', False):
        heads = 1
    size = getattr(config, 'head_dim', None) or config.hidden_size // config.num_attention_heads
    return [(batch, heads, length, size)] * 2


def export(model, spec, target, dynamo):
    """Exports a model in optimum's layout."""
    if spec['decodes']:
        past_length = 3
        past = [torch.zeros(shape) for _ in range(LAYERS) for shape in cache_shapes(model, 2, past_length)]
        mask = torch.ones(2, past_length + IDS.shape[1], dtype=torch.int64)
        positions = torch.arange(IDS.shape[1]).expand(2, -1) + past_length
        args = (IDS, mask, positions, *past)
        pairs = [f'{layer}.{kind}' for layer in range(LAYERS) for kind in ('key', 'value')]
        names = ['input_ids', 'attention_mask', 'position_ids', *(f'past_key_values.{one}' for one in pairs)]
        outputs = ['logits', *(f'present.{one}' for one in pairs)]
        axes = {
            'input_ids': {0: 'batch_size', 1: 'sequence_length'},
            'attention_mask': {0: 'batch_size', 1: 'total_sequence_length'},
            'position_ids': {0: 'batch_size', 1: 'sequence_length'},
            **{f'past_key_values.{one}': {0: 'batch_size', 2: 'past_sequence_length'} for one in pairs},
        }
        forward = with_cache(model)
    else:
        args, names = tuple(spec['inputs'].values()), list(spec['inputs'])
        outputs, axes = ['output'], {name: {0: 'batch_size'} for name in names}
        if 'input_ids' in names:
            axes = {name: {0: 'batch_size', 1: 'sequence_length'} for name in names}
        if 'input_values' in names or spec.get('fixed'):
            axes = {}
        forward = plain(model, names)
    options = dict(input_names=names, output_names=outputs, opset_version=18 if dynamo else 17)
    if dynamo:
        dims = {}
        shape = lambda name: {axis: dims.setdefault(size, torch.export.Dim.DYNAMIC) for axis, size in axes.get(name, {}).items()}
        shapes = [shape(name) for name in names]
        fixed = shapes[: 3 if spec['decodes'] else len(names)]
        dynamic = (*fixed, tuple(shapes[3:])) if spec['decodes'] else (tuple(shapes),)
        with exported_as(model, forward):
            program = torch.onnx.export(model, args, dynamo=True, dynamic_shapes=dynamic, verbose=False, **options)
        program.save(str(target), external_data=False)
    else:
        with exported_as(model, forward):
            torch.onnx.export(model, args, str(target), dynamo=False, dynamic_axes=axes, do_constant_folding=True, **options)


def all_nodes(graph):
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from all_nodes(attribute.g)


def operators(file):
    return {node.op_type for node in all_nodes(file.graph)}


def feeds(path, spec):
    """Inputs of a file for its calibration."""
    import onnxruntime as ort

    types = {'tensor(bool)': np.bool_, 'tensor(float)': np.float32, 'tensor(int64)': np.int64, 'tensor(float16)': np.float16}
    made = {}
    for one in ort.InferenceSession(path, providers=['CPUExecutionProvider']).get_inputs():
        kind = types[one.type]
        if one.name in spec['inputs']:
            made[one.name] = spec['inputs'][one.name].numpy().astype(kind)
        elif one.name == 'position_ids':
            made[one.name] = np.broadcast_to(np.arange(IDS.shape[1]), IDS.shape).astype(kind)
        else:
            made[one.name] = np.zeros([size if isinstance(size, int) else 2 if i == 0 else 0 for i, size in enumerate(one.shape)], kind)
    return made


def runs(path, spec):
    """Throws an error for a file that ONNX Runtime itself does not run."""
    import onnxruntime as ort

    ort.InferenceSession(path, providers=['CPUExecutionProvider']).run(None, feeds(path, spec))


def half(file):
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

    return convert_float_to_float16(file, keep_io_types=True, op_block_list=[*DEFAULT_OP_BLOCK_LIST, 'Cast'])


def four_bits(path):
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    quantizer = MatMulNBitsQuantizer(onnx.load(path), bits=4, block_size=32, is_symmetric=True)
    quantizer.process()
    return quantizer.model.model


def make_bnb4(source, target, _):
    from onnxruntime.quantization.matmul_bnb4_quantizer import MatMulBnb4Quantizer

    quantizer = MatMulBnb4Quantizer(onnx.load(source), block_size=64, quant_type=MatMulBnb4Quantizer.NF4)
    quantizer.process()
    onnx.save(quantizer.model.model, target)


def make_int8(source, target, _):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    weights = QuantType.QUInt8 if 'Conv' in operators(onnx.load(source)) else QuantType.QInt8
    quantize_dynamic(source, target, weight_type=weights, extra_options={'MatMulConstBOnly': True})


def make_qdq(source, target, spec):
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Once(CalibrationDataReader):
        def __init__(self, given):
            self.given = iter([given])

        def get_next(self):
            return next(self.given, None)

    prepared = f'{target}.prepared'
    quant_pre_process(source, prepared, skip_symbolic_shape=True)
    quantize_static(
        prepared,
        target,
        Once(feeds(source, spec)),
        quant_format=QuantFormat.QDQ,
        # A mask's largest negative number would leave no levels for the scores beside it.
        op_types_to_quantize=['MatMul', 'Gemm', 'Conv', 'Gather'],
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    os.remove(prepared)


def optimized(level):
    def make(source, target, _):
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, f'ORT_ENABLE_{level}')
        options.optimized_model_filepath = str(target)
        options.log_severity_level = 3
        ort.InferenceSession(source, options, providers=['CPUExecutionProvider'])

    return make


def make_optimizer(source, target, spec):
    from onnxruntime.transformers.optimizer import optimize_model

    optimize_model(str(source), spec['optimizer'], num_heads=HEADS, hidden_size=WIDTH, opt_level=0).save_model_to_file(str(target))


def make_slim(source, target, _):
    import onnxslim

    onnx.save(onnxslim.slim(str(source)), target)


def make_merged(source, target, _):
    """One file with a branch for the prompt and one for later steps, as optimum merged two exports until 2024."""
    whole = onnx.load(source)
    graph = whole.graph

    def branch(name, has_past):
        prefix = f'{name}/'
        own = {one for node in graph.node for one in node.output if one}
        body = onnx.GraphProto(name=name)
        for node in graph.node:
            copy = body.node.add()
            copy.CopyFrom(node)
            copy.input[:] = [prefix + one if one in own else one for one in node.input]
            copy.output[:] = [prefix + one if one else one for one in node.output]
        for out in graph.output:
            copy = body.output.add()
            copy.CopyFrom(out)
            copy.name = prefix + out.name
        if not has_past:
            # Its caches are empty whatever comes in.
            for given in [one for one in graph.input if one.name.startswith('past_key_values')]:
                dims = [one.dim_value for one in given.type.tensor_type.shape.dim]
                empty = prefix + given.name
                body.node.insert(0, onnx.helper.make_node('Slice', [given.name, 'zero', 'zero', 'two'], [empty], name=f'/empty/{given.name}'))
                for node in list(body.node)[1:]:
                    node.input[:] = [empty if one == given.name and node.output[0] != empty else one for one in node.input]
        return body

    merged = onnx.ModelProto()
    merged.CopyFrom(whole)
    del merged.graph.node[:]
    merged.graph.input.append(onnx.helper.make_tensor_value_info('use_cache_branch', onnx.TensorProto.BOOL, [1]))
    for name, value in (('zero', 0), ('two', 2)):
        merged.graph.initializer.append(onnx.numpy_helper.from_array(np.array([value], np.int64), name))
    merged.graph.node.append(
        onnx.helper.make_node(
            'If', ['use_cache_branch'], [one.name for one in graph.output], name='optimum::if',
            then_branch=branch('with_past', True), else_branch=branch('without_past', False),
        )
    )  # fmt: skip
    onnx.save(merged, target)


def make_genai(precision):
    def make(_, target, spec):
        folder = target.with_suffix('')
        shutil.rmtree(folder, ignore_errors=True)
        hf = target.parent / 'hf'
        command = [sys.executable, str(spec['builders'] / 'builder.py'), '-i', str(hf), '-m', '', '-o', str(folder), '-p', precision, '-e', 'cpu' if precision != 'fp16' else 'cuda']
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        shutil.copy(hf / 'config.json', folder)

    return make


KINDS = {
    'fp32': lambda source, target, spec: None,
    'dynamo': lambda source, target, spec: export(spec['model'], spec, target, True),
    'slim': make_slim,
    'fp16': lambda source, target, _: onnx.save(half(onnx.load(source)), target),
    'q4': lambda source, target, _: onnx.save(four_bits(source), target),
    'q4f16': lambda source, target, _: onnx.save(half(four_bits(source)), target),
    'int8': make_int8,
    'bnb4': make_bnb4,
    'qdq': make_qdq,
    'extended': optimized('EXTENDED'),
    'all': optimized('ALL'),
    'optimizer': make_optimizer,
    'merged': make_merged,
    'genai-fp32': make_genai('fp32'),
    'genai-fp16': make_genai('fp16'),
    'genai-int4': make_genai('int4'),
}


def is_made(kind, spec, options):
    """Whether there are files of this kind of such a model."""
    if kind == 'slim':
        return importlib.util.find_spec('onnxslim') is not None
    if kind.startswith('genai'):
        return spec.get('genai', False) and options.genai is not None
    if kind == 'merged':
        return spec['decodes']
    return kind != 'optimizer' or 'optimizer' in spec


def make(name, options):
    spec = ARCHITECTURES[name]
    folder = options.dir / name
    if not options.kinds:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    model = weighted(spec['make']())
    spec = {**spec, 'model': model, 'builders': options.genai}
    record(folder, model, spec)
    if spec['decodes']:
        model.save_pretrained(folder / 'hf')
        for file in ('tokenizer.json', 'tokenizer_config.json'):
            shutil.copy(ROOT / 'models/toy-gpt2' / file, folder / 'hf')
        for file in ('tokenizer.json', 'tokenizer_config.json', 'config.json'):
            shutil.copy(folder / 'hf' / file, folder)
    source = folder / 'fp32.onnx'
    told = folder / 'kinds.json'
    kinds = json.loads(told.read_text()) if told.exists() else {}
    done = set()
    try:
        export(model, spec, source, False)
    except Exception as error:
        # What the older exporter cannot write is made of the other one's file.
        kinds['fp32'] = f'{type(error).__name__}: {str(error).strip().splitlines()[-1][:200]}'
        source.unlink(missing_ok=True)
        source = folder / 'dynamo.onnx'
        export(model, spec, source, True)
        kinds['dynamo'] = 'made'
        done = {'fp32', 'dynamo'}
    for kind, convert in KINDS.items():
        if not is_made(kind, spec, options) or (options.kinds and kind not in options.kinds) or kind in done:
            continue
        try:
            convert(str(source) if kind not in ('genai-fp32', 'genai-fp16', 'genai-int4') else source, folder / f'{kind}.onnx', spec)
            target = folder / f'{kind}.onnx'
            if target.exists():
                runs(str(target), spec)
            kinds[kind] = 'made'
        except Exception as error:
            kinds[kind] = f'{type(error).__name__}: {str(error).strip().splitlines()[0][:200] if str(error).strip() else ""}'
            (folder / f'{kind}.error').write_text(traceback.format_exc())
        print(name, kind, kinds[kind], flush=True)
    told.write_text(json.dumps(kinds, indent=1))


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('dir', type=pathlib.Path)
    parser.add_argument('architectures', nargs='*')
    parser.add_argument('--genai', type=pathlib.Path)
    parser.add_argument('--kinds', nargs='*')
    options = parser.parse_args()
    for name in options.architectures or ARCHITECTURES:
        make(name, options)
