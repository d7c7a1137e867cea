import { compactJws, signingInput } from '../../platform/jws.ts';
import type { KeyRing } from './ring.ts';
import { type Alg, type OpenKey, SIGNATURE_LENGTH, type Sign, signBytes } from './signing-key.ts';

/** A JWT before its signature: its claims are decided and its size is known. */
export interface JwtDraft {
  readonly key: OpenKey;
  /** The text that is signed. */
  readonly input: string;
  /** Size of the compact token. */
  readonly bytes: number;
}

/** Builds a JWT. Its `typ` tells it from every other kind (RFC 8725 §3.11). Claims that are JSON already come as bytes. */
export function draftJwt(key: OpenKey, typ: string, claims: object | Buffer): JwtDraft {
  const input = signingInput({ typ, alg: key.alg, kid: key.kid }, claims);
  return { key, input, bytes: input.length + 1 + SIGNATURE_LENGTH[key.alg] };
}

/** Signs on this thread. */
export function signDraft({ key, input }: JwtDraft): string {
  return compactJws(input, signBytes(key, Buffer.from(input)));
}

/** Signs by a function that may use another thread. */
export async function signDraftBy({ key, input }: JwtDraft, sign: Sign): Promise<string> {
  return compactJws(input, await sign(key, Buffer.from(input)));
}

/** Builds and signs a JWT. */
export function signJwt(keys: KeyRing, typ: string, alg: Alg, claims: object): string {
  return signDraft(draftJwt(keys.signer(alg), typ, claims));
}
