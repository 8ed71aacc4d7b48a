"""Operations that read or write elements by position. Items are numpy's: it makes the numbers of getitem and setitem."""

import random

import numpy as np
import torch
from operations_case import ALL, Case, ints, sample, scalar

f32 = torch.float32


def operand(value):
    return value if isinstance(value, torch.Tensor) else scalar(value)


class Index:
    """An index such as (0, slice(1, None), None, ..., tensor): the graph's items and operands, and numpy's key."""

    def __init__(self, *parts):
        self.items, self.operands = [], []
        self.key = tuple(map(self.part, parts))

    def part(self, part):
        if part is None or part is Ellipsis:
            self.items.append({"kind": "newaxis" if part is None else "ellipsis"})
            return part
        if isinstance(part, slice):
            bounds = {"start": part.start, "stop": part.stop, "step": part.step}
            self.items.append({"kind": "slice", **{name: value is not None for name, value in bounds.items()}})
            self.operands += [scalar(value) for value in bounds.values() if value is not None]
            return part
        self.operands.append(operand(part))
        if isinstance(part, int):
            self.items.append({"kind": "int"})
            return part
        self.items.append({"kind": "mask" if part.dtype == torch.bool else "index"})
        return part.numpy()


def getitem(x, *parts):
    index = Index(*parts)
    run = lambda x, *_: torch.from_numpy(np.array(x.numpy()[index.key]))  # noqa: E731
    return Case("getitem", [x, *index.operands], {"items": index.items}, run)


def setitem(x, value, *parts):
    index = Index(*parts)

    def run(x, *rest):
        result, new = x.numpy().copy(), rest[-1].numpy()
        # numpy itself does so for some indices only.
        while new.ndim > result[index.key].ndim and new.shape[0] == 1:
            new = new[0]
        result[index.key] = new.astype(result.dtype)
        return torch.from_numpy(result)

    return Case("setitem", [x, *index.operands, value], {"items": index.items}, run)


def s(start=None, stop=None, step=None):
    return slice(start, stop, step)


MASK = torch.tensor([True, False, True, False])
INDICES = [
    (),
    (0,),
    (-1,),
    (...,),
    (s(),),
    (s(1, 3),),
    (s(None, -1),),
    (s(-2),),
    (s(3, 1),),
    (s(-10, 10),),
    (s(None, None, 2),),
    (s(None, None, -1),),
    (s(3, 0, -2),),
    (s(None, 1, -1),),
    (s(-10, None, -1),),
    (s(10, None, -1),),
    (s(1, -1, 1),),
    (s(), 1),
    (s(), s(1)),
    (..., 0),
    (..., s(0, 1)),
    (..., -1, s()),
    (0, ..., 1),
    (1, 2, 0),
    (1, ..., s(1), s()),
    (None,),
    (..., None),
    (0, None, s(1)),
    (s(1, 2), ..., None, 1),
    (None, ..., None),
    (ints(0, 2, -1),),
    (ints(),),
    (ints(0, 1, 2, 3).reshape(2, 2),),
    (s(), ints(2, 0)),
    (..., ints(1, 0)),
    (s(), ints(2, 0).to(torch.int32)),
    (ints(0, 3), ints(1, 2)),
    (ints(0, 3), ints(1, 2), ints(0, 1)),
    (ints(0, 3).reshape(2, 1), ints(1, 2, 0)),
    (s(), ints(1, 2), ints(0, 1)),
    (..., ints(1, 2), ints(0, 1)),
    (ints(0, 3), s(), ints(0, 1)),
    (ints(0, 3), ..., ints(0, 1)),
    (0, s(), ints(0, 1)),
    (0, ints(2, 0)),
    (s(), 1, ints(0, 1)),
    (s(), ints(0, 1), 1),
    (ints(0, 1), 1),
    (ints(0, 1), s(), 1),
    (ints(0, 1), None, ints(0, 1)),
    (None, ints(0, 1), ints(0, 1)),
    (s(1, 3), ints(2, 0), s(None, 1)),
    (s(None, None, -1), ints(2, 0)),
    (MASK,),
    (MASK, 0),
    (MASK, s(1)),
    (s(), torch.tensor([False, True, True])),
    (torch.zeros(4, dtype=torch.bool),),
    (sample((4, 3), torch.bool),),
    (sample((4, 3), torch.bool), 0),
    (sample((4, 3), torch.bool), ...),
    (s(1), sample((3, 2), torch.bool)),
    (..., sample((3, 2), torch.bool)),
    (sample((4, 3, 2), torch.bool),),
    (MASK, ints(0, 1)),
    (MASK, s(), ints(0, 1)),
    (torch.tensor(True),),
    (torch.tensor(False),),
    (torch.tensor(True), 0),
    (scalar(2).reshape(()),),
    # What numpy refuses.
    (4,),
    (s(), -4),
    (0, 0, 0, 0),
    (ints(0, 4),),
    (ints(0, 1), ints(0, 1, 2)),
    (torch.tensor([True, False]),),
    (..., ...),
    (s(None, None, 0),),
]


