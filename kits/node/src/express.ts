import type { Demand } from './demand.ts';
import { type GuardedRequest, guardRequest } from './guard.ts';
import type { Verifier } from './verifier.ts';

export { userOf } from './guard.ts';

interface Response {
  writeHead(status: number, headers: Record<string, string>): { end(body: string): unknown };
}

/** Returns a middleware that passes requests which meet the demand, and sends the error for others. */
export function guard(verifier: Pick<Verifier, 'admit'>, demand: Demand = {}) {
  return async (request: GuardedRequest, response: Response, next: (error?: unknown) => void): Promise<void> => {
    try {
      const refusal = await guardRequest(verifier, demand, request, request);
      if (!refusal) return next();
      response.writeHead(refusal.status, { ...refusal.headers }).end(JSON.stringify(refusal.body));
    } catch (error) {
      next(error);
    }
  };
}
