"""Writes test/fixtures/quantized: a small model with its weights in few bits, in the ways that files have, and their numbers.

Run with: python test/tools/quantized_weights.py (needs torch, onnx, onnxruntime).
PyTorch's shapes are those of the model here. The numbers are those of ONNX's and ONNX Runtime's own operators: what a
product with the unit matrix gives, what DequantizeLinear gives, all rows of a table.
"""

import hashlib
import json
import logging
import pathlib
import warnings

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.matmul_bnb4_quantizer import MatMulBnb4Quantizer
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.transformers.float16 import convert_float_to_float16

warnings.filterwarnings('ignore')
logging.disable(logging.WARNING)
OUT = pathlib.Path(__file__).parent.parent / 'fixtures' / 'quantized'
OUT.mkdir(exist_ok=True)
SCRATCH = pathlib.Path('/tmp/onnsight-quantized')
SCRATCH.mkdir(exist_ok=True)


class Turned(torch.nn.Module):
    """GPT-2's layer: its weight is [in, out]."""

    def __init__(self, inside, outside):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(inside, outside) / 4)

    def forward(self, x):
        return torch.matmul(x, self.weight)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(12, 32)
        self.first = torch.nn.Linear(32, 48)
        self.turned = Turned(48, 40)
        self.last = torch.nn.Linear(40, 16, bias=False)

    def forward(self, ids):
        x = torch.relu(self.first(self.table(ids)))
        return self.last(torch.relu(self.turned(x)))


class Picture(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3)
        self.head = torch.nn.Linear(4 * 4, 5)

    def forward(self, x):
        return self.head(torch.relu(self.conv(x)).flatten(1))


