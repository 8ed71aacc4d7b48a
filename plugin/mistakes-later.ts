/**
 * Set by `onnsight compile`, for the thread of Node's hooks, too: an intervention whose block cannot be compiled fails when it
 * is built, as the others of its file are none the worse.
 */
export const MISTAKES_LATER = 'ONNSIGHT_MISTAKES_LATER';
