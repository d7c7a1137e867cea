import type { Demand } from './demand.ts';
import { type GuardedRequest, guardRequest } from './guard.ts';
import type { Verifier } from './verifier.ts';

export { userOf } from './guard.ts';

interface Request {
  readonly raw: GuardedRequest;
}

interface Reply {
  code(status: number): Reply;
  headers(values: Record<string, string>): Reply;
  send(body: unknown): unknown;
}

/** Returns a `preHandler` (or `onRequest`) hook that passes requests which meet the demand, and sends the error for others. */
export function guard(verifier: Pick<Verifier, 'admit'>, demand: Demand = {}) {
  return async (request: Request, reply: Reply): Promise<unknown> => {
    const refusal = await guardRequest(verifier, demand, request, request.raw);
    if (refusal)
      return reply
        .code(refusal.status)
        .headers({ ...refusal.headers })
        .send(JSON.stringify(refusal.body));
    return undefined;
  };
}
