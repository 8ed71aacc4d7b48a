/** A place in a text; line and column are counted from 0. */
export interface Position {
  readonly line: number;
  readonly character: number;
}

/** What the user wrote, where the text to lower was made of it by another tool. */
export interface Original {
  readonly text: string;
  /** The place that a place in the text to lower comes from. */
  placeOf(position: Position): Position;
}
