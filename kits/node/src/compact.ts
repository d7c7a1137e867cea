import { compactVerify } from 'jose';
import { VerifierError, type VerifierErrorCode } from './errors.ts';
import type { VerificationKey } from './keys.ts';
import { parseObject } from './strict-json.ts';

/** A JWS in compact serialization (RFC 7515 §3.1), read but not verified. */
export interface Compact {
  readonly token: string;
  readonly header: { readonly alg: string; readonly typ: string; readonly kid: string };
  readonly claims: Readonly<Record<string, unknown>>;
}

/** How much was done before a refusal, for who wants to know. */
export interface Work {
  charactersRead: number;
  bytesInflated: number;
}

/** Header members that name a key, or demand what is not understood here (RFC 7515 §4.1.2-11, RFC 7797), or belong to a JWE. */
const REFUSED_MEMBERS = ['crit', 'jwk', 'jku', 'x5u', 'x5c', 'b64', 'zip', 'enc', 'epk', 'p2c', 'p2s'];

const MAX_KID_LENGTH = 256;

/** By character code: 1 for base64url, 2 for a dot, 0 for what no compact JWS has. */
const ALPHABET = new Uint8Array(128);
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') ALPHABET[char.charCodeAt(0)] = 1;
ALPHABET['.'.charCodeAt(0)] = 2;

/** What is thrown for a text that is too long, and for one that is no JWS. */
export interface CompactCodes {
  readonly tooLarge: VerifierErrorCode;
  readonly malformed: VerifierErrorCode;
}

type Member = Readonly<Record<string, unknown>>;

/**
 * The header and the claims of a compact JWS. At most `maxLength` characters are looked at, and reading stops at the first one that
 * does not belong or at a third dot. Throws `codes.tooLarge` or `codes.malformed`.
 */
export function readParts(
  token: string,
  maxLength: number,
  codes: CompactCodes,
  work: Work = { charactersRead: 0, bytesInflated: 0 },
): { readonly header: Member; readonly claims: Member } {
  const refuse = (detail: string) => new VerifierError(codes.malformed, { detail });
  if (typeof token !== 'string') throw refuse('it is no string');
  if (token.length > maxLength)
    throw new VerifierError(codes.tooLarge, { detail: `it has ${token.length} characters, at most ${maxLength}` });
  const dots: number[] = [];
  for (let at = 0; at < token.length; at++) {
    work.charactersRead++;
    const kind = ALPHABET[token.charCodeAt(at)] ?? 0;
    if (kind === 1) continue;
    if (kind === 0) throw refuse(`the character at ${at} does not belong in a compact JWS`);
    if (dots.push(at) > 2) throw refuse('it has more than three parts');
  }
  const [first, second] = dots;
  if (first === undefined || second === undefined) throw refuse('it has fewer than three parts');
  const header = decodeObject(token.slice(0, first));
  const claims = decodeObject(token.slice(first + 1, second));
  if (!header) throw refuse('the header is no JSON object, or has a member twice');
  if (!claims) throw refuse('the payload is no JSON object, or has a member twice');
  if (second === token.length - 1 || !decode(token.slice(second + 1))) throw refuse('the signature is not base64url');
  return { header, claims };
}

/** Reads a token of the issuer's: as `readParts`, and what its header may hold. `token_wrong_algorithm` never comes from here. */
export function readCompact(token: string, maxLength: number, codes: CompactCodes, work?: Work): Compact {
  const refuse = (detail: string) => new VerifierError(codes.malformed, { detail });
  const { header, claims } = readParts(token, maxLength, codes, work);
  for (const name of REFUSED_MEMBERS)
    if (Object.hasOwn(header, name)) throw refuse(`the header has ${name}, which is not accepted`);
  const { alg, typ, kid } = header;
  if (typeof alg !== 'string' || typeof typ !== 'string') throw refuse('the header lacks alg or typ');
  if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH) throw refuse('the header lacks kid');
  return { token, header: { alg, typ, kid }, claims };
}

/** Base64url, canonical: no other text stands for the same bytes, so that a changed character is always a refusal. */
export function decode(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

function decodeObject(text: string): Record<string, unknown> | undefined {
  const bytes = text === '' ? undefined : decode(text);
  return bytes && parseObject(bytes);
}

/** True when the signature is the key's. The key decides the algorithm; the header has to name the same one. */
export async function isSignedBy(compact: Compact, key: VerificationKey): Promise<boolean> {
  if (compact.header.alg !== key.alg) return false;
  try {
    await compactVerify(compact.token, key.key, { algorithms: [key.alg] });
    return true;
  } catch {
    return false;
  }
}
