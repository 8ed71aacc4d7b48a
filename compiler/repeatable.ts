import type { ts } from 'ts-morph';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { isAssignmentTarget } from './references.ts';
import { isWrapper } from './wrappers.ts';

/*
 * A block that is run again and again need not be recorded anew where nothing that it reads has changed. The runtime finds
 * an earlier recording by the block's place and by the values of the names that it takes from around it (torch.compile
 * calls those guards). That holds for functions of plain statements and expressions, which tell here all that they read:
 * any other syntax makes a block one that is recorded each time.
 */

/** More would take longer to compare than to record. */
const MOST_NAMES = 24;

/** Names of the language that are what they are. */
const FIXED: ReadonlySet<string> = new Set(['undefined', 'NaN', 'Infinity']);

/** Objects of the language whose functions give the same for the same values, but for those that the runtime knows of. */
const OBJECTS: ReadonlySet<string> = new Set(['Math', 'Array', 'Object', 'Number', 'String', 'Boolean']);

/** What depends on nothing but its parts, by the names of TypeScript. */
const PLAIN = [
  'TrueKeyword, FalseKeyword, NullKeyword, StringLiteral, NumericLiteral, BigIntLiteral',
  'NoSubstitutionTemplateLiteral, TemplateExpression, TemplateSpan, TemplateHead, TemplateMiddle, TemplateTail',
  'Block, ExpressionStatement, ReturnStatement, IfStatement, VariableStatement, VariableDeclaration, EmptyStatement',
  'ForStatement, ForOfStatement, WhileStatement, DoStatement, BreakStatement, ContinueStatement, ThrowStatement',
  'SwitchStatement, CaseBlock, CaseClause, DefaultClause',
  'PropertyAccessExpression, ElementAccessExpression, CallExpression, PrefixUnaryExpression, PostfixUnaryExpression',
  'TypeOfExpression, ConditionalExpression, ArrayLiteralExpression, SpreadElement, OmittedExpression',
  'ObjectLiteralExpression, PropertyAssignment, ShorthandPropertyAssignment, ComputedPropertyName',
  'Parameter, ObjectBindingPattern, ArrayBindingPattern, BindingElement',
].flatMap((names) => names.split(', ')) as readonly (keyof typeof ts.SyntaxKind)[];

let plain: ReadonlySet<ts.SyntaxKind> | null = null;

/** TypeScript is loaded when it is used. */
function isPlainKind(kind: ts.SyntaxKind): boolean {
  plain ??= new Set(PLAIN.map((name) => syntax.SyntaxKind[name]));
  return plain.has(kind);
}

/**
 * The site of a function, and what gives the values that it takes from around it; empty for one that may depend on more,
 * or of which nobody asks.
 */
export function guardsOf(lowering: Lowering, node: ts.Node): readonly string[] {
  if (!lowering.traced.repeated.has(node)) return [];
  const names = namesIn(lowering, node);
  return names && names.length <= MOST_NAMES ? [lowering.siteOf(node), `() => [${names.join(', ')}]`] : [];
}

/** The names that a function takes from around it; null if it may depend on more. */
function namesIn(lowering: Lowering, fn: ts.Node): readonly string[] | null {
  if (!isPlainFunction(fn)) return null;
  const found = new Set<string>();
  const name = (node: ts.Identifier): boolean => {
    const { text } = node;
    const binding = lowering.scopes.resolve(text, node);
    if (binding && isWithin(binding.scope, fn)) return true;
    if (binding ? isAssignmentTarget(node) : !OBJECTS.has(text)) return FIXED.has(text) && !binding;
    found.add(text);
    return true;
  };
  const reads = (node: ts.Node): boolean => {
    if (syntax.isIdentifier(node)) return name(node);
    const member = memberOfLanguage(lowering, node);
    if (member !== null) {
      found.add(member);
      return true;
    }
    if (!isPlain(node)) return false;
    return !syntax.forEachChild(node, (child) => !isNoValue(child) && !reads(child));
  };
  return reads(fn) ? [...found] : null;
}

/** `Math.max`: a program may set what the language's objects hold, so that it is read as the names are. */
function memberOfLanguage(lowering: Lowering, node: ts.Node): string | null {
  if (!syntax.isPropertyAccessExpression(node) || node.questionDotToken || isAssignmentTarget(node)) return null;
  const { expression, name } = node;
  if (!syntax.isIdentifier(expression) || !OBJECTS.has(expression.text)) return null;
  return lowering.scopes.resolve(expression.text, expression) ? null : `${expression.text}.${name.text}`;
}

function isPlain(node: ts.Node): boolean {
  if (isPlainKind(node.kind) || isWrapper(node)) return !(syntax.isForOfStatement(node) && node.awaitModifier);
  if (syntax.isVariableDeclarationList(node)) return isScoped(node);
  if (syntax.isBinaryExpression(node)) return isKnownOperator(node);
  return isPlainFunction(node);
}

/** What is neither a value nor holds one: types, punctuation, and names of members, labels and functions. */
function isNoValue(node: ts.Node): boolean {
  const { kind, parent } = node;
  const { SyntaxKind } = syntax;
  if (syntax.isTypeNode(node) || syntax.isTypeParameterDeclaration(node)) return true;
  if (kind >= SyntaxKind.FirstPunctuation && kind <= SyntaxKind.LastPunctuation) return true;
  if (kind === SyntaxKind.ExportKeyword || kind === SyntaxKind.DefaultKeyword) return true;
  if (!syntax.isIdentifier(node)) return false;
  if (syntax.isBreakOrContinueStatement(parent)) return true;
  if (syntax.isBindingElement(parent)) return parent.propertyName === node;
  const isNamed =
    syntax.isPropertyAccessExpression(parent) ||
    syntax.isPropertyAssignment(parent) ||
    syntax.isFunctionDeclaration(parent);
  return isNamed && parent.name === node;
}

/** Arrow functions and declarations that are neither async nor generators. What has a `this` is no plain syntax. */
function isPlainFunction(node: ts.Node): boolean {
  const isFunction = syntax.isArrowFunction(node) || syntax.isFunctionDeclaration(node);
  return (
    isFunction && !node.asteriskToken && !node.modifiers?.some(({ kind }) => kind === syntax.SyntaxKind.AsyncKeyword)
  );
}

function isScoped({ flags }: ts.VariableDeclarationList): boolean {
  const { Let, Const, Using } = syntax.NodeFlags;
  return (flags & (Let | Const)) !== 0 && (flags & Using) !== Using;
}

/** Operators that compute, compare, choose and assign: not `in`, `instanceof` and the comma. */
function isKnownOperator({ operatorToken: { kind } }: ts.BinaryExpression): boolean {
  const { FirstPunctuation, LastPunctuation, CommaToken } = syntax.SyntaxKind;
  return kind >= FirstPunctuation && kind <= LastPunctuation && kind !== CommaToken;
}

function isWithin(scope: ts.Node, block: ts.Node): boolean {
  for (let at = scope; at; at = at.parent) if (at === block) return true;
  return false;
}
