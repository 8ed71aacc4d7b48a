import type { Constructs } from '../construct.ts';
import type { Draw } from '../draw.ts';

const body = (at: Draw): string => at.inside({ loop: false, labels: [], returns: null }).statements(2);

/** `try`, and what is thrown. */
export const errors: Constructs = {
  statements: [
    {
      name: 'try and finally',
      draw: (at) => (at.isDeep ? undefined : `try { ${body(at)} } finally { ${at.assignment()} }`),
    },
    {
      name: 'a jump out of try and finally',
      needs: ['number'],
      draw: (at) => {
        const [i, x, test] = [at.fresh('i'), at.the('number'), at.condition()];
        const body = `if (${test}) ${at.random.pick(['break', 'continue'])}; ${at.assignment()}`;
        return `for (const ${i} of [1, 2]) { try { ${body} } finally { ${x} += 1; } }`;
      },
    },
    {
      name: 'a return out of try and finally',
      draw: (at) => {
        const f = at.fresh('f');
        const text = `try { if (v > 0) return v; v -= 1; } finally { v += 3; } return v;`;
        return `const ${f} = (v) => { ${text} }; ${at.define('number', `${f}(${at.number()})`)}`;
      },
    },
    {
      name: 'throw and catch on a plain condition',
      needs: ['number'],
      draw: (at) => {
        if (at.isDeep) return undefined;
        const caught = `catch (error) { ${at.the('number')} += error instanceof RangeError ? 1 : 5; }`;
        return `try { ${body(at)} if (${at.plainCondition()}) throw new RangeError('large'); ${body(at)} } ${caught}`;
      },
    },
    {
      name: 'throw and catch on a traced condition',
      draw: (at) => {
        const f = at.fresh('f');
        const text = `try { if (v > 0) throw new RangeError('large'); return 1; } catch { return 2; }`;
        return `const ${f} = (v) => { ${text} }; ${at.define('number', `${f}(${at.number()})`)}`;
      },
    },
  ],
};
