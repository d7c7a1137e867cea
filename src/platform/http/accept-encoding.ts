/**
 * Whether an answer is to be compressed (RFC 9110 §12.5.3): gzip is taken, by name or by `*`, and the plain bytes are not liked
 * better. Who takes neither gets the plain bytes, as if nothing had been asked (§12.4.1).
 */
export function takesGzip(header: string | undefined): boolean {
  if (header === undefined) return false;
  const weights = new Map<string, number>();
  for (const part of header.split(',')) {
    const [coding = '', ...parameters] = part.toLowerCase().split(';');
    weights.set(coding.trim(), weightOf(parameters));
  }
  const others = weights.get('*') ?? 0;
  // RFC 9110 §8.4.1.3: `x-gzip` is the same.
  const gzip = weights.get('gzip') ?? weights.get('x-gzip') ?? others;
  return gzip > 0 && gzip >= (weights.get('identity') ?? others);
}

/** RFC 9110 §12.4.2: 1 when nothing is said. What is no number is not asked for. */
function weightOf(parameters: readonly string[]): number {
  const weight = parameters.map((one) => one.trim()).find((one) => one.startsWith('q='));
  return weight === undefined ? 1 : Number(weight.slice(2)) || 0;
}
