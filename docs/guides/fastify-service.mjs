import fastify from 'fastify';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const { SIGNET_ISSUER: issuer, PORT = '3000' } = process.env;
const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
const rules = { issuer, audience: 'polls', typ: 'at+jwt', algorithms: ['RS256'] };
const hasPerm = (claims, name) => claims.is_superuser || (claims.permissions ?? []).includes(name);

const needs = (name) => async (request, reply) => {
  const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const challenge = token ? 'Bearer error="invalid_token"' : 'Bearer';
  const { payload: claims } = await jwtVerify(token ?? '', keys, rules).catch(() => ({}));
  // A token that is bound to a key (cnf, RFC 9449) is worth nothing without its proof, which is not checked here.
  if (!claims || claims.cnf) return reply.code(401).header('www-authenticate', challenge).send();
  if (!hasPerm(claims, name)) return reply.code(403).send({ error: `this needs ${name}` });
  request.claims = claims;
};

const app = fastify();
const holderOf = (claims) => claims.username ?? claims.client_id;
app.post('/choices', { preHandler: needs('polls.add_choice') }, async ({ claims }) => ({ added_by: holderOf(claims) }));
await app.listen({ port: Number(PORT) });
