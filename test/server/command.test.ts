import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NNsight, RemoteBackend } from 'onnsight';
import { afterAll, expect, it, onTestFinished, vi } from 'vitest';
import { serveModels } from '../../plugin/cli/serve.ts';
import { serverPackages } from '../../server/packages.ts';
import { modelPath } from '../support/fixtures.ts';

const MAIN = fileURLToPath(new URL('../../dist/plugin/cli/main.js', import.meta.url));
const MLP = modelPath('zoo/mlp', 'ts');
const folder = mkdtempSync(join(tmpdir(), 'onnsight-command-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('npx onnsight token and serve: a server as an operator starts it, until it is told to end', async () => {
  const tokens = join(folder, 'tokens');
  const token = spawnSync(process.execPath, [MAIN, 'token', 'me', '--tokens', tokens], {
    encoding: 'utf8',
  }).stdout.trim();
  expect(readFileSync(tokens, 'utf8')).toMatch(/^me [0-9a-f]{64}\n$/);
  const args = [MAIN, 'serve', MLP, '--port', '0', '--tokens', tokens, '--limit', 'time=5', 'nodes=100'];
  const served = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void served.kill('SIGKILL'));
  let printed = '';
  served.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  const url = await vi.waitFor(() => /^(http\S+) serves /m.exec(printed)![1]!, 20_000);
  const model = await NNsight.load(MLP);
  const x = [[0.1, 0.2, 0.3, 0.4, 0.5]];
  const { output } = await model.trace({ x }, { backend: new RemoteBackend(url, { token }) });
  expect(output!.toArray()).toEqual((await model.trace({ x })).output!.toArray());
  // The log is JSON, a line for each request and answer, without the token.
  const lines = printed.split('\n').filter((line) => line.startsWith('{'));
  expect(lines.map((line) => JSON.parse(line).req?.url)).toContainEqual(expect.stringMatching(/^\/traces\?model=/));
  expect(printed).not.toContain(token);
  served.kill('SIGTERM');
  expect(await once(served, 'exit')).toEqual([0, null]);
});

it.each([
  [{ port: '99999', limit: [] }, '--port takes a number from 0 to 65535, not 99999.'],
  [{ port: '0', limit: ['time'] }, '--limit takes name=number, such as time=60, not time.'],
])('%j is refused', async (options, says) => {
  await expect(serveModels([MLP], { host: '127.0.0.1', ...options })).rejects.toThrow(says);
});

it('a package that is not there is named', async () => {
  vi.doMock('prom-client', () => {
    throw new Error('not there');
  });
  await expect(serverPackages()).rejects.toThrow(
    /npm install fastify @fastify\/compress @fastify\/rate-limit prom-client/,
  );
});
