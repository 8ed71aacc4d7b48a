import type { ts } from 'ts-morph';
import type { Code } from './code.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { isAssignmentTarget } from './references.ts';
import { isWrapper, unwrap } from './wrappers.ts';

/*
 * A block that is run again and again need not be recorded anew where nothing that it reads has changed. The runtime finds
 * an earlier recording by the block's place and by the values of the names that it takes from around it (torch.compile
 * calls those guards). That holds for blocks of plain statements and expressions, which tell here all that they read: any
 * other syntax makes a block one that is recorded each time.
 */

/** More would take longer to compare than to record. */
const MOST_NAMES = 24;

/** Names of the language that are what they are. */
const FIXED: ReadonlySet<string> = new Set(['undefined', 'NaN', 'Infinity']);

/** Of the objects of the language, the one whose functions blocks call most. */
const OBJECTS: ReadonlySet<string> = new Set(['Math']);

/**
 * The site of a block, the values that it takes from around it, and how many of these come first that are nothing but
 * operands in it: they may be tensors, whose elements nothing then asks for. Empty for a block that may depend on more.
 */
export function guardsOf(lowering: Lowering, node: ts.Node): readonly Code[] {
  if (!lowering.traced.repeated.has(node)) return [];
  const names = new Names(lowering, node);
  if (!names.readAll()) return [];
  const { operands, others } = names;
  if (operands.length + others.length > MOST_NAMES) return [];
  return [lowering.siteOf(node), `() => [${[...operands, ...others].join(', ')}]`, `${operands.length}`];
}

/** The names that a block takes from around it. */
class Names {
  private readonly found = new Map<string, boolean>();
  private readonly lowering: Lowering;
  private readonly block: ts.Node;

  constructor(lowering: Lowering, block: ts.Node) {
    this.lowering = lowering;
    this.block = block;
  }

  /** Those that are nothing but operands. */
  get operands(): readonly string[] {
    return [...this.found].flatMap(([name, isOperand]) => (isOperand ? [name] : []));
  }

  get others(): readonly string[] {
    return [...this.found].flatMap(([name, isOperand]) => (isOperand ? [] : [name]));
  }

  /** Whether there is nothing else on which the block depends. */
  readAll(): boolean {
    const { block } = this;
    if (!syntax.isArrowFunction(block) || block.modifiers || block.parameters.length > 0) return false;
    return this.reads(block.body);
  }

  private reads(node: ts.Node): boolean {
    if (syntax.isIdentifier(node)) return this.name(node);
    const parts = partsOf(node);
    return parts?.every((part) => this.reads(part)) ?? false;
  }

  private name(node: ts.Identifier): boolean {
    const { text } = node;
    const binding = this.lowering.scopes.resolve(text, node);
    if (!binding) {
      if (FIXED.has(text)) return true;
      return OBJECTS.has(text) && this.add(text, false);
    }
    if (isWithin(binding.scope, this.block)) return true;
    return !isAssignmentTarget(node) && this.add(text, isOperand(node));
  }

  private add(name: string, isOperand: boolean): true {
    this.found.set(name, (this.found.get(name) ?? true) && isOperand);
    return true;
  }
}

/** What all a part of a block consists of; null for syntax of which it is not known what it depends on. */
function partsOf(node: ts.Node): readonly ts.Node[] | null {
  if (isLiteral(node)) return [];
  if (syntax.isBlock(node)) return node.statements;
  if (syntax.isExpressionStatement(node) || syntax.isExpression(node)) return partsOfExpression(node);
  if (syntax.isReturnStatement(node)) return present(node.expression);
  if (syntax.isIfStatement(node)) return present(node.expression, node.thenStatement, node.elseStatement);
  if (syntax.isVariableStatement(node)) return variables(node.declarationList);
  if (syntax.isVariableDeclarationList(node)) return variables(node);
  if (syntax.isForStatement(node)) return present(node.initializer, node.condition, node.incrementor, node.statement);
  if (syntax.isForOfStatement(node))
    return node.awaitModifier ? null : [node.initializer, node.expression, node.statement];
  return null;
}

function isLiteral(node: ts.Node): boolean {
  const { TrueKeyword, FalseKeyword, NullKeyword } = syntax.SyntaxKind;
  const isText = syntax.isStringLiteral(node) || syntax.isNoSubstitutionTemplateLiteral(node);
  const isNumber = syntax.isNumericLiteral(node) || syntax.isBigIntLiteral(node);
  return isText || isNumber || [TrueKeyword, FalseKeyword, NullKeyword].some((kind) => kind === node.kind);
}

