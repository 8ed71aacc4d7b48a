import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { CLI, TSPC, tsconfig } from './hosts.ts';
import { Project } from './project.ts';

it.each([
  ['tspc --watch', TSPC, ['-p', '.', '--watch', '--preserveWatchOutput']],
  ['onnsight build --watch', CLI, ['build', '--watch']],
])(
  '%s compiles every edit: a block, an error in it, its mending, a helper, a new file',
  {
    timeout: 120_000,
  },
  async (_, tool, args) => {
    const project = new Project('traced', { 'tsconfig.json': tsconfig() });
    const watching = project.watch(tool, ...args);
    const app = project.read('src/app.ts');
    try {
      expect(await watching.next(/Found \d+ errors?\./)).toContain('Found 0 errors.');
      expect(project.read('out/app.js')).toContain('.binary(');
      // A build says that it watches, and begins to.
      await setTimeout(1000);

      project.write('src/app.ts', app.replace('factor * 2', 'factor * 3'));
      expect(await watching.next(/Found \d+ errors?\./)).toContain('Found 0 errors.');
      expect((await project.node('out/app.js')).output).toContain('"traced":63');

      project.write('src/app.ts', app.replace('factor * 2', "eval('1')"));
      const refused = await watching.next(/Found \d+ errors?\./);
      expect(refused).toContain(`${project.place('eval').replace(/:(\d+):(\d+)$/, '($1,$2)')}: error TS9`);
      expect(refused).toContain('Found 1 error.');

      project.write('src/app.ts', app);
      expect(await watching.next(/Found \d+ errors?\./)).toContain('Found 0 errors.');
      expect((await project.node('out/app.js')).output).toContain('"traced":42');

      project.write(
        'src/factor.ts',
        'export const factor: number = half(10);\nfunction half(x: number) { "use trace"; return x * 0.5; }\n',
      );
      expect(await watching.next(/Found \d+ errors?\./)).toContain('Found 0 errors.');
      expect((await project.node('out/app.js')).output).toContain('"traced":10');

      project.write('src/more.ts', 'export function more(x: number): number { "use trace"; return x * 2; }\n');
      expect(await watching.next(/Found \d+ errors?\./)).toContain('Found 0 errors.');
      expect(project.read('out/more.js')).toContain('.binary(');
    } finally {
      watching.end();
    }
  },
);
