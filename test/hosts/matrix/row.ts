/** A host: what is installed, the files of its project, and what its last command prints. */
export interface Row {
  readonly name: string;
  /** Installed beside the packed package, once for all rows. */
  readonly packages: readonly string[];
  /** Installed in the row's own folder, since other rows have other versions. */
  readonly own?: readonly string[];
  /** The version of Node, where it is not the one that runs. */
  readonly node?: string;
  readonly files: Readonly<Record<string, string>>;
  readonly commands: readonly string[];
  /** What the last command prints, and the commands before it if they fail. */
  readonly expects: readonly string[];
  /** Left out where time is short: another row, or a test, shows nearly the same. */
  readonly nightly?: boolean;
}
