/** Some rows of dimension 0: `count` of them from `start` on. */
export interface Rows {
  readonly start: number;
  readonly count: number;
}
