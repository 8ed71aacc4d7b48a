import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const rooms = [...readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8').matchAll(/^\| `([\w.-]+)` \|/gm)].map(
  ([, room]) => room!,
);

/** The source files of a folder, relative to the repository. */
function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ts|cts|js)$/.test(file))
    .map((file) => join(folder, file).split(sep).join('/'));
}

/** The files of the repository that a file imports, or loads by their URL. */
function imports(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const specifiers = [...text.matchAll(/(?:from |import\(|import |new URL\()'(\.{1,2}\/[^']+)'/g)].map(
    ([, path]) => path!,
  );
  return specifiers.map((path) =>
    relative(root, resolve(root, dirname(file), path))
      .split(sep)
      .join('/'),
  );
}

/** The room of a file of the runtime: its folder, or its own name. */
function roomOf(file: string): string {
  return file.split('/')[1]!;
}

describe('the rooms', () => {
  it('are those of the map, each in its place', () => {
    const found = new Set(sources('runtime').map(roomOf));
    expect([...rooms].sort()).toEqual([...found].sort());
  });

  it('import upwards only', () => {
    const wrong = sources('runtime').flatMap((file) =>
      imports(file)
        .filter((other) => other.startsWith('runtime/') && rooms.indexOf(roomOf(other)) > rooms.indexOf(roomOf(file)))
        .map((other) => `${file} imports ${other}`),
    );
    expect(wrong).toEqual([]);
  });

  it('of the runtime know nothing of the compiler, the plugin and the server, nor the compiler of the others', () => {
    for (const file of sources('runtime')) {
      for (const other of imports(file)) expect(other, file).not.toMatch(/^(compiler|plugin|server)\//);
    }
    for (const file of sources('server')) {
      for (const other of imports(file)) expect(other, file).toMatch(/^(runtime|server)\//);
    }
    for (const file of sources('compiler')) {
      for (const other of imports(file)) expect(other, file).toMatch(/^compiler\//);
    }
  });

  it.each([
    ['protobuf', /from '(?:onnx-buf|@bufbuild\/protobuf[^']*)'/, /^runtime\/onnx\//],
    ['onnxruntime-node', /(?:from|import\()\s?'onnxruntime-node'/, /^runtime\/(?:ort\/node\/|bundle\/node\.ts)/],
    ["a node's subgraphs", /\w\.graphs\b|\bg, graphs\b/, /^runtime\/onnx\/subgraphs\.ts/],
  ])('keep %s to one of them', (_, pattern, where) => {
    const outside = sources('runtime').filter(
      (file) => !where.test(file) && pattern.test(readFileSync(join(root, file), 'utf8')),
    );
    expect(outside).toEqual([]);
  });
});
