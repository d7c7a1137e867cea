import { createSetupSecret } from '../../identity/index.ts';
import { Failure } from '../../platform/failure.ts';
import type { DatabaseCommand } from '../command.ts';

export function setupUrl(issuer: string, secret: string): string {
  return `${issuer}/setup?token=${secret}`;
}

export const setupLink: DatabaseCommand = {
  kind: 'database',
  name: 'setup-link',
  summary: 'A new link to create the first administrator; ends the one before',
  usage: '',
  words: { min: 0, max: 0 },
  async run({ db, clock, issuer }) {
    const url = issuer();
    const secret = await createSetupSecret(db.fork(), clock.now());
    if (secret === null)
      throw new Failure('conflict', 'There is a superuser already. More are made with: npx signet createsuperuser');
    return { data: { setup_url: setupUrl(url, secret) }, text: setupUrl(url, secret) };
  },
};
