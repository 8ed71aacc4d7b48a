import { afterEach, expect, test, vi } from 'vitest';
import { reportProgress } from '../../runtime/language/download-progress.ts';

const MEGABYTE = 2 ** 20;
const isTTY = process.stderr.isTTY;
afterEach(() => {
  process.stderr.isTTY = isTTY;
  vi.restoreAllMocks();
});

/** What a download of 2 MB writes to stderr. */
function written(terminal: boolean, option?: boolean): string {
  process.stderr.isTTY = terminal;
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const report = reportProgress('tiny-lab/toy', 2 * MEGABYTE, option);
  report.update('model.onnx', MEGABYTE);
  report.update('model.onnx', MEGABYTE);
  report.stop();
  return write.mock.calls.map(([text]) => text).join('');
}

test('a terminal shows a bar', () => {
  const text = written(true);
  expect(text).toMatch(/tiny-lab\/toy .*100% of 2\.0 MB/);
  expect(text).toContain('model.onnx');
});

test('what is no terminal, and who wants no bar, gets nothing', () => {
  expect(written(false)).toBe('');
  expect(written(true, false)).toBe('');
});

test('a function is called with sums', () => {
  const seen: unknown[] = [];
  const report = reportProgress('tiny-lab/toy', 3, (progress) => seen.push(progress));
  report.update('a', 1);
  report.update('b', 2);
  report.stop();
  expect(seen).toEqual([
    { file: 'a', loaded: 1, total: 3 },
    { file: 'b', loaded: 3, total: 3 },
  ]);
});
