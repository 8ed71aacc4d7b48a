/** A picture that is drawn when it is asked for. In a notebook it shows by itself. */
export interface Picture {
  /** The text of an SVG file that stands alone. */
  toSVG(): Promise<string>;
  /** Writes the SVG file; its folder is made if necessary. */
  save(file: string): Promise<void>;
}

/** The heading of a picture: the finding, and how it was found. */
export interface Heading {
  readonly title?: string;
  /** A line, or several. */
  readonly subtitle?: string | readonly string[];
}
