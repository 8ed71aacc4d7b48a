/** The size that entries of several sizes would have together: no tensor can have it, so that the run fails, and tells by it why. */
export const UNEQUAL = -4242;

/** The index that stands for all below 0 of an array, in which JavaScript finds nothing: no tensor has it. */
export const BELOW = -4242424242;

/** The index that stands for an object that is not there, of which a member is read. */
export const ABSENT = -4242424243;

/** The index that stands for a value of a forward that did not run. */
export const UNREACHED = -4242424244;

/** The index that stands for the first entry of an empty array, of which `reduce` makes its start. */
export const EMPTY = -4242424245;

/** The index that stands for one that an array must have and has not: of `with`, or a length below 0. */
export const OUTSIDE = -4242424246;
