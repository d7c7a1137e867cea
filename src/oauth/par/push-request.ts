import { type Parameters, parseParameters } from '../authorize/parameters.ts';
import { type AuthorizeEndpoint, checkRequest, resolveRequest } from '../authorize/request.ts';
import { PUSHED_SECONDS, storePushed } from '../authorize/stored-request.ts';
import { authenticateClient, type PresentedClient } from '../client-auth.ts';
import type { Proofs } from '../dpop/proofs.ts';
import { oauthError } from '../errors.ts';
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
 * Stores a pushed authorization request (RFC 9126 §2.1). The client authenticates as at the token endpoint. The request
 * is validated here, so later errors are rare, and its parameters never travel through a browser.
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
  if (uri !== undefined) throw oauthError('request_uri_pushed');
  const parameters = parseParameters(Object.entries({ ...form, client_id: client.clientId }));
  const resolvedRequest = resolveRequest(client, parameters, true);
  // FAPI 2.0 Security Profile 5.3.2.2: required in every request, even if the client has one redirect URI only.
  if (client.settings.requirePushed && resolvedRequest.sentRedirectUri === null)
    throw oauthError('redirect_uri_required');
  await checkRequest(endpoint, resolvedRequest);
  // Before the proof, which is stored as a row too.
  await enforceRateLimit(endpoint, { kind: 'pushed', ip, client }, now);
  const stored = withKey(parameters, await proofKey(endpoint, presented.dpop, now));
  return { request_uri: await storePushed(db, client, stored, now), expires_in: PUSHED_SECONDS };
}

/** RFC 9449 §10.1: a proof in the request names the key that the code is bound to. */
async function proofKey({ proofs, issuer }: ParEndpoint, proof: string | undefined, now: Date): Promise<string | null> {
  if (proof === undefined) return null;
  return (await proofs.check(proof, { method: 'POST', url: `${issuer}/oauth2/par` }, now)).jkt;
}

function withKey(parameters: Parameters, jkt: string | null): Parameters {
  if (jkt === null) return parameters;
  const { dpop_jkt: sent = jkt } = parameters.values;
  if (sent !== jkt) throw oauthError('proof_of_other_key');
  return { ...parameters, values: { ...parameters.values, dpop_jkt: jkt } };
}
