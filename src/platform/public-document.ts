import { createHash } from 'node:crypto';

/** A document that everybody may read, as bytes that were made when it last changed. */
export interface PublicDocument {
  readonly body: Buffer;
  /** A strong validator (RFC 9110 §8.8.3). */
  readonly etag: string;
}

export function publicDocument(body: Buffer): PublicDocument {
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
}
