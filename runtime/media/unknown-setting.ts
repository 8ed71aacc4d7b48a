/**
 * A setting that is on and not known; undefined where there is none.
 * @param known those that are used
 * @param idle those that change nothing
 */
export function unknownSetting(
  settings: Readonly<Record<string, unknown>>,
  known: readonly string[],
  idle: ReadonlySet<string>,
): string | undefined {
  const isOn = (value: unknown) => value !== null && value !== undefined && value !== false;
  return Object.keys(settings).find((name) => isOn(settings[name]) && !known.includes(name) && !idle.has(name));
}
