import { factor } from './factor.js';

export function hidden(x: number): number {
  'use trace';
  const doubled = x * factor;
  // biome-ignore lint/security/noGlobalEval: what the compiler must refuse
  return doubled + Number(eval('x'));
}

console.log(hidden(2));
