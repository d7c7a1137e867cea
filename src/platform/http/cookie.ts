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
  const { name, attributes, read } = hostCookie(issuer, 'signet_session');
  return {
    name,
    read,
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
  const { name, attributes, read } = hostCookie(issuer, 'signet_flow');
  return { read, write: (reply, secret) => void reply.setCookie(name, secret, attributes) };
}

function hostCookie(issuer: string, plainName: string) {
  const secure = issuer.startsWith('https:');
  const name = secure ? `__Host-${plainName}` : plainName;
  return {
    name,
    attributes: { path: '/', httpOnly: true, secure, sameSite: 'lax' } as const,
    // 256 bits, base64url; any other value is not ours.
    read(request: FastifyRequest): string | null {
      const value = request.cookies[name];
      return value !== undefined && /^[\w-]{43}$/.test(value) ? value : null;
    },
  };
}
