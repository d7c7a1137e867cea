/** Longer than any word that is known: what is longer was not mistyped. It bounds the work, which grows with the square. */
const LONGEST = 300;

/** The known word nearest to a mistyped one, or undefined when none is near: "did you mean …?" */
export function suggest(typed: string, known: readonly string[]): string | undefined {
  if (typed.length > LONGEST) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(typed.length / 3)) + 1;
  for (const word of known) {
    if (word.length > LONGEST) continue;
    const distance = editDistance(typed, word, bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [word, distance];
  }
  return best;
}

function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
