import type { GuardedFetch } from '../../platform/fetch/index.ts';
import type { FetchJson } from './remote-keys.ts';

/** RFC 7517 §8.5.1; many serve it as plain JSON. */
const ACCEPT = 'application/jwk-set+json, application/json';

/** A client's key set (RFC 7517 §5), by the fetch that goes to no address that nobody outside should name. */
export function keySetFetch(fetch: GuardedFetch): FetchJson {
  return async (url) => {
    const { status, body } = await fetch({ url, accept: ACCEPT });
    if (status !== 200) throw new Error(`the address of the keys answers ${status}`);
    return JSON.parse(body.toString('utf8')) as unknown;
  };
}
