import { describe, expect, it } from 'vitest';
import { COMPILERS, HOSTS } from './hosts.ts';
import { Project } from './project.ts';
import { refusal } from './refusal.ts';

/** TypeScript has nothing to say here: both sides of the comma may do something. */
const COMMA = `function last(logits: number[], next: () => number): number {
  'use trace';
  return logits[next(), next()]!;
}
console.log(last([1, 2], () => 1));
`;

describe.each(HOSTS)('$name', { timeout: 60_000 }, (host) => {
  it('runs the blocks lowered, at the sites the user wrote, and shows the line and column they threw at', async () => {
    const project = new Project('traced');
    const { output, code } = await host.run(project);
    const { scaled, traced, sites } = JSON.parse(/^\{"scaled.*$/m.exec(output)?.[0] ?? output);
    expect({ scaled, traced }).toEqual({ scaled: 7, traced: 42 });
    const operators = ['* 2', '> 9', 'if (', '* options.by', '+ 1'];
    expect(sites).toEqual(operators.map((operator) => project.place(operator)));
    expect(output).toContain('RangeError: too much');
    expect(output).toContain(`${project.place('new RangeError')})\n`);
    expect(output).toContain(`${project.place("tooMuch('")})\n`);
    expect(code).not.toBe(0);
  });

  it.each([
    ['eval', {}],
    ['a comma between brackets', { 'src/app.ts': COMMA }],
  ])('refuses what the compiler refuses, in its words: %s', async (_, files) => {
    const project = new Project('refused', files);
    const error = refusal(project);
    const { output, code } = await host.run(project);
    const text = error.format();
    if (!COMPILERS.includes(host)) expect(output).toContain(text);
    else {
      expect(output).toContain(`src/app.ts(${error.line},${error.column}): error TS9${error.code.slice(3)}: `);
      expect(output).toContain(text.slice(text.indexOf(`${error.code}: `)));
    }
    expect(code).not.toBe(0);
  });
});
