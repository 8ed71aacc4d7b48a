"""Shapes, linear algebra and creation."""

import torch
from operations_case import ALL, FLOATS, Case, ints, sample

f16, f32, f64 = FLOATS


def resize_cases():
    for shape, target in [
        ((2, 6), (3, 4)),
        ((2, 6), (-1,)),
        ((2, 6), (3, -1, 2)),
        ((), (1, 1)),
        ((1,), ()),
        ((0, 3), (0,)),
        ((0, 3), (-1, 3)),
        ((0, 3), (2, 0)),
        ((2, 6), (5, 2)),
        ((2, 6), (5, -1)),
        ((2, 6), (-1, -1)),
        ((0, 3), (0, -1)),
    ]:
        yield Case("reshape", [sample(shape), ints(*target)], {}, lambda x, s: x.reshape(s.tolist()))
    for shape, target in [
        ((3,), (2, 3)),
        ((1, 3), (4, -1)),
        ((2, 1), (5, 2, 4)),
        ((), (2, 2)),
        ((), ()),
        ((1,), (0,)),
        ((2, 1), (2, 1)),
        ((2, 3), (3, 3)),
        ((2, 3), (3,)),
        ((3,), (-1, 3)),
    ]:
        yield Case("expand", [sample(shape), ints(*target)], {}, lambda x, s: x.expand(s.tolist()))
    for dtype in ALL:
        yield Case("expand", [sample((2, 1), dtype), ints(2, 2)], {}, lambda x, s: x.expand(s.tolist()))


def view_cases():
    for shape, dims in [((2, 3, 4), [2, 0, 1]), ((2, 3, 4), [0, -1, -2]), ((), []), ((0, 2), [1, 0]), ((2, 3), [0])]:
        yield Case("permute", [sample(shape)], {"dims": dims}, lambda x, d=dims: x.permute(d))
    yield Case("permute", [sample((2, 3))], {"dims": [0, 0]}, lambda x: x.permute(0, 0))
    for shape, dims, view in [
        ((2, 3), [0], (1, 2, 3)),
        ((2, 3), [-1], (2, 3, 1)),
        ((2, 3), [1, -1], (2, 1, 3, 1)),
        ((), [0, 1], (1, 1)),
        ((0,), [1], (0, 1)),
    ]:
        yield Case("unsqueeze", [sample(shape)], {"dims": dims}, lambda x, v=view: x.reshape(v))
    yield Case("unsqueeze", [sample((2,))], {"dims": [3]}, lambda x: x.unsqueeze(3))
    for shape, dims in [((1, 2, 1), None), ((1, 2, 1), [0]), ((1, 2, 1), [0, -1]), ((1, 2), [0, 1]), ((), [0])]:
        squeeze = lambda x, d=dims: x.squeeze() if d is None else x.squeeze(tuple(d))  # noqa: E731
        yield Case("squeeze", [sample(shape)], {"dims": dims}, squeeze, {"readsSizes": True})
    yield Case("squeeze", [sample((1, 2))], {"dims": [2]}, lambda x: x.squeeze(2))
    for shape, start, end in [
        ((2, 3, 4), 0, -1),
        ((2, 3, 4), 1, 2),
        ((2, 3, 4), 0, 1),
        ((2, 3, 4), -2, -1),
        ((2, 3, 4, 2), 1, -2),
        ((2, 3), 1, 1),
        ((), 0, -1),
        ((0, 2, 3), 1, 2),
        ((2, 3, 0), 0, 1),
        ((2, 3), 1, 0),
        ((2, 3), 0, 2),
    ]:
        flatten = lambda x, s=start, e=end: x.flatten(s, e)  # noqa: E731
        yield Case("flatten", [sample(shape)], {"start": start, "end": end}, flatten)


