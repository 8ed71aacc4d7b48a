import { totalmem } from 'node:os';

const GIGABYTE = 2 ** 30;

/** The memory that a row may take: a row that wants more stops early, before the machine begins to swap. */
export const MOST_MEMORY = Math.min(8 * GIGABYTE, totalmem() / 3);

/** Whether this process is still small enough to go on. */
export const hasRoom = () => process.memoryUsage.rss() < MOST_MEMORY;

export const gigabytes = (bytes: number) => `${(bytes / GIGABYTE).toFixed(2)} GB`;
