/**
 * Whether a caller would rather have `application/jwt` than `application/json` (RFC 9110 §12.5.1). JSON is what everybody gets who
 * does not name the other: `*` names nothing.
 */
export function acceptsJwt(accept: string | undefined): boolean {
  if (accept === undefined || !/jwt/i.test(accept)) return false;
  const weights = new Map<string, number>();
  for (const one of accept.split(',')) {
    const [type = '', ...parameters] = one.split(';').map((part) => part.trim().toLowerCase());
    const q = parameters.find((part) => part.startsWith('q='))?.slice(2);
    const weight = q === undefined ? 1 : Number(q);
    weights.set(type, Number.isNaN(weight) ? 0 : weight);
  }
  const jwt = weights.get('application/jwt') ?? 0;
  return jwt > 0 && jwt >= (weights.get('application/json') ?? 0);
}
