import { isUtf8 } from 'node:buffer';

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

/** Decodes the JSON object in one part; returns null for anything else, also for bytes that are not UTF-8 (RFC 7519 §7.2). */
export function decodeJsonPart(part: string): Record<string, unknown> | null {
  const bytes = Buffer.from(part, 'base64url');
  if (!isUtf8(bytes)) return null;
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/** Returns the text that a JWS signs (RFC 7515 §5.1): its header and payload, encoded. A payload that is JSON already comes as bytes. */
export function signingInput(header: object, payload: object | Buffer): string {
  const json = Buffer.isBuffer(payload) ? payload : Buffer.from(JSON.stringify(payload));
  return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${json.toString('base64url')}`;
}

/** Returns the compact JWS of a signed text (RFC 7515 §7.1). */
export function compactJws(input: string, signature: Buffer): string {
  return `${input}.${signature.toString('base64url')}`;
}
