import { ask } from '../load/ask.ts';
import { request } from '../load/request.ts';
import type { Server } from '../servers/server.ts';

/** Codes, tokens or sessions that a peer's own models made, by a path that the bench gives it: no sign-in of people is measured. */
export async function seeded(
  { port }: Server,
  kind: 'codes' | 'refresh-tokens' | 'access-tokens' | 'sessions',
  count: number,
  asked: Record<string, string>,
): Promise<string[]> {
  const query = new URLSearchParams({ ...asked, count: String(count) });
  return JSON.parse((await ask(port, request('GET', `/bench/${kind}?${query}`))).body);
}
