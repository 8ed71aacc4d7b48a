/** The size that entries of several sizes would have together: no tensor can have it, so that the run fails, and tells by it why. */
export const UNEQUAL = -4242;