function partsOfExpression(node: ts.ExpressionStatement | ts.Expression): readonly ts.Node[] | null {
  if (syntax.isExpressionStatement(node)) return [node.expression];
  const inner = unwrap(node);
  if (inner !== node) return [inner];
  if (syntax.isPropertyAccessExpression(node)) {
    return node.questionDotToken || !syntax.isIdentifier(node.name) ? null : [node.expression];
  }
  if (syntax.isElementAccessExpression(node)) {
    return node.questionDotToken ? null : [node.expression, node.argumentExpression];
  }
  if (syntax.isCallExpression(node)) return node.questionDotToken ? null : [node.expression, ...node.arguments];
  if (syntax.isBinaryExpression(node)) return isKnownOperator(node) ? [node.left, node.right] : null;
  if (syntax.isPrefixUnaryExpression(node) || syntax.isPostfixUnaryExpression(node)) return [node.operand];
  if (syntax.isConditionalExpression(node)) return [node.condition, node.whenTrue, node.whenFalse];
  if (syntax.isArrayLiteralExpression(node)) return node.elements;
  if (syntax.isSpreadElement(node)) return [node.expression];
  if (syntax.isObjectLiteralExpression(node)) return properties(node);
  if (syntax.isArrowFunction(node)) return isPlainFunction(node) ? [node.body] : null;
  return null;
}

function present(...nodes: readonly (ts.Node | undefined)[]): readonly ts.Node[] {
  return nodes.filter((node) => node !== undefined);
}

/** The initializers of variables that are names. */
function variables({ declarations, flags }: ts.VariableDeclarationList): readonly ts.Node[] | null {
  const isScoped = flags & (syntax.NodeFlags.Let | syntax.NodeFlags.Const);
  const isUsing = (flags & syntax.NodeFlags.Using) === syntax.NodeFlags.Using;
  if (!isScoped || isUsing || !declarations.every(({ name }) => syntax.isIdentifier(name))) return null;
  return declarations.flatMap(({ initializer }) => present(initializer));
}

function properties({ properties }: ts.ObjectLiteralExpression): readonly ts.Node[] | null {
  const values: ts.Node[] = [];
  for (const property of properties) {
    if (syntax.isShorthandPropertyAssignment(property)) values.push(property.name);
    else if (!syntax.isPropertyAssignment(property) || syntax.isComputedPropertyName(property.name)) return null;
    else values.push(property.initializer);
  }
  return values;
}

function isPlainFunction({ modifiers, parameters }: ts.ArrowFunction): boolean {
  const isName = ({ name, initializer, dotDotDotToken }: ts.ParameterDeclaration) =>
    syntax.isIdentifier(name) && !initializer && !dotDotDotToken;
  return !modifiers && parameters.every(isName);
}

/** Operators that compute, compare, choose and assign: not `in`, `instanceof` and the comma. */
function isKnownOperator(operation: ts.BinaryExpression): boolean {
  const { kind } = operation.operatorToken;
  const { InKeyword, InstanceOfKeyword, CommaToken } = syntax.SyntaxKind;
  if (kind === InKeyword || kind === InstanceOfKeyword || kind === CommaToken) return false;
  if (!isAssignment(operation)) return true;
  const target = unwrap(operation.left);
  return !(syntax.isArrayLiteralExpression(target) || syntax.isObjectLiteralExpression(target));
}

/** Whether a name is an operand of arithmetic, the value that a member is set to, or an argument of a call. */
function isOperand(node: ts.Identifier): boolean {
  let at: ts.Node = node;
  while (isWrapper(at.parent)) at = at.parent;
  const { parent } = at;
  if (syntax.isCallExpression(parent)) return parent.expression !== at;
  if (!syntax.isBinaryExpression(parent)) return false;
  if (isArithmetic(parent)) return true;
  return parent.right === at && isAssignment(parent) && !syntax.isIdentifier(unwrap(parent.left));
}

function isArithmetic({ operatorToken: { kind } }: ts.BinaryExpression): boolean {
  const { PlusToken, MinusToken, AsteriskToken, SlashToken } = syntax.SyntaxKind;
  return kind === PlusToken || kind === MinusToken || kind === AsteriskToken || kind === SlashToken;
}

function isAssignment({ operatorToken: { kind } }: ts.BinaryExpression): boolean {
  return kind >= syntax.SyntaxKind.FirstAssignment && kind <= syntax.SyntaxKind.LastAssignment;
}

function isWithin(scope: ts.Node, block: ts.Node): boolean {
  for (let at = scope; at; at = at.parent) if (at === block) return true;
  return false;
}
