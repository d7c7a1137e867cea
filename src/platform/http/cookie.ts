import type {} from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** The session cookie. `__Host-` binds it to this host over https; plain http is for loopback only. */
export interface SessionCookie {
  readonly name: string;
  read(request: FastifyRequest): string | null;
  write(reply: FastifyReply, token: string, maxAgeSeconds: number): void;
  clear(reply: FastifyReply): void;
}

export function sessionCookie(issuer: string): SessionCookie {
  const secure = issuer.startsWith('https:');
  const name = secure ? '__Host-signet_session' : 'signet_session';
  const attributes = { path: '/', httpOnly: true, secure, sameSite: 'lax' } as const;
  return {
    name,
    // 256 bits, base64url; any other value is not ours.
    read: (request) => (/^[\w-]{43}$/.test(request.cookies[name] ?? '') ? (request.cookies[name] as string) : null),
    write: (reply, token, maxAgeSeconds) => void reply.setCookie(name, token, { ...attributes, maxAge: maxAgeSeconds }),
    clear: (reply) => void reply.clearCookie(name, attributes),
  };
}

/** A browser-session cookie that identifies the browser, not the user. */
export interface BrowserCookie {
  read(request: FastifyRequest): string | null;
  write(reply: FastifyReply, secret: string): void;
}

export function flowCookie(issuer: string): BrowserCookie {
  const secure = issuer.startsWith('https:');
  const name = secure ? '__Host-signet_flow' : 'signet_flow';
  return {
    read: (request) => (/^[\w-]{43}$/.test(request.cookies[name] ?? '') ? (request.cookies[name] as string) : null),
    write: (reply, secret) =>
      void reply.setCookie(name, secret, { path: '/', httpOnly: true, secure, sameSite: 'lax' }),
  };
}
