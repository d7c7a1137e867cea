/** What proofs are signed by, and the members of its public keys (RFC 7518 §6, RFC 8037 §2). Nothing symmetric is here. */
export const PROOF_ALGORITHMS: Readonly<
  Record<string, { readonly kty: string; readonly crv?: string; readonly members: readonly string[] }>
> = {
  __proto__: null as never,
  ES256: { kty: 'EC', crv: 'P-256', members: ['x', 'y'] },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', members: ['x'] },
  RS256: { kty: 'RSA', members: ['n', 'e'] },
  PS256: { kty: 'RSA', members: ['n', 'e'] },
};
