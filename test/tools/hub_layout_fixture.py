"""Writes test/fixtures/language/hub-layout.json: how Python's huggingface_hub lays the toy model into its cache.

Run with: python test/tools/hub_layout_fixture.py (needs huggingface_hub). The hub is a server in this script.
"""

import hashlib
import http.server
import json
import os
import pathlib
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
ID, COMMIT = 'tiny-lab/toy-gpt2', '0123456789abcdef0123456789abcdef01234567'
FILES = {
    name: (ROOT / 'models/toy-gpt2' / name.split('/')[-1]).read_bytes()
    for name in ['config.json', 'onnx/model.onnx', 'tokenizer.json', 'tokenizer_config.json']
}


def etag(name, data):
    if name.endswith('.onnx'):
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b'blob %d\0' % len(data) + data).hexdigest()


class Hub(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = self.path.split('?')[0]
        if '/resolve/' in path:
            name = path.split(COMMIT + '/')[1]
            body, headers = FILES[name], {'ETag': f'"{etag(name, FILES[name])}"', 'X-Repo-Commit': COMMIT}
        elif '/tree/' in path:
            body = json.dumps([{'type': 'file', 'path': n, 'size': len(d), 'oid': etag(n, d)} for n, d in FILES.items()])
            body, headers = body.encode(), {'Content-Type': 'application/json'}
        else:
            body = json.dumps({'id': ID, 'sha': COMMIT, 'siblings': [{'rfilename': name} for name in FILES]})
            body, headers = body.encode(), {'Content-Type': 'application/json'}
        self.send_response(200)
        for key, value in {**headers, 'Content-Length': str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == 'GET':
            self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
home = tempfile.mkdtemp()
os.environ.update(HF_HOME=home, HF_ENDPOINT=f'http://127.0.0.1:{server.server_port}', HF_HUB_DISABLE_XET='1')

from huggingface_hub import snapshot_download  # noqa: E402: it reads the environment when it is imported.

snapshot_download(ID)
folder = pathlib.Path(home, 'hub', 'models--tiny-lab--toy-gpt2')
layout = {}
for path in sorted(folder.rglob('*')):
    name = path.relative_to(folder).as_posix()
    if name.startswith('trees'):
        continue  # Listings that huggingface_hub keeps for itself.
    if path.is_symlink():
        layout[name] = f'-> {os.readlink(path)}'
    elif path.is_file():
        layout[name] = f'{path.stat().st_size} bytes'
target = ROOT / 'test/fixtures/language/hub-layout.json'
target.parent.mkdir(exist_ok=True)
target.write_text(json.dumps(layout, indent=1) + '\n')
print(target.read_text())
