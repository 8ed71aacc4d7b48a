"""Servers of onnsight as replicas of Ray Serve: `serve run ray_serve:app` (pip install "ray[serve]" httpx).

Each replica starts `npx onnsight serve` on this machine and hands requests to it. A trace is answered over the connection
that it came by; jobs that are asked for later (`backend.job()`) need one replica, or a fleet with Redis.
"""

import re
import subprocess

import httpx
from ray import serve
from starlette.requests import Request
from starlette.responses import StreamingResponse

MODELS = ["gpt2=models/gpt2"]
HOP_BY_HOP = {"connection", "host", "keep-alive", "transfer-encoding"}


def end_to_end(headers):
    return {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}


@serve.deployment(num_replicas=3, max_ongoing_requests=32, ray_actor_options={"num_cpus": 1})
class Onnsight:
    def __init__(self):
        command = ["npx", "onnsight", "serve", *MODELS, "--port", "0", "--quiet"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        found = re.match(r"(http\S+) serves ", line)
        if found is None:
            raise RuntimeError(f"onnsight has not started: {line}")
        self.client = httpx.AsyncClient(base_url=found.group(1), timeout=600)

    def check_health(self):
        if self.process.poll() is not None:
            raise RuntimeError("onnsight has ended")

    async def __call__(self, request: Request):
        url = httpx.URL(path=request.url.path, query=request.url.query.encode())
        asked = self.client.build_request(
            request.method, url, headers=end_to_end(request.headers), content=await request.body()
        )
        answer = await self.client.send(asked, stream=True)
        return StreamingResponse(
            answer.aiter_raw(), status_code=answer.status_code, headers=end_to_end(answer.headers)
        )

    def __del__(self):
        self.process.terminate()


app = Onnsight.bind()
