/** Stands in a variable that only one branch or no iteration gave a value: using it is an error that says so. */
export class Absent {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}
