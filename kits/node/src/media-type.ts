import { MIMEType } from 'node:util';

/** The type of a `Content-Type` field (RFC 9110 §8.3.1) in lower case, without parameters; empty for what is none. */
export function mediaType(field: string | undefined): string {
  try {
    return new MIMEType(field ?? '').essence;
  } catch {
    return '';
  }
}
