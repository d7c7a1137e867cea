/** How strongly somebody was authenticated (OIDC Core §2), weakest first; each is reached by what `amr` lists. */
export const ACR_VALUES = ['urn:signet:acr:1fa'] as const;

/** The class of a session's methods (RFC 8176). One factor is all there is today. */
export function readAcr(_amr: readonly string[]): (typeof ACR_VALUES)[number] {
  return ACR_VALUES[0];
}
