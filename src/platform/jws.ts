/** The encoded parts of a compact JWS, as sent. */
export interface CompactParts {
  readonly head: string;
  readonly payload: string;
  readonly signature: string;
}

/** Splits a compact JWS (RFC 7515 §7.1). Returns null if it is longer than `maxLength` characters or malformed. */
export function splitJws(token: string, maxLength: number): CompactParts | null {
  if (token.length > maxLength || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return null;
  const [head, payload, signature] = token.split('.') as [string, string, string];
  return { head, payload, signature };
}

/** Decodes the JSON object in one part; returns null for anything else. */
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
