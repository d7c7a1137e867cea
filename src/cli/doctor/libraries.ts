import { type Client, clientSettings, listClients } from '../../oauth/index.ts';
import { type Api, listApis } from '../../permissions/index.ts';
import type { Database } from '../../platform/database/index.ts';
import type { KeyRing } from '../../tokens/index.ts';
import { type Check, note } from './check.ts';

/** Settings that are right, and that well-known libraries refuse. */
export async function checkLibraries({ db, keys }: { db: Database; keys: KeyRing }): Promise<Check[]> {
  const name = 'libraries';
  const apis = await listApis(db.fork());
  const checks: Check[] = [];
  const typed = apis.filter((one) => one.typ === 'at+jwt' && !one.isBuiltin);
  if (typed.length > 0)
    checks.push(
      note(
        name,
        `Tokens for ${audiences(typed)} have typ at+jwt (RFC 9068), which Spring Security and libjwt refuse unless told otherwise.`,
        'Where one of these verifies: npx signet api update AUDIENCE --typ JWT',
      ),
    );
  const edwards = apis.filter((one) => one.alg === 'EdDSA');
  if (edwards.length > 0)
    checks.push(
      note(
        name,
        `Tokens for ${audiences(edwards)} are signed with EdDSA, which jsonwebtoken and the getPublicKey of get-jwks (Node) do not know.`,
        'Where it verifies: npx signet api update AUDIENCE --alg ES256, or verify with jose.',
      ),
    );
  const clients = (await listClients(db.fork())).filter((one) => one.isActive);
  const edwardsClients = clients.filter((one) => clientAlgorithmNames(one).includes('EdDSA'));
  if (edwardsClients.length > 0)
    checks.push(
      note(
        name,
        `ID tokens or userinfo for ${named(edwardsClients.map((one) => one.name))} are signed with EdDSA, which many client libraries do not know.`,
        'Where it fails: npx signet client update ID --id-token-alg RS256 --userinfo-alg none',
      ),
    );
  const published = JSON.parse(keys.jwks().body.toString('utf8')) as { keys: { alg: string }[] };
  const algorithms = [...new Set(published.keys.map((one) => one.alg))];
  const others = [
    ...apis.filter((one) => one.alg !== 'RS256').map((one) => one.audience),
    ...clients.filter((one) => clientAlgorithmNames(one).some((alg) => alg !== 'RS256')).map((one) => one.name),
  ];
  if (algorithms.length > 1)
    checks.push(
      note(
        name,
        `The JWKS has keys for ${algorithms.join(', ')}${others.length > 0 ? ` (asked for by ${named(others)})` : ''}: python-jose, given all of it, fails at the first key of another type.`,
        'Where it verifies, give it the one key that has the kid of the token, or keep to one algorithm.',
      ),
    );
  return checks;
}

function clientAlgorithmNames(client: Client): string[] {
  const { idTokenAlg, userinfoAlg } = clientSettings(client);
  return [idTokenAlg, ...(userinfoAlg ? [userinfoAlg] : [])];
}

function audiences(apis: readonly Api[]): string {
  return named(apis.map((one) => one.audience));
}

/** The first few. */
function named(names: readonly string[]): string {
  return `${names.slice(0, 5).join(', ')}${names.length > 5 ? ' and others' : ''}`;
}
