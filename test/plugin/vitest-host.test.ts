import { expect, it } from 'vitest';
import { Project } from './project.ts';
import { refusal } from './refusal.ts';

it('compiles blocks inside vitest, and points at the line of a failing one', { timeout: 60_000 }, async () => {
  const project = new Project('traced', {
    'vitest.config.js': `import onnsight from 'onnsight/vite';\nexport default { plugins: [onnsight()] };\n`,
    'src/block.test.ts': `import { expect, test } from 'vitest';
function scaled(x: number): number {
  'use trace';
  return x * 3;
}
test('right', () => expect([scaled(2), Reflect.get(globalThis, 'operatorSites').length]).toEqual([6, 1]));
test('wrong', () => {
  const y: number = scaled(2);    expect(y).toBe(7);
});
`,
  });
  const { output } = await project.tool('vitest/vitest.mjs', 'run');
  expect(output).toMatch(/1 failed \| 1 passed/);
  expect(output).toContain(project.place('toBe(7', 'src/block.test.ts'));
});

it('refuses inside vitest what the compiler refuses, in its words', { timeout: 60_000 }, async () => {
  const project = new Project('refused', {
    'vitest.config.js': `import onnsight from 'onnsight/vite';\nexport default { plugins: [onnsight()] };\n`,
    'src/block.test.ts': `import { test } from 'vitest';\nimport './app.ts';\ntest('runs', () => {});\n`,
  });
  const { output, code } = await project.tool('vitest/vitest.mjs', 'run');
  expect(output).toContain(refusal(project).format());
  expect(code).not.toBe(0);
});
