import { OAuthError } from '../../platform/http/index.ts';
import { type Parameters, parseParameters } from '../authorize/parameters.ts';
import { type AuthorizeEndpoint, checkRequest, resolveRequest } from '../authorize/request.ts';
import { PUSHED_SECONDS, storePushed } from '../authorize/stored-request.ts';
import { authenticateClient, type PresentedClient } from '../client-auth.ts';
import type { Proofs } from '../dpop/proofs.ts';
import { enforceRateLimit } from '../rate-limit.ts';

export interface ParEndpoint extends AuthorizeEndpoint {
  readonly proofs: Proofs;
}

/** RFC 9126 §2.2. */
export interface PushedResponse {
  readonly request_uri: string;
  readonly expires_in: number;
}

/**
 * A client pushes its authorization request (RFC 9126 §2.1): it authenticates as at the token endpoint, and hears here already
 * what would be refused later. What it has pushed never travels through a browser.
 */
export async function pushRequest(
  endpoint: ParEndpoint,
  presented: PresentedClient,
  ip: string,
): Promise<PushedResponse> {
  const { db, clients, clock } = endpoint;
  const now = clock.now();
  const caller = await authenticateClient(clients, presented, now, { allowPublic: true });
  const client = await caller.revalidate(null);
  const { request_uri: uri, ...form } = presented.form;
  // RFC 9126 §2.1.
  if (uri !== undefined) throw new OAuthError('invalid_request', 'request_uri cannot be pushed.');
  const said = parseParameters(Object.entries({ ...form, client_id: client.clientId }));
  const resolvedRequest = resolveRequest(client, said, true);
  // FAPI 2.0 Security Profile 5.3.2.2: said every time, also by a client that has one only.
  if (client.settings.requirePushed && resolvedRequest.sentRedirectUri === null)
    throw new OAuthError('invalid_request', 'redirect_uri is missing: this client says it with every request.', {
      reason: 'redirect_uri_missing',
    });
  await checkRequest(endpoint, resolvedRequest);
  // Before the proof, whose mark is a row too.
  await enforceRateLimit(endpoint, { kind: 'pushed', ip, client }, now);
  const given = withKey(said, await proofKey(endpoint, presented.dpop, now));
  return { request_uri: await storePushed(db, client, given, now), expires_in: PUSHED_SECONDS };
}

/** RFC 9449 §10.1: a proof that comes along says which key the code is for. */
async function proofKey({ proofs, issuer }: ParEndpoint, proof: string | undefined, now: Date): Promise<string | null> {
  if (proof === undefined) return null;
  return (await proofs.check(proof, { method: 'POST', url: `${issuer}/oauth2/par` }, now)).jkt;
}

function withKey(given: Parameters, jkt: string | null): Parameters {
  if (jkt === null) return given;
  const { dpop_jkt: said = jkt } = given.values;
  if (said !== jkt) throw new OAuthError('invalid_dpop_proof', 'The proof is by another key than dpop_jkt names.');
  return { ...given, values: { ...given.values, dpop_jkt: jkt } };
}
