import { writeFileSync } from 'node:fs';
import { it } from 'vitest';
import { casesByOperation, title } from './cases.ts';
import { infer, lower, run } from './harness.ts';

it('explore', async () => {
  const out: string[] = [];
  for (const [op, cases] of casesByOperation)
    for (const one of cases) {
      if (one.error) {
        try {
          infer(one, 'ranks');
        } catch {
          continue;
        }
        for (const opset of [13, 18]) {
          try {
            const r = await run(lower(one, 'ranks', opset), one);
            out.push(`SILENT ${opset} ${op} ${title(one)} ${r.map((t) => `${t.dtype}[${t.dims}]`)} :: ${one.error}`);
          } catch (e) {
            out.push(`ok ${op} ${title(one)} ${(e as Error).message.slice(-160)}`);
          }
        }
      } else {
        let model;
        try {
          infer(one, 'first rank unknown');
          model = lower(one, 'first rank unknown', 18);
        } catch (e) {
          out.push(`norank ${op} ${title(one)} ${(e as Error).message}`);
          continue;
        }
        try {
          const r = await run(model, one);
          const want = one.outputs!.map((t) => `${t.dtype}[${t.dims}]`).join(),
            got = r.map((t) => `${t.dtype}[${t.dims}]`).join();
          if (want !== got) out.push(`DIFF ${op} ${title(one)} ${got} vs ${want}`);
          else if (
            JSON.stringify(r.map((t) => Array.from(t.data as never, Number).map((x) => x.toFixed(2)))) !==
            JSON.stringify(one.outputs!.map((t) => t.data.map((x) => Number(x).toFixed(2))))
          )
            out.push(`VALUE ${op} ${title(one)}`);
        } catch (e) {
          out.push(`RUN ${op} ${title(one)} ${(e as Error).message.slice(-200)}`);
        }
      }
    }
  writeFileSync('/tmp/probe/explore.txt', out.join('\n'));
}, 600000);
