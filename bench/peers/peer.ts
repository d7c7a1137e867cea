import { algorithmOf } from '../fixtures.ts';
import type { PlannedRequest } from '../load/request.ts';
import type { Server } from '../servers/server.ts';

/** What Signet and its peers are both asked. */
export type Work =
  | 'login'
  | 'session'
  | 'has_perm'
  | 'token-rs256'
  | 'token-es256'
  | 'token-opaque'
  | 'refresh-rs256'
  | 'refresh-es256'
  | 'introspect'
  | 'userinfo'
  | 'jwks'
  | 'discovery';

/** How a peer is asked for one kind of work. */
export interface Task {
  /** What it does otherwise than Signet, where it does; said in the table. */
  readonly but?: string;
  /** Where it is asked, when that is not the port of the server. */
  readonly port?: number;
  /** Made before each measurement: tokens expire, and one that was rotated is spent. */
  requests(): Promise<readonly PlannedRequest[]> | readonly PlannedRequest[];
  /** Throws where an answer is not what the row measures. */
  demand(answer: string): void;
}

/** A server of others that does some of Signet's work. */
export interface Peer {
  /** What the ids of its measurements begin with. */
  readonly id: string;
  readonly title: string;
  readonly server: Server;
  /** Where it has one. */
  readonly databaseUrl?: string;
  readonly tasks: Partial<Record<Work, Task>>;
}

export type Signed = 'RS256' | 'ES256';

/** Of every key that signs RS256. */
const RSA_BITS = 2048;

/** Of a token endpoint's answer: an access token of that kind, and a refresh token where one is due. */
export function demandToken(kind: Signed | 'opaque', options: { withRefresh?: boolean } = {}): Task['demand'] {
  return (answer) => {
    const { access_token, token_type, refresh_token } = fieldsOf(answer);
    if (typeof access_token !== 'string' || String(token_type).toLowerCase() !== 'bearer')
      throw new Error(`This is no answer with a bearer token: ${answer.slice(0, 300)}`);
    const is = kindOf(access_token);
    if (is !== kind) throw new Error(`A token is ${is} where the row measures ${kind}.`);
    if (options.withRefresh && typeof refresh_token !== 'string') throw new Error('There is no refresh token.');
  };
}

/** RFC 7662 §2.2: the token that was asked about is active. */
export const demandActive: Task['demand'] = (answer) => {
  if (fieldsOf(answer)['active'] !== true) throw new Error(`This token is not active: ${answer.slice(0, 300)}`);
};

/** OIDC Core §5.3.2, with the claims of the scopes `email` and `profile`. */
export const demandUser: Task['demand'] = (answer) => {
  const { sub, email } = fieldsOf(answer);
  if (typeof sub !== 'string' || typeof email !== 'string')
    throw new Error(`This says no user with an address: ${answer.slice(0, 300)}`);
};

/** A JSON document that has this member. */
export function demandMember(name: string): Task['demand'] {
  return (answer) => {
    if (fieldsOf(answer)[name] === undefined) throw new Error(`There is no ${name}: ${answer.slice(0, 300)}`);
  };
}

function kindOf(token: string): string {
  const [, , signature] = token.split('.');
  if (signature === undefined) return 'opaque';
  const alg = algorithmOf(token);
  // The cost of a signature is that of its key.
  const bits = Buffer.from(signature, 'base64url').length * 8;
  return alg === 'RS256' && bits !== RSA_BITS ? `RS256 with a key of ${bits} bits` : alg;
}

function fieldsOf(answer: string): Record<string, unknown> {
  const fields = read(answer);
  if (typeof fields !== 'object' || fields === null) throw new Error(`This is no JSON object: ${answer.slice(0, 300)}`);
  return fields as Record<string, unknown>;
}

function read(answer: string): unknown {
  try {
    return JSON.parse(answer);
  } catch {
    return undefined;
  }
}