def join_cases():
    for dtypes, shapes, dim in [
        ((f32, f32), ((2, 3), (1, 3)), 0),
        ((f32, torch.int64), ((2, 3), (2, 1)), -1),
        ((f16, f32, f64), ((2,), (1,), (3,)), 0),
        ((torch.bool, torch.bool), ((2,), (1,)), 0),
        ((torch.bool, torch.uint8), ((2,), (1,)), 0),
        ((f32, f32), ((2, 0), (2, 3)), 1),
        ((torch.int64,), ((2, 2),), 1),
        ((torch.int64, torch.int64), ((2,), (3,)), 0),
        ((f32, f32), ((2, 3), (3, 2)), 0),
        ((f32, f32), ((2, 3), (3,)), 0),
        ((f32,), ((),), 0),
    ]:
        parts = [sample(shape, dtype) for shape, dtype in zip(shapes, dtypes)]
        yield Case("cat", parts, {"dim": dim}, lambda *parts, d=dim: torch.cat(parts, d))
    for shape, sizes, count, dim in [
        ((5, 2), [2, 3], 2, 0),
        ((2, 5), [1, 0, 4], 3, -1),
        ((4, 2), None, 2, 0),
        ((4, 6), None, 3, -1),
        ((4, 2), None, 1, 0),
        ((0, 2), None, 2, 0),
        ((5, 2), [2, 2], 2, 0),
        ((5,), [6, -1], 2, 0),
    ]:
        def split(x, sizes=sizes, count=count, dim=dim):
            return torch.split(x, x.shape[dim] // count if sizes is None and x.numel() else sizes or 1, dim)

        if shape == (0, 2):
            split = lambda x: (x, x)  # noqa: E731
        yield Case("split", [sample(shape)], {"sizes": sizes, "count": count, "dim": dim}, split)


def size_cases():
    for shape in ((2, 3, 4), (), (0, 3)):
        x = sample(shape)
        yield Case("shape", [x], {}, lambda x: torch.tensor(x.shape, dtype=torch.int64))
        for dims in (None, [0], [0, -1]):
            if dims is None or shape != ():
                count = lambda x, d=dims: torch.tensor([x.shape[i] for i in (range(x.dim()) if d is None else d)]).prod().long()  # noqa: E731, E501
                yield Case("numel", [x], {"dims": dims}, count)


def product_cases():
    for a, b in [
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((3,), (3, 2)),
        ((2, 3), (3, 2)),
        ((4, 2, 3), (3, 2)),
        ((4, 2, 3), (3,)),
        ((3,), (4, 3, 2)),
        ((2, 1, 2, 3), (4, 3, 2)),
        ((2, 0), (0, 3)),
        ((0, 3), (3, 2)),
        ((2, 3), (2, 3)),
        ((4, 2, 3), (2, 3)),
        ((3,), (2,)),
        ((2, 3), (2,)),
        ((3,), (2, 3)),
        ((4, 2, 3), (5, 3, 2)),
        ((3,), ()),
    ]:
        yield Case("matmul", [sample(a), sample(b)], {}, torch.matmul)
    for dtype in (f16, f64, torch.int8, torch.int32, torch.int64, torch.uint8, torch.bool):
        yield Case("matmul", [sample((2, 3), dtype), sample((3, 2), dtype)], {}, torch.matmul)
    yield Case("matmul", [sample((2, 3)), sample((3, 2), f64)], {}, torch.matmul)
    for equation, *shapes in [
        ("ij,jk->ik", (2, 3), (3, 4)),
        ("ij,jk", (2, 3), (3, 4)),
        ("ba,cb", (2, 3), (4, 2)),
        ("bhqd, bhkd -> bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
        ("...d,d->...", (2, 3, 4), (4,)),
        ("...ij,...jk->...ik", (2, 1, 2, 3), (4, 3, 2)),
        ("...i,i", (2, 3), (3,)),
        ("i...,i->...", (3, 2), (3,)),
        ("ii->i", (3, 3)),
        ("ii", (3, 3)),
        ("ij->ji", (2, 3)),
        ("ij->", (2, 3)),
        ("i,j->ij", (2,), (3,)),
        ("aB,B->a", (2, 3), (3,)),
        ("ij,ij->ij", (1, 3), (2, 3)),
        ("i...,...->...i", (3, 2), (4, 2)),
        ("a,b,c->abc", (2,), (3,), (2,)),
        ("ij,jk->ik", (2, 3), (4, 4)),
        ("ij,jk->ik", (2, 3), (3,)),
        ("ij->ik", (2, 3)),
        ("i", (2,), (2,)),
        ("i,i,i", (2,), (2,)),
    ]:
        einsum = lambda *xs, e=equation: torch.einsum(e, *xs)  # noqa: E731
        yield Case("einsum", [sample(shape) for shape in shapes], {"equation": equation}, einsum)
    for dtype in (f16, f64, torch.int64, torch.int8):
        einsum = lambda a, b: torch.einsum("ij,jk->ik", a, b)  # noqa: E731
        yield Case("einsum", [sample((2, 3), dtype), sample((3, 2), dtype)], {"equation": "ij,jk->ik"}, einsum)


def creation_cases():
    for op, reference in (("triu", torch.triu), ("tril", torch.tril)):
        for shape, diagonal in (((3, 4), 0), ((4, 3), 1), ((2, 3, 3), -1), ((3, 3), 5), ((0, 3), 0), ((3,), 0)):
            yield Case(op, [sample(shape)], {"diagonal": diagonal}, lambda x, d=diagonal, r=reference: r(x, d))
        for dtype in ALL:
            yield Case(op, [sample((3, 3), dtype)], {"diagonal": 0}, lambda x, r=reference: r(x))
    for dtype in ALL:
        full = lambda s, v: torch.full(s.tolist(), v.item(), dtype=v.dtype)  # noqa: E731
        for shape in ((2, 3), (), (0, 2)):
            yield Case("full", [ints(*shape), sample((), dtype)], {}, full)
    yield Case("full", [ints(-1), sample(())], {}, lambda s, v: torch.full(s.tolist(), v.item()))


def cases():
    yield from resize_cases()
    yield from view_cases()
    yield from join_cases()
    yield from size_cases()
    yield from product_cases()
    yield from creation_cases()
