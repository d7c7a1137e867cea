export type Algorithm = 'RS256' | 'ES256' | 'EdDSA';

/** The key type of each signature algorithm (RFC 7518 §3.1, RFC 8037 §3.1). Symmetric algorithms are not supported. */
export const KEY_TYPES: Readonly<
  Record<string, { readonly alg: Algorithm; readonly kty: string; readonly crv?: string }>
> = {
  __proto__: null as never,
  RS256: { alg: 'RS256', kty: 'RSA' },
  ES256: { alg: 'ES256', kty: 'EC', crv: 'P-256' },
  EdDSA: { alg: 'EdDSA', kty: 'OKP', crv: 'Ed25519' },
};

/** The algorithms of DPoP proofs, with the members of their public keys (RFC 7518 §6, RFC 8037 §2). Symmetric algorithms are not supported. */
export const PROOF_ALGORITHMS: Readonly<
  Record<string, { readonly kty: string; readonly crv?: string; readonly members: readonly string[] }>
> = {
  __proto__: null as never,
  ES256: { kty: 'EC', crv: 'P-256', members: ['x', 'y'] },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', members: ['x'] },
  RS256: { kty: 'RSA', members: ['n', 'e'] },
  PS256: { kty: 'RSA', members: ['n', 'e'] },
};
