/** The parts of a compact JWS as they were sent, none of them read yet. */
export interface CompactParts {
  readonly head: string;
  readonly payload: string;
  readonly signature: string;
}

/** A compact JWS in its parts (RFC 7515 §7.1); null for what is longer than `longest` characters or has not the form of one. */
export function splitJws(token: string, longest: number): CompactParts | null {
  if (token.length > longest || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return null;
  const [head, payload, signature] = token.split('.') as [string, string, string];
  return { head, payload, signature };
}

/** The JSON object of one part; null for everything else. */
export function decodeJsonPart(part: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
