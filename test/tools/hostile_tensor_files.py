"""Writes test/fixtures/hostile-tensor-files.json: files of tensors as few write them, and damaged ones, in base64, with what
numpy and safetensors read in them, or null where they refuse them.

Run with: python test/tools/hostile_tensor_files.py (needs numpy, torch and safetensors).
"""

import base64
import io
import json
import pathlib
import pickle
import struct
import warnings
import zipfile
import numpy as np
import torch
from safetensors.torch import load, save

warnings.simplefilter('ignore')
files = {}
rng = np.random.default_rng(0)


def w(n, b):
    files[n] = b


def desc(a):
    if isinstance(a, dict):
        return {k: desc(v) for k, v in a.items()}
    b = np.ascontiguousarray(a).reshape(a.shape)
    b = b.astype(b.dtype.newbyteorder('<'))
    if b.dtype == bool:
        b = b.view(np.uint8) != 0
    return dict(dtype=str(b.dtype.newbyteorder('=')), dims=list(a.shape), raw=b.tobytes().hex())


def npy(a, **k):
    f = io.BytesIO()
    np.lib.format.write_array(f, a, **k)
    return f.getvalue()


def read_numpy(content):
    found = np.load(io.BytesIO(content))
    return {k: found[k] for k in found.files} if hasattr(found, 'files') else found


def read_safetensors(content):
    return {k: (t.float() if t.dtype == torch.bfloat16 else t).numpy() for k, t in load(content).items()}


A = rng.standard_normal((2, 3, 4))
for dt in ['<f2', '>f2', '<f4', '>f4', '>f8', '<i1', '>i2', '>i4', '>i8', '>u2', '>u4', '>u8', '?']:
    w('o_%s.npy' % dt.replace('<', 'l').replace('>', 'b').replace('?', 'B'), npy((A * 50).astype(dt)))
w('fort.npy', npy(np.asfortranarray(A)))
w('fortbig.npy', npy(np.asfortranarray(A).astype('>f4')))
w('fort1d.npy', npy(np.arange(5.0)))
w('fort0.npy', npy(np.asfortranarray(np.zeros((3, 0, 2)))))
for v in [(1, 0), (2, 0), (3, 0)]:
    w('v%d.npy' % v[0], npy(A, version=v))
b = bytearray(npy(A))
b[6] = 4
w('v4.npy', bytes(b))
b[6] = 0
w('v0.npy', bytes(b))
w('zero.npy', npy(np.zeros((0,))))
w('zero2.npy', npy(np.zeros((2, 0, 3), 'int8')))
w('scalar.npy', npy(np.array(3)))
w('struct.npy', npy(np.zeros(3, [('a', '<f4'), ('b', '<i8')])))
w('structshape.npy', npy(np.zeros(3, [('shape', '<f4'), ('descr', '<i8'), ('fortran_order', '?')])))
w('unicode.npy', npy(np.array(['a', 'bc'])))
w('bytes.npy', npy(np.array([b'a', b'bc'])))
w('complex.npy', npy(np.zeros(3, complex)))
w('dt64.npy', npy(np.zeros(3, 'datetime64[ns]')))
w('ld.npy', npy(np.zeros(3, 'longdouble')))
w('void.npy', npy(np.zeros(3, 'V4')))
f = io.BytesIO()
np.save(f, np.array([1, 'a', None], object), allow_pickle=True)
w('obj.npy', f.getvalue())
w('pickle.npy', pickle.dumps({'a': 1}))
w('empty.npy', b'')
w('text.npy', b'hello world, this is no array at all')
full = npy(A)
for c in (1, 6, 7, 8, 9, 10, 40, 127, 128, 129, len(full) - 1):
    w('cut%d.npy' % c, full[:c])
w('more.npy', full + b'xx')
w('two.npy', full + full)


def hdr(t, body=b'', ver=1):
    t = t.encode('latin1')
    pad = 64 - (10 + len(t) + 1) % 64
    t = t + b' ' * pad + b'\n'
    return b'\x93NUMPY' + bytes([ver, 0]) + struct.pack('<H' if ver == 1 else '<I', len(t)) + t + body


