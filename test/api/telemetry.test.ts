import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const MLP = fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'onnsight-home-'));
afterAll(() => rmSync(home, { recursive: true }));

it.each([
  [undefined, '1'],
  ['0', '0'],
])('ONNX Runtime reports nothing, unless the program has set the variable itself (%s)', (own, expected) => {
  const program = `
    import { NNsight } from 'onnsight';
    const model = await NNsight.load(process.argv[1], { device: 'cpu' });
    await model.trace({ x: [[1, 2, 3, 4, 5]] });
    console.log(process.env.ORT_DISABLE_TELEMETRY);`;
  const { ORT_DISABLE_TELEMETRY: _, ...rest } = process.env;
  const env = { ...rest, HOME: home, XDG_CACHE_HOME: join(home, '.cache'), ...(own && { ORT_DISABLE_TELEMETRY: own }) };
  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', program, MLP], {
    encoding: 'utf8',
    env,
  });
  expect(printed.trim()).toBe(expected);
  if (own === undefined) expect(readdirSync(home)).toEqual([]);
});
