/** Ascending numbers as text: `1-3,7`. */
export function ranges(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let from = 0, i = 1; i <= numbers.length; i++) {
    if (i < numbers.length && numbers[i] === numbers[i - 1]! + 1) continue;
    parts.push(from === i - 1 ? `${numbers[from]}` : `${numbers[from]}-${numbers[i - 1]}`);
    from = i;
  }
  return parts.join();
}