w('h_native.npy', hdr("{'descr': 'f4', 'fortran_order': False, 'shape': (2,), }", np.float32([1, 2]).tobytes()))
w('h_eq.npy', hdr("{'descr': '=f4', 'fortran_order': False, 'shape': (2,), }", np.float32([1, 2]).tobytes()))
w('h_dq.npy', hdr('{"descr": "<f4", "fortran_order": False, "shape": (2,), }', np.float32([1, 2]).tobytes()))
w('h_order.npy', hdr("{'shape': (2,), 'fortran_order': False, 'descr': '<f4'}", np.float32([1, 2]).tobytes()))
w('h_nosp.npy', hdr("{'shape':(2,),'fortran_order':False,'descr':'<f4'}", np.float32([1, 2]).tobytes()))
w('h_L.npy', hdr("{'descr': '<f4', 'fortran_order': False, 'shape': (2L,), }", np.float32([1, 2]).tobytes()))
w('h_neg.npy', hdr("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", np.float32([1, 2]).tobytes()))
w('h_huge.npy', hdr("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999, 0), }"))
w('h_huge2.npy', hdr("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }"))
w('h_float.npy', hdr("{'descr': '<f4', 'fortran_order': False, 'shape': (2.0,), }", np.float32([1, 2]).tobytes()))
w('h_int.npy', hdr("{'descr': '<f4', 'fortran_order': False, 'shape': 2, }", np.float32([1, 2]).tobytes()))
w('h_list.npy', hdr("{'descr': '<f4', 'fortran_order': False, 'shape': [2], }", np.float32([1, 2]).tobytes()))
w('h_extra.npy', hdr("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}", np.float32([1, 2]).tobytes()))
w('h_twice.npy', hdr("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'shape': (1,2)}", np.float32([1, 2]).tobytes()))
w('h_missing.npy', hdr("{'descr': '<f4', 'shape': (2,), }", np.float32([1, 2]).tobytes()))
w('h_ford.npy', hdr("{'descr': '<f4', 'fortran_order': 1, 'shape': (2,), }", np.float32([1, 2]).tobytes()))
w('h_name.npy', hdr("{'descr': 'float32', 'fortran_order': False, 'shape': (2,), }", np.float32([1, 2]).tobytes()))
w('h_bool.npy', hdr("{'descr': '|b1', 'fortran_order': False, 'shape': (4,), }", bytes([0, 1, 2, 255])))
w('h_trick.npy', hdr('{\'x\': "\'shape\': (1,)", \'descr\': \'<f4\', \'fortran_order\': False, \'shape\': (2,), }', np.float32([1, 2]).tobytes()))
w('h_comment.npy', hdr("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} # 'shape': (1,)", np.float32([1, 2]).tobytes()))
w('h_b1le.npy', hdr("{'descr': '<b1', 'fortran_order': False, 'shape': (2,), }", b'\x01\x00'))
w('h_i1.npy', hdr("{'descr': '>i1', 'fortran_order': False, 'shape': (2,), }", b'\x01\xff'))
w('h_spacekey.npy', hdr("{'descr' : '<f4' , 'fortran_order' : True , 'shape' : ( 2 , 1 , ) , }", np.float32([1, 2]).tobytes()))


def npz(n, comp=False, **k):
    f = io.BytesIO()
    (np.savez_compressed if comp else np.savez)(f, **k)
    w(n, f.getvalue())
    return f.getvalue()


