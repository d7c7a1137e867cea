import { randomBytes } from 'node:crypto';
import { ExpressAuth } from '@auth/express';
import express from 'express';

/** An app as the documentation of Auth.js has it, with Signet as a custom provider. */
export function appOf(issuer, clientId, clientSecret) {
  const app = express();
  app.set('trust proxy', true);
  const signet = { id: 'signet', name: 'Signet', type: 'oidc', issuer, clientId, clientSecret };
  const secret = randomBytes(32).toString('base64');
  app.use(
    '/auth',
    ExpressAuth({ secret, trustHost: true, providers: [{ ...signet, checks: ['pkce', 'state', 'nonce'] }] }),
  );
  return app;
}
