import { TraceError } from '../../errors.ts';
import { promoteDtypes } from '../../graph/promotion.ts';
import type { DType, TensorType } from '../../graph/types.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { activeBuilder } from '../builder.ts';
import { inner, saving } from '../hidden.ts';
import { commonShape } from '../lists.ts';
import { TensorProxy } from '../proxy.ts';
import { SavedProxy } from '../saves.ts';
import type { Storage } from '../storage.ts';
import { type ArrayForm, bare, type CasesForm, type Form, isNumeric, type PlainForm, type Rest } from './form.ts';

/** The form that the entries of a list have. Each of them has its own save. */
export function joinEntries(forms: readonly Form<unknown>[]): Form<null> {
  return asEntry(forms.map(asEntry).reduce(join));
}

function asEntry(form: Form<unknown>): Form<null> {
  const { kind } = form;
  if (kind === 'plain' && form.value instanceof SavedProxy) {
    return { kind: 'tensor', type: form.value[saving].type, leaf: null, proxy: null, saves: [form.value] };
  }
  if (kind === 'array') {
    if (form.rest) throw nestedLists();
    return { ...form, of: null, items: form.items.map(asEntry), rest: null, isShared: true };
  }
  if (kind === 'record') {
    return { ...form, of: null, fields: form.fields.map(([name, field]) => [name, asEntry(field)]), isShared: true };
  }
  if (kind === 'cases') return { kind, cases: form.cases.map((one) => ({ test: null, form: asEntry(one.form) })) };
  return bare(form);
}

/** The error for a list whose entries contain lists. */
export function nestedLists(): TraceError {
  return new TraceError(
    'Arrays of different lengths are the entries of an array that depends on a traced value. Give them one length, or push their entries to arrays of their own.',
    activeBuilder()?.site,
  );
}

/** The form that both values fit into. */
export function join(a: Form<unknown>, b: Form<unknown>): Form<null> {
  if (isSame(a, b)) return { kind: 'plain', value: originOf(a as PlainForm) };
  const [typeA, typeB] = [tensorType(a), tensorType(b)];
  if (typeA && typeB) {
    const type = {
      dtype: promoteDtypes(typeA.dtype, typeB.dtype),
      shape: commonShape(typeA.shape, typeB.shape),
    };
    const isMixed = isMixedForm(a) || isMixedForm(b) || (typeA.dtype === 'bool') !== (typeB.dtype === 'bool');
    const from = [...new Set([...memoryOf(a), ...memoryOf(b)])];
    return { kind: 'tensor', type, leaf: null, proxy: null, from, saves: joinSaves(savesOf(a), savesOf(b)), isMixed };
  }
  if (a.kind === 'array' && b.kind === 'array') return joinArrays(a, b);
  if (a.kind === 'record' && b.kind === 'record' && isAlike(a, b)) {
    const fields = a.fields.map(([name, field], i) => [name, join(field, b.fields[i]![1])] as const);
    return { kind: 'record', of: null, prototype: a.prototype, fields, isShared: a.isShared || b.isShared };
  }
  return joinCases(a, b);
}

/** Whether two values are of one kind, so that they are one case of a varying value. */
export function isAlike(a: Form<unknown>, b: Form<unknown>): boolean {
  if (tensorType(a)) return tensorType(b) !== null;
  if (a.kind === 'record' && b.kind === 'record') {
    const names = ({ fields }: typeof a) => fields.map(([name]) => name);
    return a.prototype === b.prototype && JSON.stringify(names(a)) === JSON.stringify(names(b));
  }
  return a.kind === 'array' ? b.kind === 'array' : isSame(a, b);
}

/** The type of a value as a tensor; null if it cannot be one. */
export function tensorType(form: Form<unknown>): TensorType | null {
  if (form.kind === 'tensor') return form.type;
  if (form.kind !== 'plain') return null;
  const { value } = form;
  if (value instanceof SavedProxy) return value[saving].type;
  if (value instanceof TensorProxy) return value[inner].type;
  if (value instanceof Tensor) return { dtype: value.dtype, shape: value.dims };
  return isNumeric(value) ? { dtype: dtypeOf(value as number), shape: [] } : null;
}

function isMixedForm(form: Form<unknown>): boolean {
  return form.kind === 'tensor' && form.isMixed === true;
}

function dtypeOf(value: number): DType {
  return Tensor.from(value).dtype as DType;
}

/** Whether two values are the same object or plain value. */
function isSame(a: Form<unknown>, b: Form<unknown>): boolean {
  if (a.kind === 'cases' || b.kind === 'cases') return false;
  const isNothing = (form: typeof a) => form.kind !== 'plain' && originOf(form) === null;
  return !isNothing(a) && !isNothing(b) && Object.is(originOf(a), originOf(b));
}

/** The value of the user's that a form was captured from; null if there was none. */
function originOf(form: Exclude<Form<unknown>, { kind: 'cases' }>): unknown {
  if (form.kind === 'plain') return form.value;
  return form.kind === 'tensor' ? form.proxy : form.of;
}

/** What it shares memory with. */
function memoryOf(form: Form<unknown>): readonly Storage[] {
  if (form.kind === 'tensor' && form.from) return form.from;
  const proxy = form.kind === 'tensor' ? form.proxy : form.kind === 'plain' ? form.value : null;
  return proxy instanceof TensorProxy && !(proxy instanceof SavedProxy) ? [proxy[inner].root] : [];
}

function savesOf(form: Form<unknown>): readonly SavedProxy[] {
  if (form.kind === 'plain') return form.value instanceof SavedProxy ? [form.value] : [];
  return form.kind === 'tensor' ? form.saves : [];
}

function joinSaves(a: readonly SavedProxy[], b: readonly SavedProxy[]): readonly SavedProxy[] {
  return a.length > 0 && b.length > 0 ? [...new Set([...a, ...b])] : [];
}

/** Arrays agree on the entries that both have; the number of the others is known to the run only. */
function joinArrays(a: ArrayForm<unknown>, b: ArrayForm<unknown>): Form<null> {
  const count = Math.min(a.items.length, b.items.length);
  const items = a.items.slice(0, count).map((item, i) => join(item, b.items[i]!));
  const others = [...a.items.slice(count), ...b.items.slice(count), ...entriesOf(a.rest), ...entriesOf(b.rest)];
  const rests = [a.rest, b.rest].filter((one) => one !== null);
  const isKept = rests.length > 0 && rests.every((one) => one.isKept);
  const rest = others.length === 0 ? null : { entry: joinEntries(others), parts: [], isKept };
  return { kind: 'array', of: null, items, rest, isShared: a.isShared || b.isShared };
}

function entriesOf(rest: Rest<unknown> | null): readonly Form<null>[] {
  return rest ? [rest.entry] : [];
}

function joinCases(a: Form<unknown>, b: Form<unknown>): Form<null> {
  const forms = casesOf(a).map(({ form }) => bare(form));
  for (const { form } of casesOf(b)) {
    const at = forms.findIndex((one) => isAlike(one, form));
    if (at < 0) forms.push(bare(form));
    else forms[at] = join(forms[at]!, form);
  }
  if (forms.length === 1) return forms[0]!;
  const isSure = [a, b].some((form) => form.kind === 'cases' && form.isSure === true);
  return { kind: 'cases', cases: forms.map((form) => ({ test: null, form })), isSure };
}

/** The values that it may be; the test of the only one is null. */
export function casesOf<L>(form: Form<L>): CasesForm<L>['cases'] {
  return form.kind === 'cases' ? form.cases : [{ test: null, form }];
}
