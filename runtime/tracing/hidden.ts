/*
 * Keys of what stands behind the values that users hold. Symbols, so that a tensor has the members of a tensor and no
 * others, whoever asks it for its names.
 */

/** The traced tensor behind a proxy. */
export const inner: unique symbol = Symbol('traced tensor');
/** Whether and how a value is saved. */
export const saving: unique symbol = Symbol('save');
