import { type Check, fail, note, ok, warn } from './check.ts';

const NAME = 'issuer';

/** Checks the issuer itself: verifiers compare it byte by byte, and many normalise it with a URL parser first. */
export function checkIssuer(issuer: string, isProduction: boolean): Check {
  const url = URL.parse(issuer);
  if (!url) return fail(NAME, `${issuer} is not a URL.`, 'Set SIGNET_ISSUER to the public https URL of this server.');
  const parsed = url.href.replace(/\/$/, '');
  if (parsed !== issuer)
    return fail(
      NAME,
      `A URL parser reads ${issuer} as ${parsed}, so strict verifiers refuse its tokens.`,
      `Set SIGNET_ISSUER=${parsed}. Sessions stay; clients get new tokens within minutes.`,
    );
  if (/%|\/\//.test(url.pathname))
    return fail(
      NAME,
      `The path of ${issuer} has empty or encoded parts, which proxies and verifiers read in different ways.`,
      'Set SIGNET_ISSUER to a URL with a plain path, or best without a path.',
    );
  if (url.protocol !== 'https:' && isProduction)
    return warn(
      NAME,
      `${issuer} is http. Use it for tests on this machine only, never for users.`,
      'Put a TLS proxy in front and set SIGNET_ISSUER to its https URL.',
    );
  if (url.pathname !== '/')
    return note(
      NAME,
      `${issuer} has a path, so its metadata is also at ${url.origin}/.well-known/oauth-authorization-server${url.pathname} (RFC 8414 §3.1).`,
      'Let the proxy send that address to Signet, too.',
    );
  return ok(NAME, `${issuer}${isProduction ? '' : ' (development)'}`);
}

interface Metadata {
  readonly issuer?: unknown;
  readonly jwks_uri?: unknown;
}

/**
 * Asks the server at the issuer for its metadata and keys. A server that cannot be reached from here may work for others, so that is a
 * note; a different issuer is a failure.
 */
export async function checkServed(issuer: string, kid: string, get: typeof fetch = fetch): Promise<Check> {
  const name = 'served';
  const document = async <T>(url: string): Promise<T> => {
    const response = await get(url, { signal: AbortSignal.timeout(3000), redirect: 'error' });
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    return (await response.json()) as T;
  };
  let metadata: Metadata;
  let kids: unknown[];
  try {
    metadata = await document(`${issuer}/.well-known/openid-configuration`);
    const { keys } = await document<{ keys: { kid?: unknown }[] }>(`${issuer}/.well-known/jwks.json`);
    kids = keys.map((key) => key.kid);
  } catch (error) {
    const why = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).message;
    return note(
      name,
      `The server at ${issuer} could not be reached from here (${why}).`,
      'Start the server, or run this command where its users are.',
    );
  }
  if (metadata.issuer !== issuer)
    return fail(
      name,
      `The server at ${issuer} has the issuer ${JSON.stringify(metadata.issuer)}.`,
      'Set the same SIGNET_ISSUER for this command and for the server.',
    );
  if (!kids.includes(kid))
    return fail(
      name,
      `The server at ${issuer} does not publish the current signing key ${kid}.`,
      'Set the same DATABASE_URL for this command and for the server, then restart the server.',
    );
  const { origin, pathname } = new URL(issuer);
  const inserted = `${origin}/.well-known/oauth-authorization-server${pathname}`;
  if (pathname !== '/' && !(await document(inserted).catch(() => null)))
    return warn(
      name,
      `${issuer} answers, but not ${inserted}, where OAuth clients look (RFC 8414 §3.1).`,
      'Let the proxy send that address to Signet, too: deploy/README.md, "Below a path".',
    );
  return ok(name, `The server at ${issuer} answers with this issuer, and publishes the current key.`);
}
