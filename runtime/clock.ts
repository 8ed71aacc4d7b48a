/** The time in milliseconds, for what this library tells of its runs: where a program's own look at the clock is noted, this is not. */
export const now: () => number = performance.now.bind(performance);
