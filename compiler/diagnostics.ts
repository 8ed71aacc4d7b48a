import type { ts } from 'ts-morph';
import type { Original, Position } from './original.ts';
import { syntax } from './parse.ts';

/** The refusals of the compiler: the code, the problem, and one sentence on what to write instead. */
export const REFUSALS = {
  with: ['ONN1001', '`with` cannot be traced.', 'Read the members from the object itself: object.name.'],
  eval: [
    'ONN1002',
    '`eval` cannot be traced: its code is not there to be rewritten.',
    "Write the code in the block, or call a function that carries the directive 'use trace'.",
  ],
  generator: [
    'ONN1003',
    'A generator cannot be traced as a block.',
    "Pass an ordinary function, and loop over the generator inside it; a function that is not a block says so with 'use no trace'.",
  ],
  method: [
    'ONN1004',
    "The directive 'use trace' does not reach a method with a computed or private name.",
    'Give the method a plain name, or make it a property that holds a function.',
  ],
  reserved: ['ONN1005', 'The name is one that compiled code uses.', 'Rename it: __o and __s are taken.'],
  await: [
    'ONN1006',
    '`await` cannot stand in a trace block, which only describes the graph and ends before the model runs.',
    "Await it before the trace, or await what the trace returns; a function that is not a block says so with 'use no trace'.",
  ],
  async: [
    'ONN1007',
    'An async function cannot be traced as a block, which only describes the graph and ends before the model runs.',
    "Take `async` away, since only the trace itself is awaited; a function that is not a block says so with 'use no trace'.",
  ],
  try: [
    'ONN1008',
    '`try` cannot stand in a trace block: nothing that happens while the model runs could be caught there.',
    "Put it around the trace, or into a plain function that the block calls; a function that is not a block says so with 'use no trace'.",
  ],
  comma: [
    'ONN1009',
    'A comma between brackets is an operator of JavaScript: all but the last part would be ignored.',
    'Write the index as one text.',
  ],
  default: [
    'ONN1010',
    'A parameter of an intervention always has a value in its block: this default would never be taken.',
    "Declare it with the parameter: { alpha: { type: 'float32', default: 1 } }.",
  ],
  unborn: [
    'ONN1011',
    'A variable or class is used before its declaration, where JavaScript throws.',
    'Declare it before, or give it another name than the variable around it that is meant.',
  ],
} as const;

export type Refusal = keyof typeof REFUSALS;

/** Something that cannot be compiled, at the user's line and column (both from 1). */
export class CompileError extends Error {
  readonly code: string;
  /** As shown: relative to the project. */
  readonly file: string;
  line: number;
  column: number;
  readonly remedy: string;
  readonly #length: number;
  #frame: string;

  /** `remedy` replaces the usual one if it can be made from the user's own code. */
  constructor(refusal: Refusal, node: ts.Node, file: string, remedy: string = REFUSALS[refusal][2]) {
    const [code, message] = REFUSALS[refusal];
    super(message);
    this.name = 'CompileError';
    const source = node.getSourceFile();
    const start = node.getStart(source);
    const position = syntax.getLineAndCharacterOfPosition(source, start);
    this.code = code;
    this.file = file;
    this.line = position.line + 1;
    this.column = position.character + 1;
    this.remedy = remedy;
    this.#length = node.getEnd() - start;
    this.#frame = codeFrame(source.text, position, this.#length);
  }

  /** Names the place in the text that the user wrote, of which the compiled text was made. */
  moveTo({ text, placeOf }: Original): void {
    const position = placeOf({ line: this.line - 1, character: this.column - 1 });
    this.line = position.line + 1;
    this.column = position.character + 1;
    this.#frame = codeFrame(text, position, this.#length);
  }

  /** The text every host prints: place, code, message, the line with a caret under it, the remedy. */
  format(): string {
    const place = `${this.file}:${this.line}:${this.column}`;
    return `${place} - error ${this.code}: ${this.message}\n\n${this.#frame}\n\n${this.remedy}`;
  }
}

function codeFrame(text: string, { line, character }: Position, length: number): string {
  const shown = text.split(/\r?\n/)[line] ?? '';
  const gutter = `${line + 1} | `;
  // Tabs are kept, so that the caret stands under its character however wide the terminal makes them.
  const indent = shown.slice(0, character).replace(/[^\t]/g, ' ');
  const carets = '^'.repeat(Math.max(1, Math.min(length, shown.length - character)));
  return `${gutter}${shown}\n${' '.repeat(gutter.length)}${indent}${carets}`;
}
