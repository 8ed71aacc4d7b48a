import type { ts } from 'ts-morph';
import { CompileError } from './diagnostics.ts';
import { type Helper, helperOf } from './helpers.ts';
import { isRequired, type LibraryImports, libraryImports } from './imports.ts';
import { checkParameterDefaults } from './intervention-defaults.ts';
import { syntax } from './parse.ts';
import type { Scopes } from './scope.ts';
import { canBeBlock, checkBlock } from './synchronous.ts';
import { unwrap } from './wrappers.ts';

type Directive = 'use trace' | 'use no trace';

/** Methods of models and tracers whose callbacks are blocks. */
const BLOCK_METHODS = new Set(['trace', 'generate', 'scan', 'session', 'graph', 'edit', 'invoke']);

/** The traced functions of a file, and how each is marked for the runtime. */
export interface Traced {
  /** Functions to lower, with all functions inside them. */
  readonly functions: Set<ts.Node>;
  /** Function expressions, and methods of object literals, to wrap in `block(…)`. */
  readonly blocks: Set<ts.Node>;
  /** Those of traces and interventions, and what these call: a program may run them again and again. */
  readonly repeated: Set<ts.Node>;
  /** Functions to leave as they are, with everything inside. */
  readonly optedOut: Set<ts.Node>;
  /** Function declarations to mark, by the node that holds their statement list. */
  readonly marks: Map<ts.Node, ts.FunctionDeclaration[]>;
  /** Member expressions of methods to mark, by class. */
  readonly methods: Map<ts.Node, string[]>;
  /** Classes whose instances are made by lowered code alone. */
  readonly classes: Set<ts.Node>;
}

/** Finds the traced functions of a file. @throws CompileError for blocks that are not synchronous. */
export function findTraced(source: ts.SourceFile, scopes: Scopes, file: string): Traced {
  const traced: Traced = {
    functions: new Set(),
    blocks: new Set(),
    repeated: new Set(),
    optedOut: new Set(),
    marks: new Map(),
    methods: new Map(),
    classes: new Set(),
  };
  const fileDirective = directiveOf(source.statements);
  if (fileDirective === 'use no trace') return traced;
  const imports = libraryImports(source);

  const addFunction = (node: ts.FunctionLikeDeclaration, isExplicit: boolean): void => {
    traced.functions.add(node);
    if (syntax.isFunctionDeclaration(node)) {
      traced.marks.set(node.parent, [...(traced.marks.get(node.parent) ?? []), node]);
    } else if (syntax.isFunctionExpression(node) || syntax.isArrowFunction(node)) traced.blocks.add(node);
    else if (syntax.isMethodDeclaration(node)) addMethod(node, isExplicit);
  };

  const addMethod = (node: ts.MethodDeclaration, isExplicit: boolean): void => {
    const member = memberOf(node.name, isStatic(node));
    if (member === null) {
      if (isExplicit) throw new CompileError('method', node.name, file);
    } else if (syntax.isObjectLiteralExpression(node.parent)) {
      // `super` is bound to the very object: such a method must stay where it is.
      if (!/\bsuper\b/.test(node.getText())) traced.blocks.add(node);
    } else {
      const members = traced.methods.get(node.parent) ?? [];
      traced.methods.set(node.parent, [...members, `this${isStatic(node) ? '' : '.prototype'}${member}`]);
    }
  };

  const named = imports ? namedBlocks(source, imports, scopes, file) : new Map<ts.Node, boolean>();
  const visit = (node: ts.Node, isTraced: boolean): void => {
    let isInside = isTraced;
    const isOfFile = () => fileDirective === 'use trace' && isTopLevel(node);
    if (syntax.isClassLike(node) && (isInside || isOfFile() || isTracedClass(node))) traced.classes.add(node);
    if (syntax.isPropertyDeclaration(node)) isInside ||= traced.classes.has(node.parent) && !isStatic(node);
    if (isFunction(node)) {
      const directive = directiveIn(node);
      if (directive === 'use no trace') {
        traced.optedOut.add(node);
        return;
      }
      if (directive === 'use trace') addFunction(node, true);
      else if (isInside || isOfFile() || named.has(node)) addFunction(node, false);
      if (named.get(node)) traced.repeated.add(node);
      isInside ||= traced.functions.has(node);
    }
    if (imports && syntax.isCallExpression(node) && takesBlocks(node, imports, scopes)) {
      for (const argument of node.arguments) {
        const fn = unwrap(argument);
        if (!syntax.isArrowFunction(fn) && !syntax.isFunctionExpression(fn)) continue;
        if (directiveIn(fn) === 'use no trace') continue;
        checkBlock(fn, file);
        checkParameterDefaults(node, fn, file);
        traced.functions.add(fn);
        traced.blocks.add(fn);
        if (isRepeating(node)) traced.repeated.add(fn);
      }
    }
    syntax.forEachChild(node, (child) => visit(child, isInside));
  };
  visit(source, false);
  // What is found here calls others.
  for (const fn of traced.functions) {
    for (const helper of helpersIn(fn, scopes)) {
      if (!isWithin(helper, traced.functions) && !isWithin(helper, traced.optedOut)) addFunction(helper, false);
    }
  }
  for (const fn of traced.optedOut) {
    traced.functions.delete(fn);
    traced.blocks.delete(fn);
  }
  for (const fn of traced.repeated) {
    for (const called of calledIn(fn, scopes)) {
      if (traced.functions.has(called) && !isWithin(called, traced.repeated)) traced.repeated.add(called);
    }
  }
  return traced;
}

