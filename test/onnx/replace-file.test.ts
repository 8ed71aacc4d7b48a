import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, expect, it } from 'vitest';
import { replaceFile, writeWhole } from '../../runtime/onnx/replace-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnsight-replace-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('who reads a file while it is written anew never finds a part of it', async () => {
  const path = join(folder, 'file');
  const contents = ['a', 'b'].map((letter) => letter.repeat(4_000_000));
  writeFileSync(path, contents[0]!);
  const reader = new Worker(
    `const { readFileSync } = require('node:fs');
     const { parentPort, workerData } = require('node:worker_threads');
     let reads = 0, stop = false;
     parentPort.on('message', () => { stop = true; });
     const read = () => {
       const text = readFileSync(workerData, 'latin1');
       if (text.length !== 4_000_000 || text[0] !== text.at(-1)) throw new Error('torn: ' + text.length);
       reads++;
       stop ? parentPort.postMessage(reads) : setImmediate(read);
     };
     read();`,
    { eval: true, workerData: path },
  );
  const end = new Promise<number>((resolve, reject) => {
    reader.on('message', resolve);
    reader.on('error', reject);
  });
  await new Promise((resolve) => reader.once('online', resolve));
  for (let i = 0; i < 40; i++) {
    writeWhole(path, contents[i % 2]!);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  reader.postMessage('stop');
  expect(await end).toBeGreaterThan(3);
  await reader.terminate();
});

it('a link stays; what fails leaves nothing behind', () => {
  const [real, link] = [join(folder, 'real'), join(folder, 'link')];
  writeFileSync(real, 'old');
  symlinkSync('real', link);
  writeWhole(link, 'new');
  expect(readFileSync(real, 'utf8')).toBe('new');
  const failing = () =>
    replaceFile(real, (beside) => {
      writeFileSync(beside, 'half');
      throw new Error('the disk is full');
    });
  expect(failing).toThrow('the disk is full');
  expect(readFileSync(real, 'utf8')).toBe('new');
  expect(readdirSync(folder).sort()).toEqual(['file', 'link', 'real']);
});