def random_part(choose, size):
    kind = choose.choice("int slice step whole index mask".split())
    if kind == "int":
        return choose.randrange(-size, size)
    if kind == "index":
        return ints(*(choose.randrange(-size, size) for _ in range(2)))
    if kind == "mask":
        # Two true elements, so that it broadcasts with an index.
        true = choose.sample(range(size), 2)
        return torch.tensor([i in true for i in range(size)])
    if kind == "whole":
        return s()
    bound = lambda: choose.choice([None, choose.randrange(-size - 1, size + 2)])  # noqa: E731
    return s(bound(), bound(), choose.choice([-2, -1, 1, 2]) if kind == "step" else None)


def random_index(choose, shape):
    parts = [random_part(choose, size) for size in shape[: choose.randint(1, len(shape))]]
    if choose.random() < 0.3:
        parts.insert(choose.randint(0, len(parts)), None)
    if choose.random() < 0.4:
        front = choose.randint(0, len(parts))
        left = sum(part is not None for part in parts[front:])
        tail = [random_part(choose, size) for size in shape[len(shape) - left :]] if left else []
        parts = parts[:front] + [...] + tail
    return tuple(parts)


def item_cases():
    choose = random.Random(0)
    x = sample((4, 3, 2))
    for parts in INDICES + [random_index(choose, (4, 3, 2)) for _ in range(120)]:
        yield getitem(x, *parts)
        yield setitem(x, scalar(9.5, f32), *parts)
        try:
            selected = x.numpy()[Index(*parts).key].shape
        except (IndexError, ValueError):
            continue
        yield setitem(x, sample(selected[1:]) * 10, *parts)
        yield setitem(x, sample((1, *selected)) * 10, *parts)


def item_edge_cases():
    for dtype in ALL:
        x = sample((3, 2), dtype)
        for parts in ((1,), (ints(2, 0),), (s(0, 2), 1), (sample((3, 2), torch.bool),), (s(None, None, -1),)):
            yield getitem(x, *parts)
            yield setitem(x, sample((), dtype), *parts)
    x = sample((4, 3))
    yield setitem(x, scalar(7), s(), -1)
    yield setitem(x, scalar(True, torch.bool), ints(0))
    yield setitem(sample((4, 3), torch.int64), scalar(2.75, f32), 0)
    yield setitem(x, torch.tensor([1.0, 2.0, 3.0, 4.0]), ints(1, 1, 2, 2), 0)
    yield setitem(x, sample((2,)), 0)
    yield setitem(x, sample((2, 3)), 0)
    yield setitem(x, sample((2, 3)), s(1, 2))
    yield setitem(x, sample((2, 3)), ints(0))
    scalar_x = sample(())
    for parts in ((), (...,), (None,)):
        yield getitem(scalar_x, *parts)
        yield setitem(scalar_x, scalar(3.0, f32), *parts)
    yield getitem(scalar_x, 0)
    empty = sample((0, 3))
    for parts in ((s(), 1), (s(1),), (s(), ints(0, 1)), (ints(),), (torch.zeros(0, dtype=torch.bool),)):
        yield getitem(empty, *parts)
        yield setitem(empty, scalar(3.0, f32), *parts)
    yield getitem(ints(5, 6, 7), -1)