/**
 * The functions of the file that are given as blocks, also by a name that nothing else can be assigned to, each with
 * whether a program may run it again and again.
 */
function namedBlocks(
  source: ts.SourceFile,
  imports: LibraryImports,
  scopes: Scopes,
  file: string,
): ReadonlyMap<ts.Node, boolean> {
  const found = new Map<ts.Node, boolean>();
  const visit = (node: ts.Node): void => {
    if (syntax.isCallExpression(node) && takesBlocks(node, imports, scopes)) {
      for (const fn of node.arguments.flatMap((argument) => functionsOf(argument, scopes))) {
        // One that is given to a method of something else may be what no block can be.
        if (canBeBlock(fn)) found.set(fn, found.get(fn) || isRepeating(node));
        else if (!isBlockMethod(unwrap(node.expression)) && directiveIn(fn) !== 'use no trace') checkBlock(fn, file);
      }
    }
    syntax.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The functions that an expression may give: its own, those that a `const` or a declaration names, one of two by a condition. */
function functionsOf(expression: ts.Node, scopes: Scopes, seen = new Set<ts.Node>()): ts.FunctionLikeDeclaration[] {
  const value = syntax.isExpression(expression) ? unwrap(expression) : expression;
  if (seen.has(value)) return [];
  seen.add(value);
  if (isFunction(value)) return [value];
  if (syntax.isConditionalExpression(value)) {
    return [value.whenTrue, value.whenFalse].flatMap((one) => functionsOf(one, scopes, seen));
  }
  if (!syntax.isIdentifier(value)) return [];
  const binding = scopes.resolve(value.text, value);
  const isFixed = binding?.kind === 'const' || binding?.kind === 'function';
  return isFixed && binding.value ? functionsOf(binding.value, scopes, seen) : [];
}

/** The helpers of the file that a function calls by their names, also in functions inside. */
function helpersIn(fn: ts.Node, scopes: Scopes): Helper[] {
  const found: Helper[] = [];
  const visit = (node: ts.Node): void => {
    const helper = syntax.isCallExpression(node) ? helperOf(node, scopes) : null;
    if (helper) found.push(helper);
    syntax.forEachChild(node, visit);
  };
  visit(fn);
  return found;
}

/** The functions of the file that a function calls by their names, also in functions inside. */
function calledIn(fn: ts.Node, scopes: Scopes): ts.Node[] {
  const found: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    if (syntax.isCallExpression(node)) found.push(...functionsOf(unwrap(node.expression), scopes));
    syntax.forEachChild(node, visit);
  };
  visit(fn);
  return found;
}

function isWithin(node: ts.Node, nodes: ReadonlySet<ts.Node>): boolean {
  for (let at = node; !syntax.isSourceFile(at); at = at.parent) if (nodes.has(at)) return true;
  return false;
}

/** The directives at the front of a body or a file. */
export function prologue(statements: readonly ts.Statement[]): readonly ts.ExpressionStatement[] {
  const end = statements.findIndex((one) => !isDirective(one));
  return (end < 0 ? statements : statements.slice(0, end)) as readonly ts.ExpressionStatement[];
}

function isDirective(statement: ts.Statement): statement is ts.ExpressionStatement {
  return syntax.isExpressionStatement(statement) && syntax.isStringLiteral(statement.expression);
}

function directiveOf(statements: readonly ts.Statement[]): Directive | undefined {
  const texts = prologue(statements).map(({ expression }) => (expression as ts.StringLiteral).text);
  return (['use no trace', 'use trace'] as const).find((directive) => texts.includes(directive));
}

function directiveIn({ body }: ts.FunctionLikeDeclaration): Directive | undefined {
  return body && syntax.isBlock(body) ? directiveOf(body.statements) : undefined;
}

/** Whether a class outside traced functions is traced as a whole: by its constructor, or by a method if it has none. */
function isTracedClass(node: ts.ClassLikeDeclaration): boolean {
  const constructors = node.members.filter(syntax.isConstructorDeclaration);
  const functions = constructors.length > 0 ? constructors : node.members.filter(syntax.isMethodDeclaration);
  return functions.some((one) => directiveIn(one) === 'use trace');
}

/** Whether a member belongs to the class itself. */
export function isStatic(node: ts.MethodDeclaration | ts.PropertyDeclaration | ts.AccessorDeclaration): boolean {
  return node.modifiers?.some(({ kind }) => kind === syntax.SyntaxKind.StaticKeyword) ?? false;
}

export function isFunction(node: ts.Node): node is ts.FunctionLikeDeclaration & { readonly body: ts.ConciseBody } {
  return syntax.isFunctionLike(node) && 'body' in node && node.body !== undefined && !syntax.isJSDocFunctionType(node);
}

/** A function of the file itself, or a method of one of its classes or objects, not of another function. */
function isTopLevel(node: ts.Node): boolean {
  for (let at = node.parent; !syntax.isSourceFile(at); at = at.parent) {
    if (syntax.isFunctionLike(at) || syntax.isClassStaticBlockDeclaration(at)) return false;
    if (syntax.isCallExpression(at)) return false;
  }
  return true;
}

function memberOf(name: ts.PropertyName, isStatic: boolean): string | null {
  if (syntax.isIdentifier(name)) return `.${name.text}`;
  if (syntax.isPrivateIdentifier(name)) return isStatic ? `.${name.text}` : null;
  const key = keyText(name);
  return key === null ? null : `[${key}]`;
}

/** The name of a member as an expression that can be evaluated again; null where it cannot. */
export function keyText(name: ts.PropertyName): string | null {
  if (syntax.isIdentifier(name)) return `'${name.text}'`;
  if (syntax.isStringLiteral(name) || syntax.isNumericLiteral(name)) return name.getText();
  const isSymbol = syntax.isComputedPropertyName(name) && /^Symbol\.\w+$/.test(name.expression.getText());
  return isSymbol ? name.expression.getText() : null;
}

/** `model.trace(…)`, `intervention(…)`: of what takes blocks, that of which a program may run the same block again and again. */
function isRepeating({ expression }: ts.CallExpression): boolean {
  const callee = unwrap(expression);
  return !isBlockMethod(callee) || (syntax.isPropertyAccessExpression(callee) && callee.name.text === 'trace');
}

function isBlockMethod(callee: ts.Expression): boolean {
  return syntax.isPropertyAccessExpression(callee) && BLOCK_METHODS.has(callee.name.text);
}

function takesBlocks(call: ts.CallExpression, imports: LibraryImports, scopes: Scopes): boolean {
  const callee = unwrap(call.expression);
  const isOfFile = (node: ts.Identifier): boolean =>
    syntax.isSourceFile(scopes.resolve(node.text, node)?.scope ?? node);
  if (syntax.isIdentifier(callee)) return imports.interventions.has(callee.text) && isOfFile(callee);
  if (!syntax.isPropertyAccessExpression(callee)) return false;
  if (isBlockMethod(callee)) return true;
  const { expression, name } = callee;
  if (name.text !== 'intervention') return false;
  if (isRequired(unwrap(expression))) return true;
  if (!syntax.isIdentifier(expression)) return false;
  return imports.namespaces.has(expression.text) && isOfFile(expression);
}