class Folded(torch.nn.Module):
    """Both exporters multiply its batch norm into the convolution."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3)
        self.norm = torch.nn.BatchNorm2d(4)
        self.norm.running_mean.normal_()
        self.norm.running_var.uniform_(2, 3)

    def forward(self, x):
        return self.norm(self.conv(x))


torch.manual_seed(0)
IDS = torch.arange(12).reshape(2, 6)
PICTURE = torch.randn(2, 3, 4, 4)
words, picture = Model().eval(), Picture().eval()


def export(model, given, name, dynamo):
    path = SCRATCH / f'{name}.onnx'
    if dynamo:
        torch.onnx.export(model, (given,), path, dynamo=True, opset_version=21, external_data=False, verbose=False)
    else:
        torch.onnx.export(model, (given,), path, dynamo=False, opset_version=17, input_names=['x'])
    return str(path)


def run(node, feeds, dtype, opset=21):
    """What one operator gives."""
    inputs = [helper.make_tensor_value_info(k, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for k, v in feeds.items()]
    output = helper.make_tensor_value_info('out', helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), None)
    graph = helper.make_graph([node[0]], 'one', inputs, [output], node[1])
    opsets = [helper.make_opsetid('', opset), helper.make_opsetid('com.microsoft', 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    return ort.InferenceSession(model.SerializeToString(), options).run(['out'], feeds)[0]


def numbers(model, path):
    """The numbers of every weight in few bits, by the names of the initializers that have them."""
    initializers = {one.name: one for one in model.graph.initializer}
    arrays = lambda *names: [numpy_helper.to_array(initializers[name]) for name in names]
    found = {}

    def linear(values, scale, zero, axis):
        q, s = arrays(values, scale)
        made = (q.astype(np.int32) - (arrays(zero)[0].astype(np.int32).reshape(shape(q, s, axis)) if zero else 0)).astype(s.dtype)
        found[values] = made * s.reshape(shape(q, s, axis))

    def shape(q, s, axis):
        return [] if s.size == 1 else [q.shape[axis] if i == axis % q.ndim else 1 for i in range(q.ndim)]

    makers = {output: node for node in model.graph.node for output in node.output}
    for node in model.graph.node:
        kind, given = node.op_type, list(node.input) + [''] * 8
        attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        if kind in ('MatMulNBits', 'MatMulBnb4'):
            scale = arrays(given[2])[0]
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            copy.input[:] = ['a', *list(node.input)[1:5]]
            copy.output[:] = ['out']
            for one in list(copy.attribute):
                if one.name == 'accuracy_level':
                    copy.attribute.remove(one)
            own = [initializers[name] for name in copy.input if name in initializers]
            unit = np.eye(attributes['K'], dtype=scale.dtype)
            found[given[1]] = run((copy, own), {'a': unit}, scale.dtype).T
        elif kind == 'GatherBlockQuantized':
            scale = arrays(given[2])[0]
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            copy.input[1] = 'a'
            copy.output[:] = ['out']
            own = [initializers[name] for name in copy.input if name in initializers]
            rows = initializers[given[0]].dims[0]
            found[given[0]] = run((copy, own), {'a': np.arange(rows)}, scale.dtype)
        elif kind == 'DequantizeLinear' and given[0] in initializers:
            own = [initializers[name] for name in node.input]
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            copy.output[:] = ['out']
            found[given[0]] = run((copy, own), {}, arrays(given[1])[0].dtype)
        elif kind == 'DequantizeLinear' and makers.get(given[0]) is not None and makers[given[0]].op_type == 'Gather':
            table = makers[given[0]].input[0]
            if table in initializers:
                linear(table, given[1], given[2], 0)
        elif kind in ('MatMulInteger', 'ConvInteger'):
            scale = given[1].removesuffix('_quantized') + '_scale'
            linear(given[1], scale, given[3], 1 if kind == 'MatMulInteger' else 0)
        elif kind in ('QLinearMatMul', 'QLinearConv', 'QGemm'):
            axis = 0 if kind == 'QLinearConv' or attributes.get('transB') else 1
            linear(given[3], given[4], given[5], axis)
    return found


class Once(CalibrationDataReader):
    def __init__(self, feeds):
        self.feeds = iter([feeds])

    def get_next(self):
        return next(self.feeds, None)


def nbits(path, **options):
    quantizer = MatMulNBitsQuantizer(onnx.load(path), **options)
    quantizer.process()
    return quantizer.model.model


def bnb4(path, kind):
    quantizer = MatMulBnb4Quantizer(onnx.load(path), block_size=16, quant_type=kind)
    quantizer.process()
    return quantizer.model.model


def dynamic(path, kind, per_channel):
    target = SCRATCH / 'dynamic.onnx'
    quantize_dynamic(path, target, weight_type=kind, per_channel=per_channel, extra_options={'MatMulConstBOnly': True})
    return onnx.load(target)


def static(path, feeds, form, per_channel):
    target = SCRATCH / 'static.onnx'
    quantize_static(
        path, target, Once(feeds), quant_format=form, per_channel=per_channel, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8
    )
    return onnx.load(target)


def shuffled(model):
    """Blocks whose columns do not follow one another."""
    for node in [one for one in model.graph.node if one.op_type == 'MatMulNBits']:
        columns, size = (next(a.i for a in node.attribute if a.name == name) for name in ('K', 'block_size'))
        order = np.random.RandomState(1).permutation(columns) // size
        name = f'{node.input[1]}_order'
        model.graph.initializer.append(numpy_helper.from_array(order.astype(np.int32), name))
        node.input[:] = [*list(node.input)[:3], '', name]
    return model


def half(model):
    return convert_float_to_float16(model, keep_io_types=True)


def looked_up(path):
    """The embedding in blocks of four bits."""
    model = onnx.load(path)
    gather = next(node for node in model.graph.node if node.op_type == 'Gather')
    table = next(one for one in model.graph.initializer if one.name == gather.input[0])
    blocks = numpy_helper.to_array(table).reshape(12, 2, 16)
    low, high = blocks.min(-1, keepdims=True), blocks.max(-1, keepdims=True)
    scales = ((high - low) / 15).astype(np.float32)
    zeros = np.clip(np.round(-low / scales), 0, 15).astype(np.uint8)
    values = np.clip(np.round(blocks / scales + zeros), 0, 15).astype(np.uint8).reshape(12, 32)
    pack = lambda x: (x[:, 0::2] | (x[:, 1::2] << 4)).astype(np.uint8)
    model.graph.initializer.remove(table)
    for name, array in ((f'{table.name}_Q4', pack(values)), (f'{table.name}_scales', scales[..., 0]), (f'{table.name}_zeros', pack(zeros[..., 0]))):
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    gather.input[:] = [f'{table.name}_Q4', gather.input[1], f'{table.name}_scales', f'{table.name}_zeros']
    gather.op_type, gather.domain = 'GatherBlockQuantized', 'com.microsoft'
    del gather.attribute[:]
    gather.attribute.extend(helper.make_node('x', [], [], block_size=16, bits=4, gather_axis=0, quantize_axis=1).attribute)
    model.opset_import.append(helper.make_opsetid('com.microsoft', 1))
    return model


ORDERED = ['first.weight', 'turned.weight', 'last.weight']


def row(path, array):
    # A product has no -0.
    one = np.ascontiguousarray(array + np.zeros((), array.dtype))
    first = one.flatten()[:8].astype(np.float64).tolist()
    return {'path': path, 'dims': list(one.shape), 'dtype': str(one.dtype), 'first': first, 'sha256': hashlib.sha256(one.tobytes()).hexdigest()}


expected = {}
for exporter in ('ts', 'dynamo'):
    text = export(words, IDS, f'words.{exporter}', exporter == 'dynamo')
    image = export(picture, PICTURE, f'picture.{exporter}', exporter == 'dynamo')
    feed = {onnx.load(text).graph.input[0].name: IDS.numpy()}
    shown = {onnx.load(image).graph.input[0].name: PICTURE.numpy()}
    merged = export(Folded().eval(), PICTURE, f'folded.{exporter}', exporter == 'dynamo')
    for kind, make in {
        'folded-uint8': lambda: dynamic(merged, QuantType.QUInt8, False),
        'folded-qdq': lambda: static(merged, {onnx.load(merged).graph.input[0].name: PICTURE.numpy()}, QuantFormat.QDQ, False),
    }.items():
        onnx.save(make(), OUT / f'{kind}.{exporter}.onnx')
    models = {
        'q4': lambda: nbits(text, bits=4, block_size=16, is_symmetric=True),
        'q4-zeros': lambda: nbits(text, bits=4, block_size=32, is_symmetric=False),
        # With zeros as well: ONNX Runtime leaves them out there.
        'q4-order': lambda: shuffled(nbits(text, bits=4, block_size=16, is_symmetric=True)),
        'q4f16': lambda: half(nbits(text, bits=4, block_size=32, is_symmetric=True)),
        'q8': lambda: nbits(text, bits=8, block_size=32, is_symmetric=False),
        'nf4': lambda: bnb4(text, MatMulBnb4Quantizer.NF4),
        'fp4': lambda: bnb4(text, MatMulBnb4Quantizer.FP4),
        'int8': lambda: dynamic(text, QuantType.QInt8, False),
        'int8-channels': lambda: dynamic(text, QuantType.QInt8, True),
        'uint8': lambda: dynamic(text, QuantType.QUInt8, False),
        'qdq': lambda: static(text, feed, QuantFormat.QDQ, False),
        'qdq-channels': lambda: static(text, feed, QuantFormat.QDQ, True),
        'qlinear': lambda: static(text, feed, QuantFormat.QOperator, False),
        'table': lambda: looked_up(text),
        'picture-uint8': lambda: dynamic(image, QuantType.QUInt8, False),
        'picture-qdq': lambda: static(image, shown, QuantFormat.QDQ, True),
        'picture-qlinear': lambda: static(image, shown, QuantFormat.QOperator, True),
    }
    for kind, make in models.items():
        name = f'{kind}.{exporter}'
        try:
            model = make()
            onnx.save(model, OUT / f'{name}.onnx')
            options = ort.SessionOptions()
            options.log_severity_level = 3
            ort.InferenceSession(str(OUT / f'{name}.onnx'), options)
            found = numbers(model, name)
        except Exception as error:
            (OUT / f'{name}.onnx').unlink(missing_ok=True)
            print(name, type(error).__name__, str(error)[:150])
            continue
        source = picture if kind.startswith('picture') else words
        state = {path: p.detach().numpy() for path, p in source.named_parameters()}
        rows = []
        for path, weight in state.items():
            # The nearest in the parameter's shape, or turned: by their elements, not by names.
            fits = [
                (np.abs(one.astype(np.float32) - weight).max(), one)
                for array in found.values()
                for one in (array, array.T)
                if one.shape == weight.shape
            ]
            if kind == 'q4-order' and path in ORDERED:
                # Their columns are not those of the model any more.
                one = list(found.values())[ORDERED.index(path)]
                rows.append(row(path, one.T if path.startswith('turned') else one))
                continue
            near = [one for distance, one in sorted(fits, key=lambda fit: fit[0]) if distance < 0.4 * np.abs(weight).max()]
            if not near:
                continue
            rows.append(row(path, near[0]))
        expected[name] = rows
        print(name, [row['path'] for row in rows])
(OUT / 'weights.json').write_text(json.dumps(expected, indent=1))
