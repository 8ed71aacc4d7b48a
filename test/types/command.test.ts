import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { modelPath, TOY } from '../support/fixtures.ts';
import { ROOT } from './compilers.ts';

const folder = mkdtempSync(join(ROOT, 'test/types/out-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the command in a folder of its own. */
function types(...args: string[]): { code: number; output: string } {
  const main = join(ROOT, 'dist/plugin/cli/main.js');
  try {
    const output = execFileSync(process.execPath, [main, 'types', ...args], {
      cwd: folder,
      encoding: 'utf8',
      stdio: 'pipe',
    });
    return { code: 0, output };
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
    return { code: status, output: stdout + stderr };
  }
}

describe('onnsight types', { timeout: 30_000 }, () => {
  it('writes a file for a folder or an .onnx file, and names the type', () => {
    const { code, output } = types(join(ROOT, 'models/toy-gpt2'), '--out', 'types/toy.d.ts');
    expect([code, output]).toEqual([0, 'types/toy.d.ts  written: the type ToyGpt2\n']);
    expect(types(TOY, '--out', 'named.d.ts', '--name', 'GPT2').output).toContain('the type GPT2');
    const [one, other] = ['types/toy.d.ts', 'named.d.ts'].map((name) => readFileSync(join(folder, name), 'utf8'));
    expect(one!.replaceAll('ToyGpt2', 'GPT2')).toBe(other);
  });

  it('leaves a file that is current alone, and --check says whether it is', () => {
    const path = join(folder, 'current.d.ts');
    types(TOY, '--out', 'current.d.ts');
    const written = statSync(path).mtimeMs;
    expect(types(TOY, '--out', 'current.d.ts').output).toContain('current.d.ts  current');
    expect(statSync(path).mtimeMs).toBe(written);
    expect(types(TOY, '--out', 'current.d.ts', '--check')).toEqual({ code: 0, output: 'current.d.ts  current\n' });

    const other = modelPath('zoo/bert', 'ts');
    const stale = types(other, '--out', 'current.d.ts', '--check');
    expect(stale.code).toBe(1);
    expect(stale.output).toContain(
      'current.d.ts  not current: the model or the command has changed. Run: onnsight types',
    );
    expect(readFileSync(path, 'utf8')).toContain('ToyGpt2');
    expect(types(other, '--out', 'absent.d.ts', '--check').output).toContain('not current: there is no such file');
    expect(existsSync(join(folder, 'absent.d.ts'))).toBe(false);
  });

  it('says what is wrong, and writes nothing', () => {
    writeFileSync(join(folder, 'notes.md'), '# Notes\n');
    copyFileSync(join(folder, 'notes.md'), join(folder, 'fake.onnx'));
    writeFileSync(join(folder, 'mine.ts'), 'export const mine = 1;\n');
    const wrong: [string[], string][] = [
      [['absent.onnx', '--out', 'x.d.ts'], 'no such file: absent.onnx'],
      [['absent', '--out', 'x.d.ts'], 'no such file or folder: absent'],
      [['fake.onnx', '--out', 'x.d.ts'], 'fake.onnx is not an ONNX model'],
      [['notes.md', '--out', 'x.d.ts'], 'notes.md is not an ONNX model'],
      [[join(ROOT, 'compiler'), '--out', 'x.d.ts'], 'has no .onnx file'],
      [[modelPath('edge/mlp', 'quantized'), '--out', 'x.d.ts'], 'no modules to write types for: the file names no'],
      [[TOY, '--out', 'x.json'], 'x.json is not a TypeScript file'],
      [[TOY, '--out', 'mine.ts'], 'mine.ts was not written by this command and stays as it is'],
      [[TOY, '--out', 'x.d.ts', '--name', 'my model'], "The type cannot be called 'my model'"],
      [[TOY, '--out', 'x.d.ts', '--name', 'Traced'], "The type cannot be called 'Traced'"],
      [[TOY, '--out', 'x.d.ts', '--file', 'model.onnx'], 'is a file already'],
      [[TOY, '--outt', 'x.d.ts'], "unknown option '--outt'\n(Did you mean --out?)"],
      [[TOY], "required option '-o, --out <file>' not specified"],
    ];
    for (const [args, message] of wrong) {
      const { code, output } = types(...args);
      expect(output).toContain(message);
      expect(output).not.toMatch(/\n {4}at /);
      expect(code).toBe(1);
    }
    expect(existsSync(join(folder, 'x.d.ts'))).toBe(false);
    expect(readFileSync(join(folder, 'mine.ts'), 'utf8')).toBe('export const mine = 1;\n');
  });
});
