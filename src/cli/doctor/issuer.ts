import { type Check, fail, note, ok, warn } from './check.ts';

const NAME = 'issuer';

/** Checks the issuer itself: verifiers compare it byte by byte, and many normalise it with a URL parser first. */
export function checkIssuer(issuer: string, isProduction: boolean): Check {
  const url = URL.parse(issuer);
  if (!url) return fail(NAME, `${issuer} is no URL.`, 'Set SIGNET_ISSUER to the public https URL of this server.');
  const parsed = url.href.replace(/\/$/, '');
  if (parsed !== issuer)
    return fail(
      NAME,
      `${issuer} is ${parsed} to whoever parses it, so that strict verifiers refuse its tokens.`,
      `Set SIGNET_ISSUER=${parsed}. Sessions stay; tokens are issued anew within minutes.`,
    );
  if (/%|\/\//.test(url.pathname))
    return fail(
      NAME,
      `The path of ${issuer} has empty or encoded parts, which proxies and verifiers read in different ways.`,
      'Set SIGNET_ISSUER to a URL with a plain path, best with none.',
    );
  if (url.protocol !== 'https:' && isProduction)
    return warn(
      NAME,
      `${issuer} is http: good for trials on this machine, never for users.`,
      'Put a TLS proxy in front and set SIGNET_ISSUER to its https URL.',
    );
  if (url.pathname !== '/')
    return note(
      NAME,
      `${issuer} has a path: its metadata is at ${url.origin}/.well-known/oauth-authorization-server${url.pathname} too (RFC 8414 §3.1).`,
      'Let the proxy pass that address here as well.',
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
      `${issuer} could not be asked from here (${why}).`,
      'Start the server, or look from where its users are.',
    );
  }
  if (metadata.issuer !== issuer)
    return fail(
      name,
      `The server at ${issuer} calls itself ${JSON.stringify(metadata.issuer)}.`,
      'Give this command and the server the same SIGNET_ISSUER.',
    );
  if (!kids.includes(kid))
    return fail(
      name,
      `The server at ${issuer} does not publish the current signing key ${kid}.`,
      'Give this command and the server the same DATABASE_URL; then restart the server.',
    );
  const { origin, pathname } = new URL(issuer);
  const inserted = `${origin}/.well-known/oauth-authorization-server${pathname}`;
  if (pathname !== '/' && !(await document(inserted).catch(() => null)))
    return warn(
      name,
      `${issuer} answers, but not ${inserted}, where OAuth clients look (RFC 8414 §3.1).`,
      'Let the proxy pass that address here as well: deploy/README.md, "Below a path".',
    );
  return ok(name, `${issuer} answers, calls itself so, and publishes the current key.`);
}
