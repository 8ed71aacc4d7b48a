"""Operations that give one element for each element of the operands."""

import torch
from operations_case import ALL, FLOATS, Case, sample, scalar

UNARY = {
    "neg": torch.neg,
    "abs": torch.abs,
    "sqrt": torch.sqrt,
    "exp": torch.exp,
    "log": torch.log,
    "sin": torch.sin,
    "cos": torch.cos,
    "tan": torch.tan,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "erf": torch.erf,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "round": torch.round,
    "sign": torch.sign,
    "reciprocal": torch.reciprocal,
    "isnan": torch.isnan,
    "logicalNot": torch.logical_not,
    "bitwiseNot": torch.bitwise_not,
    "detach": torch.detach,
}

BINARY = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "remainder": torch.remainder,
    "pow": torch.pow,
    "minimum": torch.minimum,
    "maximum": torch.maximum,
    "eq": torch.eq,
    "ne": torch.ne,
    "lt": torch.lt,
    "le": torch.le,
    "gt": torch.gt,
    "ge": torch.ge,
    "logicalAnd": torch.logical_and,
    "logicalOr": torch.logical_or,
    "bitwiseAnd": torch.bitwise_and,
    "bitwiseOr": torch.bitwise_or,
    "bitwiseXor": torch.bitwise_xor,
}

SHAPES = [
    ((2, 3), (2, 3)),
    ((2, 1), (1, 3)),
    ((3,), ()),
    ((), (2, 2)),
    ((), ()),
    ((0, 3), (3,)),
    ((2, 1, 2), (3, 1)),
    ((2, 3), (4,)),
]

f16, f32, f64 = FLOATS
i8, i16, i32, i64, u8, boolean = (torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8, torch.bool)

# Which element types meet, with and without dimensions.
PAIRS = [
    (f32, (3,), f32, (3,)),
    (f16, (3,), f16, (3,)),
    (f64, (3,), f64, (3,)),
    (f16, (3,), f32, (3,)),
    (f16, (3,), f32, ()),
    (f32, (3,), f64, ()),
    (i64, (3,), f32, ()),
    (i64, (3,), f16, (3,)),
    (i32, (3,), i64, (3,)),
    (i32, (3,), i64, ()),
    (i8, (3,), u8, (3,)),
    (u8, (3,), u8, (3,)),
    (i16, (3,), i16, ()),
    (boolean, (3,), i64, (3,)),
    (boolean, (3,), f32, (3,)),
    (boolean, (3,), boolean, (3,)),
    (i64, (), f32, ()),
]


def nonzero(x):
    """No whole-number division by zero: that is an error of the run."""
    return x if x.dtype.is_floating_point or x.dtype == torch.bool else torch.where(x == 0, x + 3, x)


def special(dtype=f32):
    return torch.tensor([float("nan"), float("inf"), -float("inf"), -0.0, 0.5, 1.5, -2.5, 2.5], dtype=dtype)


def unary_cases():
    for op, reference in UNARY.items():
        for dtype in ALL:
            yield Case(op, [sample((2, 3), dtype)], {}, reference)
        yield Case(op, [special()], {}, reference)
        yield Case(op, [sample(())], {}, reference)
        yield Case(op, [sample((0, 2))], {}, reference)
    for approximate in ("none", "tanh"):
        for dtype in (*FLOATS, i64):
            x = sample((3, 3), dtype)
            yield Case(
                "gelu",
                [x],
                {"approximate": approximate},
                lambda x, a=approximate: torch.nn.functional.gelu(x, approximate=a),
            )


def binary_cases():
    for op, reference in BINARY.items():
        dtype = i64 if op.startswith("bitwise") else f32
        for left, right in SHAPES:
            yield Case(op, [sample(left, dtype), nonzero(sample(right, dtype) - 1)], {}, reference)
        for left, left_shape, right, right_shape in PAIRS:
            b = nonzero(sample(right_shape, right).flip(0) if right_shape else sample(right_shape, right))
            yield Case(op, [sample(left_shape, left), b], {}, reference)
        if op.startswith("bitwise"):
            continue
        a = special().repeat_interleave(8)
        yield Case(op, [a, special().repeat(8)], {}, reference)
        yield Case(op, [special(), scalar(float("nan"), f32)], {}, reference)


def edge_cases():
    for op in ("remainder", "pow", "sub", "mul"):
        a = torch.tensor([7, -7, 7, -7, 0, 120, -128], dtype=i8)
        yield Case(op, [a, torch.tensor([3, 3, -3, -3, 5, 2, 7], dtype=i8)], {}, BINARY[op])
    negative = torch.tensor([-1, -1, -3, -2, -1])
    yield Case("pow", [torch.tensor([0, 2, -1, -1, 1]), negative], {}, torch.pow)
    wide = torch.tensor([2**40 + 5, -(2**40), -1, 2**62, -(2**62) - 1, 0])
    for op in ("bitwiseAnd", "bitwiseOr", "bitwiseXor"):
        yield Case(op, [wide, torch.tensor([2**40 - 1, 255, -1, -1, 3, -7])], {}, BINARY[op])
        yield Case(op, [sample((2, 3), u8), torch.tensor(6, dtype=u8)], {}, BINARY[op])
    big = torch.tensor([1, 2**63 + 1, 5], dtype=torch.uint64)
    yield Case("eq", [big, torch.tensor([2**63 + 1, 1, 5], dtype=torch.uint64)], {}, torch.eq)
    u16 = torch.tensor([1, 65535], dtype=torch.uint16)
    yield Case("add", [u16, torch.tensor([1, 1], dtype=torch.int64)], {}, torch.add)
    yield Case("eq", [u16, u16], {}, torch.eq)


def choice_cases():
    condition = sample((2, 3), boolean)
    for a, b in [(f32, f32), (i64, f32), (u8, u8), (boolean, boolean), (f16, f16), (i32, i64), (f64, f32)]:
        yield Case("where", [condition, sample((2, 3), a), sample((3,), b)], {}, torch.where)
        yield Case("where", [condition, sample((2, 3), a), sample((), b)], {}, torch.where)
    yield Case("where", [sample((2, 1), boolean), sample((1, 3)), sample(())], {}, torch.where)
    yield Case("where", [sample((), boolean), sample(()), sample((), i64)], {}, torch.where)
    yield Case("where", [sample((0, 3), boolean), sample((3,)), sample(())], {}, torch.where)
    yield Case("where", [sample((3,), i64), sample((3,)), sample(())], {}, torch.where)
    yield Case("where", [condition, sample((4,)), sample(())], {}, torch.where)


def cast_cases():
    for source in ALL:
        for target in ALL:
            x = sample((5,), source)
            if not target.is_signed and target != boolean:
                x = x.abs() if source != boolean else x
            name = str(target).removeprefix("torch.")
            yield Case("cast", [x], {"dtype": name}, lambda x, target=target: x.to(target))
    yield Case("cast", [torch.tensor([300, -1, 128])], {"dtype": "int8"}, lambda x: x.to(i8))
    yield Case("cast", [special()], {"dtype": "bool"}, lambda x: x.to(boolean))


def cases():
    yield from unary_cases()
    yield from binary_cases()
    yield from edge_cases()
    yield from choice_cases()
    yield from cast_cases()