def gather_cases():
    x = sample((3, 4))
    for index, dim in [
        (ints(0, 2, 1, 0).reshape(1, 4), 0),
        (ints(0, 3, 1).reshape(3, 1), 1),
        (ints(0, 3, 1, 2).reshape(2, 2), -1),
        (ints().reshape(0, 4), 0),
        (ints(0, 1), 0),
        (ints(5).reshape(1, 1), 0),
        (ints(0).reshape(1, 1), 2),
        (ints(*range(4)).reshape(4, 1) % 2, 1),
    ]:
        yield Case("gather", [x, index], {"dim": dim}, lambda x, i, d=dim: torch.gather(x, d, i))
        yield Case("gather", [x, index.to(torch.int32)], {"dim": dim}, lambda x, i, d=dim: torch.gather(x, d, i.long()))
        for reduce in (None, "add"):
            for src in (sample((3, 4)) * 10, scalar(9.0, f32), sample(tuple(index.shape)) * 10):
                yield Case("scatter", [x, index, src], {"dim": dim, "reduce": reduce}, scatter(dim, reduce))
    yield Case("gather", [x, x], {"dim": 0}, lambda x, i: torch.gather(x, 0, i))
    yield Case("gather", [sample(()), scalar(0)], {"dim": 0}, lambda x, i: torch.gather(x, 0, i))
    for dtype in ALL:
        index = ints(2, 0, 1, 1).reshape(1, 4)
        yield Case("gather", [sample((3, 4), dtype), index], {"dim": 0}, lambda x, i: torch.gather(x, 0, i))
        for reduce in (None, "add"):
            inputs = [sample((3, 4), dtype), index, sample((1, 4), dtype)]
            yield Case("scatter", inputs, {"dim": 0, "reduce": reduce}, scatter(0, reduce))
    repeated = [x, ints(1, 1, 1, 3).reshape(1, 4), sample((1, 4))]
    yield Case("scatter", repeated, {"dim": 1, "reduce": "add"}, scatter(1, "add"))
    yield Case("scatter", [sample(()), scalar(0), scalar(5.0, f32)], {"dim": 0, "reduce": None}, scatter(0, None))
    yield Case("scatter", [x, ints(0).reshape(1, 1), ints(1).reshape(1, 1)], {"dim": 0, "reduce": None}, scatter(0, None))


def scatter(dim, reduce):
    def run(x, index, src):
        source = src.expand(index.shape) if src.dim() == 0 else src
        if reduce == "add":
            if x.dtype == torch.bool:
                raise RuntimeError("bools do not add up")
            return x.scatter_add(dim, index, source)
        return x.scatter(dim, index, source)

    return run


def select_cases():
    x = sample((3, 4))
    for index, dim in [(ints(2, 0, 2), 0), (ints(1), -1), (ints(), 0), (scalar(1), 1), (ints(3), 0), (ints(0), 2)]:
        run = lambda x, i, d=dim: torch.index_select(x, d, i)  # noqa: E731
        yield Case("indexSelect", [x, index], {"dim": dim}, run)
        yield Case("indexSelect", [x, index.to(torch.int32)], {"dim": dim}, run)
    yield Case("indexSelect", [x, ints(0).reshape(1, 1)], {"dim": 0}, lambda x, i: torch.index_select(x, 0, i))
    yield Case("indexSelect", [sample(()), ints(0)], {"dim": 0}, lambda x, i: torch.index_select(x, 0, i))


def cases():
    yield from item_cases()
    yield from item_edge_cases()
    yield from gather_cases()
    yield from select_cases()
