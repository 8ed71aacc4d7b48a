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
  stop(): void;
}

const MEGABYTE = 2 ** 20;

/** Shows the download of `total` bytes of the model `id`. */
export function reportProgress(id: string, total: number, option: ProgressOption = true): ProgressReport {
  let loaded = 0;
  if (typeof option === 'function') {
    const update = (file: string, bytes: number) => {
      loaded += bytes;
      return option({ file, loaded, total });
    };
    return { update, stop: () => {} };
  }
  if (!option || !process.stderr.isTTY) return { update: () => {}, stop: () => {} };
  const bar = new cliProgress.SingleBar({
    format: `${id} {bar} {percentage}% of {megabytes} MB, {eta_formatted} left, {file}`,
    stream: process.stderr,
    hideCursor: true,
    barsize: 24,
    clearOnComplete: true,
  });
  bar.start(total, 0, { file: '', megabytes: (total / MEGABYTE).toFixed(1) });
  const update = (file: string, bytes: number) => {
    loaded += bytes;
    bar.update(loaded, { file });
  };
  return { update, stop: () => bar.stop() };
}