z = npz('z.npz', a=A, b=np.asfortranarray(A.astype('>i2')), c=np.zeros((0, 2)), d=np.array(True))
zc = npz('zc.npz', True, a=A, b=np.arange(1000))
f = io.BytesIO()
np.savez(f, A, A * 2)
w('pos.npz', f.getvalue())
npz('nest.npz', **{'a/b': A, '__proto__': A, 'é': A, 'a.npy': A})
npz('objz.npz', a=A)
f = io.BytesIO()
np.savez(f, a=np.array([None], object))
w('zobj.npz', f.getvalue())
for nm, zz in (('z', z), ('zc', zc)):
    for i in (100, len(zz) // 2, len(zz) - 30):
        m = bytearray(zz)
        m[i] ^= 255
        w('%s_flip%d.npz' % (nm, i), bytes(m))
    for c in (0, 10, len(zz) // 2, len(zz) - 1):
        w('%s_cut%d.npz' % (nm, c), zz[:c])
w('z_pre.npz', b'junkjunk' + z)
w('z_post.npz', z + b'\x00' * 10)


def zz(n, items, comp=zipfile.ZIP_STORED, comment=b'', force64=False):
    f = io.BytesIO()
    with zipfile.ZipFile(f, 'w', comp) as zf:
        for k, v in items:
            with zf.open(k, 'w', force_zip64=force64) as fd:
                fd.write(v)
        zf.comment = comment
    w(n, f.getvalue())


zz('dup.npz', [('a.npy', npy(A)), ('a.npy', npy(A * 2))])
zz('dup2.npz', [('a.npy', npy(A)), ('a', npy(A * 2))])
zz('other.npz', [('a.npy', npy(A)), ('readme.txt', b'hi')])
zz('comment.npz', [('a.npy', npy(A))], comment=b'hello' * 10)
zz('force64.npz', [('a.npy', npy(A))], force64=True)
zz('bz.npz', [('a.npy', npy(A))], zipfile.ZIP_BZIP2)
zz('lzma.npz', [('a.npy', npy(A))], zipfile.ZIP_LZMA)
zz('none.npz', [])
zz('dir.npz', [('d/', b''), ('d/a.npy', npy(A))])


class NoSeek(io.RawIOBase):

    def __init__(s):
        s.b = b''

    def writable(s):
        return True

    def write(s, x):
        s.b += bytes(x)
        return len(x)


ns = NoSeek()
with zipfile.ZipFile(ns, 'w', zipfile.ZIP_DEFLATED) as zf:
    zf.writestr('a.npy', npy(A))
w('stream.npz', ns.b)


def st(n, header, body=b'', rawh=None):
    h = rawh if rawh is not None else json.dumps(header).encode()
    w(n, struct.pack('<Q', len(h)) + h + body)


def T(dt, sh, a, b):
    return dict(dtype=dt, shape=sh, data_offsets=[a, b])


for dt in [torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2, torch.float64, torch.bool, torch.uint8, torch.uint16, torch.uint32, torch.uint64, torch.int8, torch.complex64, torch.float16, torch.int16, torch.int64]:
    t = torch.arange(6).to(dt).reshape(2, 3)
    w('s_%s.safetensors' % str(dt)[6:], save({'a': t}))
w('s_meta.safetensors', save({'a': torch.ones(2)}, {'k': 'v'}))
w('s_none.safetensors', save({}))
w('s_zero.safetensors', save({'a': torch.zeros(0, 2), 'b': torch.ones(()), 'c': torch.zeros(3, 0)}))
f8 = struct.pack('<2f', 1, 2)
st('s_over.safetensors', dict(a=T('F32', [2], 0, 8), b=T('F32', [1], 4, 8)), f8)
st('s_same.safetensors', dict(a=T('F32', [2], 0, 8), b=T('F32', [2], 0, 8)), f8)
st('s_oob.safetensors', dict(a=T('F32', [3], 0, 12)), f8)
st('s_gap.safetensors', dict(a=T('F32', [1], 4, 8)), f8)
st('s_tail.safetensors', dict(a=T('F32', [1], 0, 4)), f8)
st('s_rev.safetensors', dict(a=T('F32', [2], 8, 0)), f8)
st('s_negoff.safetensors', dict(a=T('F32', [2], -8, 0)), f8)
st('s_shape.safetensors', dict(a=T('F32', [3], 0, 8)), f8)
st('s_shape0.safetensors', dict(a=T('F32', [], 0, 8)), f8)
st('s_negshape.safetensors', dict(a=T('F32', [-2], 0, 8)), f8)
st('s_frac.safetensors', dict(a=T('F32', [2.5], 0, 8)), f8)
st('s_float.safetensors', None, f8, b'{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}')
st('s_dt.safetensors', dict(a=T('F33', [2], 0, 8)), f8)
st('s_lower.safetensors', dict(a=T('f32', [2], 0, 8)), f8)
st('s_dup.safetensors', None, f8, b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}')
st('s_dup0.safetensors', None, f8, b'{"b":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}')
st('s_dupfield.safetensors', None, f8, b'{"a":{"dtype":"I32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}')
st('s_dupesc.safetensors', None, f8, b'{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}')
st('s_extra.safetensors', dict(a={**T('F32', [2], 0, 8), 'x': 1}), f8)
st('s_missing.safetensors', dict(a=dict(dtype='F32', data_offsets=[0, 8])), f8)
st('s_metanum.safetensors', dict(__metadata__={'a': 1}, a=T('F32', [2], 0, 8)), f8)
st('s_metanull.safetensors', dict(__metadata__=None, a=T('F32', [2], 0, 8)), f8)
st('s_utf.safetensors', None, f8, b'{"\xff":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}')
st('s_bom.safetensors', None, f8, b'\xef\xbb\xbf{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}')
st('s_lead.safetensors', None, f8, b' {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}')
st('s_trail.safetensors', None, f8, b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}\n\n')
st('s_nul.safetensors', None, f8, b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}\x00')
st('s_arr.safetensors', None, f8, b'[]')
st('s_null.safetensors', None, b'', b'null')
st('s_obj0.safetensors', None, b'', b'{}')
st('s_hugeshape.safetensors', dict(a=T('F32', [2 ** 63, 0], 0, 0)), b'')
st('s_hugeshape2.safetensors', dict(a=T('F32', [2 ** 32, 2 ** 32], 0, 0)), b'')
st('s_hugeoff.safetensors', dict(a=T('F32', [2], 0, 2 ** 64)), f8)
w('s_hugeh.safetensors', struct.pack('<Q', 2 ** 63) + b'{}')
w('s_hugeh2.safetensors', struct.pack('<Q', 10 ** 8 + 1) + b'{')
w('s_short.safetensors', b'\x01\x02')
w('s_h0.safetensors', struct.pack('<Q', 0))
w('s_exp.safetensors', struct.pack('<Q', 55) + b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8e0]}}'[:55] + f8)
st('s_bool2.safetensors', dict(a=T('BOOL', [4], 0, 4)), bytes([0, 1, 2, 255]))
st('s_empty_name.safetensors', {'': T('F32', [2], 0, 8)}, f8)
st('s_proto.safetensors', {'__proto__': T('F32', [2], 0, 8)}, f8)
st('s_dims9.safetensors', dict(a=T('F32', [1] * 20 + [2], 0, 8)), f8)


def expected(name, content):
    try:
        return desc((read_safetensors if name.endswith('.safetensors') else read_numpy)(content))
    except BaseException:
        return None


rows = [{'name': name, 'file': base64.b64encode(content).decode(), 'expected': expected(name, content)} for name, content in files.items()]
path = pathlib.Path(__file__).parent.parent / 'fixtures' / 'hostile-tensor-files.json'
path.write_text('[\n' + ',\n'.join((json.dumps(row) for row in rows)) + '\n]\n')
