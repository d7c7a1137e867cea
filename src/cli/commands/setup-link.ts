import { deriveKey } from '../../platform/digest.ts';
import { Failure } from '../../platform/errors.ts';
import { createSetupSecret, type DeriveSecret } from '../../signin/index.ts';
import type { RunOnDatabase } from '../command.ts';

/** The setup secret of development mode, derived so that `sample` and every start can show the link again. */
export function derivedSetupSecret(masterKey: Buffer): DeriveSecret {
  return (nonce) => deriveKey(masterKey, `setup:${nonce}`).toString('base64url');
}

export function setupUrl(issuer: string, secret: string): string {
  return `${issuer}/setup?token=${secret}`;
}

export const setupLink: RunOnDatabase = async ({ db, clock, config, issuer, masterKey }) => {
  const url = issuer();
  const derive = config.mode === 'development' ? derivedSetupSecret(masterKey()) : undefined;
  const secret = await createSetupSecret(db.fork(), clock.now(), derive);
  if (secret === null)
    throw new Failure(
      'conflict',
      'There is already a superuser, so there is no setup link. To create another superuser: npx signet createsuperuser',
    );
  return { data: { setup_url: setupUrl(url, secret) }, text: setupUrl(url, secret) };
};
