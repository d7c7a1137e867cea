import express from 'express';
import { auth } from 'express-oauth2-jwt-bearer';

const { SIGNET_ISSUER: issuer, PORT = '3000' } = process.env;
const jwksUri = `${issuer}/.well-known/jwks.json`;
const hasPerm = (claims, name) => claims.is_superuser || (claims.permissions ?? []).includes(name);

// A token that is bound to a key (RFC 9449) is worth nothing without its proof, which is not checked here.
const plainBearer = (req, res, next) =>
  req.auth.payload.cnf ? res.set('WWW-Authenticate', 'Bearer error="invalid_token"').sendStatus(401) : next();
const needs = (name) => (req, res, next) =>
  hasPerm(req.auth.payload, name) ? next() : res.status(403).json({ error: `this needs ${name}` });

const app = express();
app.use(auth({ issuer, jwksUri, audience: 'polls', tokenSigningAlg: 'RS256', strict: true, dpop: { enabled: false } }));
const holderOf = (claims) => claims.username ?? claims.client_id;
app.post('/choices', plainBearer, needs('polls.add_choice'), (req, res) =>
  res.json({ added_by: holderOf(req.auth.payload) }),
);
app.listen(Number(PORT), 'localhost');
