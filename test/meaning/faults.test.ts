import { describe, it } from 'vitest';
import { expectEqual, expectRefused } from '../control-flow/programs.ts';
import { FAULTS } from './faults.ts';

describe.each(Object.entries(FAULTS))('%s', (_, programs) => {
  it.each(programs)('%s: %s', async (_, said, program) => {
    const body = `const save = (value) => value; ${program} return { n: block() };`;
    if (said === 'right') await expectEqual(body);
    else await expectRefused(body, /program\.js:\d+:\d+ - /);
  });
});
