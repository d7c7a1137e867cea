import { clientSettings } from '../../oauth/client-settings/index.ts';
import { type Client, listClients } from '../../oauth/index.ts';
import { type Api, listApis } from '../../permissions/index.ts';
import type { Database } from '../../platform/database/index.ts';
import type { KeyRing } from '../../tokens/index.ts';
import { type Check, note } from './check.ts';

/** Finds valid settings that well-known libraries reject. */
export async function checkLibraries({ db, keys }: { db: Database; keys: KeyRing }): Promise<Check[]> {
  const name = 'libraries';
  const apis = await listApis(db.fork());
  const checks: Check[] = [];
  const typedApis = apis.filter((one) => one.typ === 'at+jwt' && !one.isBuiltin);
  if (typedApis.length > 0)
    checks.push(
      note(
        name,
        `Tokens for ${audiences(typedApis)} have typ at+jwt (RFC 9068), which Spring Security and libjwt refuse by default.`,
        'If one of these verifies the tokens: npx signet api update AUDIENCE --typ JWT',
      ),
    );
  const eddsaApis = apis.filter((one) => one.alg === 'EdDSA');
  if (eddsaApis.length > 0)
    checks.push(
      note(
        name,
        `Tokens for ${audiences(eddsaApis)} are signed with EdDSA, which jsonwebtoken and getPublicKey of get-jwks (Node) do not support.`,
        'If one of these verifies the tokens: npx signet api update AUDIENCE --alg ES256, or verify with jose.',
      ),
    );
  const clients = (await listClients(db.fork())).filter((one) => one.isActive);
  const eddsaClients = clients.filter((one) => clientAlgorithmNames(one).includes('EdDSA'));
  if (eddsaClients.length > 0)
    checks.push(
      note(
        name,
        `ID tokens or userinfo for ${joinNames(eddsaClients.map((one) => one.name))} are signed with EdDSA, which many client libraries do not support.`,
        'If a client fails: npx signet client update ID --id-token-alg RS256 --userinfo-alg none',
      ),
    );
  const published = JSON.parse(keys.jwks().body.toString('utf8')) as { keys: { alg: string }[] };
  const algorithms = [...new Set(published.keys.map((one) => one.alg))];
  const otherUsers = [
    ...apis.filter((one) => one.alg !== 'RS256').map((one) => one.audience),
    ...clients.filter((one) => clientAlgorithmNames(one).some((alg) => alg !== 'RS256')).map((one) => one.name),
  ];
  if (algorithms.length > 1)
    checks.push(
      note(
        name,
        `The JWKS has keys for ${algorithms.join(', ')}${otherUsers.length > 0 ? ` (used by ${joinNames(otherUsers)})` : ''}. python-jose fails at the first key of another type.`,
        'If it verifies the tokens, pass it only the key that has the kid of the token, or use one algorithm.',
      ),
    );
  return checks;
}

function clientAlgorithmNames(client: Client): string[] {
  const { idTokenAlg, userinfoAlg } = clientSettings(client);
  return [idTokenAlg, ...(userinfoAlg ? [userinfoAlg] : [])];
}

function audiences(apis: readonly Api[]): string {
  return joinNames(apis.map((one) => one.audience));
}

/** Joins the first few. */
function joinNames(names: readonly string[]): string {
  return `${names.slice(0, 5).join(', ')}${names.length > 5 ? ' and others' : ''}`;
}
