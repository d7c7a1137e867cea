import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';
import { CALLBACK } from '../support/flows.ts';

/** A site of clients: what it answers with can be set, and when; what it is asked is counted. */
export async function startSite(t: Test) {
  const site = {
    requestCount: 0,
    headers: { 'content-type': 'application/json' } as Record<string, string>,
    status: 200,
  };
  let opened: Promise<void> | null = null;
  let document: (url: string) => unknown = () => null;
  const answer: RequestListener = async (request, response) => {
    site.requestCount += 1;
    await opened;
    const body = document(`${url}${request.url}`);
    response.writeHead(site.status, site.headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  };
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(site, {
    url,
    /** Answers wait until what is answered here is called. */
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      opened = promise;
      return () => {
        opened = null;
        resolve();
      };
    },
    says: (next: typeof document) => {
      document = next;
    },
  });
}

export const standard = (client_id: string) => ({
  client_id,
  client_name: 'Assistant',
  redirect_uris: [CALLBACK, 'http://127.0.0.1/cb'],
  grant_types: ['authorization_code', 'refresh_token'],
  token_endpoint_auth_method: 'none',
});
