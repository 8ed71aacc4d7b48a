import type { ts } from 'ts-morph';
import { arrow, type Code, span } from './code.ts';
import { CompileError, type Refusal } from './diagnostics.ts';
import type { Traced } from './directives.ts';
import { FunctionFrame } from './frames.ts';
import type { Original } from './original.ts';
import { syntax } from './parse.ts';
import { findReferences } from './references.ts';
import type { Binding, Scopes } from './scope.ts';
import { SharedVariables } from './shared.ts';
import { Sites } from './sites.ts';
import { States } from './state.ts';

/** The state that the files of the constructs share while one source file is lowered. */
export class Lowering {
  readonly source: ts.SourceFile;
  readonly text: string;
  readonly file: string;
  readonly scopes: Scopes;
  readonly states: States;
  readonly shared: SharedVariables;
  readonly traced: Traced;
  readonly sites: Sites;
  /** Lowers any node; unknown ones are copied. */
  readonly visit: (node: ts.Node) => Code;
  /** The traced function around the current node; null outside, where nothing is rewritten. */
  fn: FunctionFrame | null = null;
  /** Variables whose declaration moved to the front of their list. */
  readonly hoisted = new Set<Binding>();

  constructor(
    source: ts.SourceFile,
    file: string,
    scopes: Scopes,
    traced: Traced,
    visit: (lowering: Lowering, node: ts.Node) => Code,
    original: Original | undefined,
  ) {
    this.source = source;
    this.text = source.text;
    this.file = file;
    this.scopes = scopes;
    this.traced = traced;
    const references = findReferences(source, scopes);
    this.shared = new SharedVariables(references, traced.functions, (name) => source.text.includes(name));
    this.states = new States(references, scopes, this.shared, this.hoisted);
    this.sites = new Sites(source, original);
    this.visit = (node) => visit(this, node);
  }

  get frame(): FunctionFrame {
    if (!this.fn) throw new Error('Only traced functions are lowered.');
    return this.fn;
  }

  newFrame(canSuspend: boolean): FunctionFrame {
    return new FunctionFrame((name) => this.text.includes(name), canSuspend);
  }

  /** Runs `inner` as part of the function that `frame` stands for. */
  inFunction<T>(frame: FunctionFrame | null, inner: () => T): T {
    const outer = this.fn;
    this.fn = frame;
    const result = inner();
    this.fn = outer;
    return result;
  }

  start(node: ts.Node): number {
    return node.getStart(this.source);
  }

  siteOf(node: ts.Node): string {
    return this.sites.at(this.start(node));
  }

  verbatim(node: ts.Node): Code {
    return span(this.start(node), node.end);
  }

  /** The node as it stands, its children lowered by `visit`; `insertion` is put in at its place. */
  copy(node: ts.Node, visit = this.visit, insertion?: { at: number; code: Code }): Code {
    const start = this.start(node);
    if (!insertion) return this.copyFrom(node, start, node.end, visit);
    const { at, code } = insertion;
    return [this.copyFrom(node, start, at, visit), code, this.copyFrom(node, at, node.end, visit)];
  }

  /** The same for the part of the node from `start` to `end`, which lie between its children. */
  copyFrom(node: ts.Node, start: number, end: number, visit = this.visit): Code {
    const children: ts.Node[] = [];
    syntax.forEachChild(node, (child) => {
      if (child.end > child.pos && this.start(child) >= start && child.end <= end) children.push(child);
    });
    const parts: Code[] = [];
    let from = start;
    for (const child of children.sort((a, b) => a.pos - b.pos)) {
      parts.push(span(from, this.start(child)), visit(child));
      from = child.end;
    }
    return [...parts, span(from, end)];
  }

  /** The comments and line breaks of a span whose punctuation is replaced. */
  trivia(from: number, to: number): Code {
    const text = this.text.slice(from, to);
    if (!/[\n/]/.test(text)) return '';
    const scanner = syntax.createScanner(syntax.ScriptTarget.ESNext, false, syntax.LanguageVariant.Standard, text);
    const kept: Code[] = [];
    for (let kind = scanner.scan(); kind !== syntax.SyntaxKind.EndOfFileToken; kind = scanner.scan()) {
      const isTrivia = kind >= syntax.SyntaxKind.FirstTriviaToken && kind <= syntax.SyntaxKind.LastTriviaToken;
      if (isTrivia) kept.push(span(from + scanner.getTokenStart(), from + scanner.getTokenEnd()));
    }
    return kept;
  }

  /** A lowered expression that can stand between commas. */
  argument(node: ts.Expression): Code {
    const isSequence = syntax.isBinaryExpression(node) && node.operatorToken.kind === syntax.SyntaxKind.CommaToken;
    return isSequence ? ['(', this.visit(node), ')'] : this.visit(node);
  }

  /** A lowered expression, evaluated only when the runtime asks for it. */
  thunk(node: ts.Expression): Code {
    const isObject = this.text[this.start(node)] === '{';
    return isObject ? [arrow(), '(', this.visit(node), ')'] : [arrow(), this.argument(node)];
  }

  /** `(note(slot), assignment)`, where a variable that is assigned is shared; `target` is a name or a pattern. */
  noted(target: ts.Node, assignment: Code): Code {
    const notes = this.notesOf(target);
    return notes === '' ? assignment : ['(', notes, assignment, ')'];
  }

  notesOf(target: ts.Node): string {
    return this.shared.notes(this.bindingsIn(target), target, () => this.siteOf(target));
  }

  /** The variables that a name, a pattern or a declaration assigns. */
  bindingsIn(target: ts.Node): readonly (Binding | undefined)[] {
    if (syntax.isIdentifier(target)) return [this.scopes.resolve(target.text, target)];
    const range = { start: this.start(target), end: target.end };
    const assigned = this.states.within(range).filter(({ writes }) => writes);
    return [...new Set(assigned.map(({ binding }) => binding))];
  }

  refuse(refusal: Refusal, node: ts.Node): never {
    throw new CompileError(refusal, node, this.file);
  }
}
