"""Writes test/fixtures/experts: operators that send tokens through experts, and what numpy computes inside of them.

Run with: python test/tools/experts_fixtures.py (needs numpy, onnx and onnxruntime).
Each NAME.onnx is one operator below a module `moe`; cases.json has its inputs, what is inside (shares: how much each expert
counts for each token; neurons: what goes into the second layer; made: what each expert makes, weighted), the output, and the
output without the first expert. The output is checked against plain ONNX Runtime's.
"""

import json
import pathlib

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T
from onnx import helper as h

TARGET = pathlib.Path(__file__).resolve().parents[1] / 'fixtures/experts'
EXPERTS, CHOSEN, WIDTH, INNER, BATCH, PLACES = 4, 2, 32, 32, 2, 3
rng = np.random.default_rng(0)


def random(*dims, scale=1.0):
    return (rng.standard_normal(dims) * scale).astype(np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


ACTIVATIONS = {
    'relu': lambda x: np.maximum(x, 0),
    'silu': lambda x: x * sigmoid(x),
    'identity': lambda x: x,
    'gelu': lambda x: 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x**3))),
}


def swiglu(alpha, beta, limit):
    def activate(x):
        gate, number = x[..., 0::2], x[..., 1::2]
        if limit is not None:
            gate, number = np.minimum(gate, limit), np.clip(number, -limit, limit)
        return gate * sigmoid(alpha * gate) * (number + beta)

    return activate


def top(numbers):
    """Where the largest are; of equal ones ONNX Runtime takes the last."""
    order = np.argsort(-numbers[..., ::-1], axis=-1, kind='stable')[..., :CHOSEN]
    mask = np.zeros(numbers.shape, bool)
    np.put_along_axis(mask, numbers.shape[-1] - 1 - order, True, axis=-1)
    return mask


def shares_of(op, scores, normalize, weights):
    if op == 'MoE':
        probabilities = softmax(scores)
        shares = np.where(top(probabilities), probabilities, 0)
        return shares / shares.sum(-1, keepdims=True) if normalize else shares
    if weights is None:
        return softmax(np.where(top(scores), scores, -np.inf))
    shares = np.where(top(scores), weights, 0)
    return shares / shares.sum(-1, keepdims=True) if normalize else shares


