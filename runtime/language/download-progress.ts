import cliProgress from 'cli-progress';

/** How far a download is, in bytes over all files. */
export interface DownloadProgress {
  /** The file that is being fetched. */
  readonly file: string;
  readonly loaded: number;
  readonly total: number;
}

/** A bar on stderr, only in a terminal; or the user's callback. */
export type ProgressOption = boolean | ((progress: DownloadProgress) => void);

export interface ProgressReport {
  update(file: string, bytes: number): void;
  /** There are more bytes than was known. */
  extend(bytes: number): void;
  stop(): void;
}

const MEGABYTE = 2 ** 20;

/** Shows the download of `total` bytes of the model `id`. */
export function reportProgress(id: string, expected: number, option: ProgressOption = true): ProgressReport {
  let loaded = 0;
  let total = expected;
  if (typeof option === 'function') {
    const update = (file: string, bytes: number) => {
      loaded += bytes;
      return option({ file, loaded, total });
    };
    const extend = (bytes: number) => {
      total += bytes;
    };
    return { update, extend, stop: () => {} };
  }
  if (!option || !process.stderr.isTTY) return { update: () => {}, extend: () => {}, stop: () => {} };
  const bar = new cliProgress.SingleBar({
    format: `${id} {bar} {percentage}% of {megabytes} MB, {eta_formatted} left, {file}`,
    stream: process.stderr,
    hideCursor: true,
    barsize: 24,
    clearOnComplete: true,
  });
  const megabytes = () => (total / MEGABYTE).toFixed(1);
  bar.start(total, 0, { file: '', megabytes: megabytes() });
  const update = (file: string, bytes: number) => {
    loaded += bytes;
    bar.update(loaded, { file });
  };
  const extend = (bytes: number) => {
    total += bytes;
    bar.setTotal(total);
    bar.update({ megabytes: megabytes() });
  };
  return { update, extend, stop: () => bar.stop() };
}
