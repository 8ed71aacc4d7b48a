"""Reductions, normalisation and sorting."""

import torch
from operations_case import ALL, Case, sample, scalar

NAN = float("nan")
REDUCTIONS = {
    "sum": torch.sum,
    "mean": torch.mean,
    "norm": torch.linalg.vector_norm,
    "amax": torch.amax,
    "amin": torch.amin,
    "all": torch.all,
    "any": torch.any,
}


def product(x, dim, keepdim):
    # torch.prod takes one dimension; the sum checks them all.
    torch.sum(x, dim)
    for one in sorted((d % max(x.dim(), 1) for d in dim), reverse=True):
        x = torch.prod(x, dim=one, keepdim=keepdim)
    return x


def truth(reference):
    # The dtype of all/any of uint8 is bool here, as everywhere else.
    return lambda x, **options: reference(x, **options).to(torch.bool)


def every(x):
    return tuple(range(x.dim()))


def reduction(op, x, dims, keepdim=False):
    reference = truth(REDUCTIONS[op]) if op in ("all", "any") else REDUCTIONS.get(op, product)

    def run(x):
        if op == "prod" and x.dim() == 0:
            return torch.prod(x)
        return reference(x, dim=every(x) if dims is None else tuple(dims), keepdim=keepdim)

    return Case(op, [x], {"dims": dims, "keepdim": keepdim}, run)


def reduction_cases():
    x = sample((2, 3, 4))
    nans = torch.tensor([[1.0, NAN, *([3.0] * 20)], [2.0] * 22])
    for op in (*REDUCTIONS, "prod"):
        for dims in (None, [0], [-1], [1, -1], [0, 1, 2]):
            for keepdim in (False, True):
                yield reduction(op, x, dims, keepdim)
        for dtype in ALL:
            yield reduction(op, sample((2, 3), dtype) if op != "prod" else sample((2, 3), dtype) + 1, [1])
        yield reduction(op, sample((0, 3)), [0])
        yield reduction(op, sample((2, 0)), [-1], True)
        yield reduction(op, sample((2, 0)), [0])
        yield reduction(op, sample((0,)), None)
        yield reduction(op, sample(()), None)
        yield reduction(op, sample(()), [0])
        yield reduction(op, sample(()), [-1], True)
        yield reduction(op, sample((2,), torch.bool), None, True)
        yield reduction(op, nans, [1])
        yield reduction(op, nans, [0])
        yield reduction(op, x, [3])
        yield reduction(op, x, [1, -2])


def arg_cases():
    tied = torch.tensor([[1.0, 3.0, 3.0, 2.0], [5.0, 1.0, 1.0, 5.0]])
    nans = torch.tensor([[1.0, NAN, *([3.0] * 20)], [2.0] * 22])
    for op in ("argmax", "argmin"):
        reference = getattr(torch, op)
        xs = [(sample((2, 3, 4), dtype), 1) for dtype in ALL]
        xs += [(tied, -1), (tied, None), (tied, 0), (nans, 1), (nans, 0), (nans, None)]
        xs += [(sample(()), None), (sample(()), 0), (sample((0, 3)), 1), (sample((0, 3)), 0), (sample((2,)), 1)]
        for x, dim in xs:
            for keepdim in (False, True):
                attributes = {"dim": dim, "keepdim": keepdim}
                yield Case(op, [x], attributes, lambda x, a=attributes, r=reference: r(x, **a))


def along_cases():
    for op, reference in (("softmax", torch.softmax), ("logSoftmax", torch.log_softmax), ("cumsum", torch.cumsum)):
        for dtype in ALL:
            yield Case(op, [sample((2, 3), dtype)], {"dim": -1}, lambda x, r=reference: r(x, -1))
        for shape, dim in (((2, 3, 2), 1), ((2, 3), 0), ((), 0), ((), -1), ((0, 3), 0), ((2, 0), 1), ((2,), 1)):
            yield Case(op, [sample(shape)], {"dim": dim}, lambda x, r=reference, d=dim: r(x, d))


def topk(x, k, dim, largest):
    count = int(k)
    size = x.shape[dim] if x.dim() else 1
    if not 0 <= count <= size or x.dtype == torch.bool:
        return torch.topk(x, count, dim, largest)
    values, indices = torch.sort(x, dim=dim, descending=largest, stable=True)
    return (values, indices) if x.dim() == 0 else (values.narrow(dim, 0, count), indices.narrow(dim, 0, count))


def sorting_cases():
    tied = torch.tensor([[1.0, 3.0, 3.0, 2.0, 1.0], [5.0, 1.0, 1.0, 5.0, 5.0]])
    nans = torch.tensor([1.0, NAN, 3.0, -float("inf"), NAN, 2.0])
    for flag in (False, True):
        xs = [(sample((3, 4), dtype), -1) for dtype in ALL]
        xs += [(tied, 1), (tied, 0), (nans, 0), (sample(()), 0), (sample((0, 3)), 1), (sample((2, 0)), 1)]
        for x, dim in xs:
            sort = lambda x, d=dim, f=flag: torch.sort(x, dim=d, descending=f, stable=True)  # noqa: E731
            yield Case("sort", [x], {"dim": dim, "descending": flag}, sort)
            for count in (0, 1, 2):
                run = lambda x, k, d=dim, f=flag: topk(x, k, d, f)  # noqa: E731
                yield Case("topk", [x, scalar(count)], {"dim": dim, "largest": flag}, run)
    yield Case("topk", [tied, scalar(6)], {"dim": -1, "largest": True}, lambda x, k: topk(x, k, -1, True))
    yield Case("sort", [tied], {"dim": 2, "descending": False}, lambda x: torch.sort(x, 2))


def cases():
    yield from reduction_cases()
    yield from arg_cases()
    yield from along_cases()
    yield from sorting_cases()