def few_bits(w, bits, block, has_zeros):
    """Bytes, scales, zeros, and the numbers that they stand for."""
    count, rows, columns = w.shape
    size, half = block or columns, 2 ** (bits - 1)
    parts = w.reshape(count, rows, columns // size, size)
    if has_zeros:
        low, high = parts.min(-1, keepdims=True), parts.max(-1, keepdims=True)
        scale = (high - low) / (2**bits - 1)
        zero = np.clip(np.round(-low / scale), 0, 2**bits - 1)
    else:
        scale, zero = np.abs(parts).max(-1, keepdims=True) / (half - 1), half
    scale = scale.astype(np.float32)
    values = np.clip(np.round(parts / scale) + zero, 0, 2**bits - 1)
    numbers = ((values - zero) * scale).reshape(w.shape).astype(np.float32)
    zeros = np.broadcast_to(zero, scale.shape)[..., 0].astype(np.uint8)
    scales = scale[..., 0]
    if not block:
        scales, zeros = scales[..., 0], zeros[..., 0]

    def packed(a):
        if bits == 8:
            return a
        even = np.concatenate([a, np.zeros((*a.shape[:-1], a.shape[-1] % 2), np.uint8)], -1)
        return even[..., 0::2] | (even[..., 1::2] << 4)

    return packed(values.reshape(w.shape).astype(np.uint8)), scales, packed(zeros), numbers


def case(name, op, *, activation='silu', normalize=0, bias=True, batched=True, gate=None, bits=4, block=0, zeros=False, weighted=False, ties=False):
    gated = 2 if gate else 1
    layers = [random(EXPERTS, gated * INNER, WIDTH, scale=0.3), random(EXPERTS, WIDTH, INNER, scale=0.3)]
    biases = [random(EXPERTS, gated * INNER, scale=0.3), random(EXPERTS, WIDTH, scale=0.3)] if bias else [None, None]
    x = random(*((BATCH, PLACES, WIDTH) if batched else (BATCH * PLACES, WIDTH)))
    router = random(BATCH * PLACES, EXPERTS)
    if ties:
        router = np.round(router)
    inits, feeds = {}, {'x': x, 'router': router}
    names = ['x', 'router']
    for i, (layer, own) in enumerate(zip(layers, biases), 1):
        if op == 'QMoE':
            inits[f'w{i}'], inits[f's{i}'], packed_zeros, layers[i - 1] = few_bits(layer, bits, block, zeros)
            names += [f'w{i}', f's{i}']
            if zeros:
                inits[f'z{i}'] = packed_zeros
        else:
            inits[f'w{i}'] = layer
            names.append(f'w{i}')
        names.append(f'b{i}' if bias else '')
        if bias:
            inits[f'b{i}'] = own
    weights = None
    if op == 'QMoE':
        names += ['', '', '', 'z1' if zeros else '', 'z2' if zeros else '', '']
        if weighted:
            weights = feeds['weights'] = softmax(random(BATCH * PLACES, EXPERTS))
            names.append('weights')
    attributes = dict(k=CHOSEN, activation_type='swiglu' if gate else activation, normalize_routing_weights=normalize)
    if op == 'QMoE':
        attributes['expert_weight_bits'] = bits
        if block:
            attributes['block_size'] = block
    if gate:
        attributes.update(swiglu_fusion=1, activation_alpha=gate[0], activation_beta=gate[1])
        if gate[2] is not None:
            attributes['swiglu_limit'] = gate[2]
    while names[-1] == '':
        names.pop()
    dims = ['batch', 'places', WIDTH] if batched else ['tokens', WIDTH]
    declared = [h.make_tensor_value_info('x', T.FLOAT, dims)]
    declared += [h.make_tensor_value_info(key, T.FLOAT, ['tokens', EXPERTS]) for key in list(feeds)[1:]]
    graph = h.make_graph(
        [h.make_node(op, names, ['y'], name=f'/moe/{op}', domain='com.microsoft', **attributes)],
        'experts',
        declared,
        [h.make_tensor_value_info('y', T.FLOAT, dims)],
        [onnx.numpy_helper.from_array(np.ascontiguousarray(value), key) for key, value in inits.items()],
    )
    model = h.make_model(graph, opset_imports=[h.make_opsetid('', 21), h.make_opsetid('com.microsoft', 1)], ir_version=10)
    onnx.save(model, TARGET / f'{name}.onnx')
    options = ort.SessionOptions()
    options.log_severity_level = 3
    plain = ort.InferenceSession(model.SerializeToString(), options, providers=['CPUExecutionProvider']).run(None, feeds)[0]

    activate = swiglu(*gate) if gate else ACTIVATIONS[activation]
    flat = x.reshape(-1, WIDTH)
    shares = shares_of(op, router, normalize, weights)
    biased = lambda y, b: y if b is None else y + b[:, None]
    neurons = activate(biased(np.einsum('th,eoh->eto', flat, layers[0]), biases[0]))
    made = biased(np.einsum('eto,eho->eth', neurons, layers[1]), biases[1]) * shares.T[..., None]
    output = made.sum(0).reshape(x.shape)
    assert np.abs(output - plain).max() < 1e-4, (name, np.abs(output - plain).max())

    def placed(by_expert):
        """[experts, tokens, …] as [batch, experts, places, …]"""
        return by_expert.reshape(EXPERTS, BATCH, PLACES, -1).swapaxes(0, 1) if batched else by_expert

    softmaxed = softmax(router) if op == 'MoE' else shares
    values = dict(
        probabilities=softmaxed.reshape(*x.shape[:-1], EXPERTS),
        neurons=placed(neurons),
        made=placed(made),
        output=output,
        without=made[1:].sum(0).reshape(x.shape),
    )
    data = lambda a: {'dims': list(a.shape), 'dtype': 'float32', 'data': [float(f'{v:.7g}') for v in a.flatten()]}
    return dict(
        operator=op,
        weighted=weighted,
        inputs={key: data(value) for key, value in feeds.items()},
        made={key: data(value) for key, value in values.items()},
    )


CASES = {
    'relu': dict(op='MoE', activation='relu'),
    'silu-normalized': dict(op='MoE', normalize=1),
    'gelu-flat': dict(op='MoE', activation='gelu', batched=False, bias=False),
    'swiglu': dict(op='MoE', gate=(1.702, 1.0, 0.5), normalize=1),
    'ties': dict(op='MoE', activation='identity', ties=True),
    'q4': dict(op='QMoE'),
    'q4-swiglu-blocks': dict(op='QMoE', gate=(1.702, 1.0, 7.0), block=16),
    'q4-zeros': dict(op='QMoE', zeros=True, batched=False),
    'q4-block-zeros': dict(op='QMoE', zeros=True, block=16, bias=False),
    'q8-swiglu': dict(op='QMoE', bits=8, gate=(1.0, 0.0, None)),
    'q8-weights': dict(op='QMoE', bits=8, weighted=True, normalize=1),
    'q4-weights': dict(op='QMoE', weighted=True),
}

TARGET.mkdir(parents=True, exist_ok=True)
made = {}
for name, options in CASES.items():
    try:
        made[name] = case(name, **options)
    except Exception as error:
        print(name, str(error)[:300])
        raise
(TARGET / 'cases.json').write_text(json.dumps(made) + '\n')
