import { fileURLToPath } from 'node:url';
import { Project } from 'ts-morph';
import { describe, expect, it } from 'vitest';
import * as functions from '../../runtime/functions/index.ts';
import { methods } from '../../runtime/functions/methods.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

describe('the methods of a traced tensor', () => {
  const source = new Project({ skipAddingFilesFromTsConfig: true }).addSourceFileAtPath(
    here('../../runtime/types/methods.ts'),
  );
  const declared = new Set(
    source.getInterfaces().flatMap((family) => family.getMethods().map((method) => method.getName())),
  );

  it('exist at run time exactly as declared', () => {
    expect(Object.keys(methods).sort()).toEqual([...declared].sort());
    for (const method of Object.values(methods)) expect(method).toBeTypeOf('function');
  });

  it('are functions too, by the same names', () => {
    expect([...declared].filter((name) => !(name in functions))).toEqual([]);
  });
});
