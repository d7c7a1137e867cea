import { readRotationPolicy } from '../../server/options.ts';
import { listKeys, rotateKeys, type SigningKey } from '../../tokens/index.ts';
import { type DatabaseCommand, isSet } from '../command.ts';
import { oneOf } from './options.ts';
import { instant, rows, when } from './text.ts';

export const keysList: DatabaseCommand = {
  kind: 'database',
  name: 'keys list',
  summary: 'The signing keys, newest first: next, current, retiring, gone',
  usage: '',
  words: { min: 0, max: 0 },
  async run({ db }) {
    const keys = await listKeys(db.fork());
    return {
      data: { keys: keys.map(wireKey) },
      text:
        keys.length === 0
          ? 'There is no signing key yet. The server makes one when it starts.'
          : rows(
              ['KID', 'ALG', 'STATE', 'WHEN'],
              keys.map((one) => [one.kid, one.alg, one.state, told(one)]),
            ),
    };
  },
};

export const keysRotate: DatabaseCommand = {
  kind: 'database',
  name: 'keys rotate',
  summary: 'Publish the next signing key; it signs after SIGNET_KEY_LEAD seconds. --now: at once, for an emergency',
  usage: '[--alg RS256|ES256|EdDSA] [--now]   (without --alg: every algorithm that is in use)',
  options: { alg: { type: 'string' }, now: { type: 'boolean' } },
  words: { min: 0, max: 0 },
  async run(context, input) {
    const alg = oneOf(input, 'alg', ['RS256', 'ES256', 'EdDSA']);
    const isNow = isSet(input, 'now');
    const { leadSeconds } = readRotationPolicy(context.config);
    await rotateKeys(context.db.fork(), context.audit(), context.masterKey(), { leadSeconds, isNow, alg });
    const keys = (await listKeys(context.db.fork())).filter(
      (one) => one.state === (isNow ? 'current' : 'next') && (alg === undefined || one.alg === alg),
    );
    const lines = keys.map((one) =>
      isNow
        ? `${one.alg}: ${one.kid} signs now; the key before it stays published for what it has signed.`
        : `${one.alg}: ${one.kid} is published, and signs from ${when(one.activateAt)} on.`,
    );
    if (isNow)
      lines.push(
        'A verifier that fetched the keys a moment ago may refuse new tokens until it fetches them again: jose does so after 30 seconds, a cache in between after 300 at the most.',
      );
    return { data: { keys: keys.map(wireKey) }, text: lines.join('\n') };
  },
};

function wireKey(one: SigningKey) {
  return {
    kid: one.kid,
    alg: one.alg,
    state: one.state,
    created_at: instant(one.createdAt),
    published_at: instant(one.publishedAt),
    activate_at: instant(one.activateAt),
    activated_at: instant(one.activatedAt),
    retire_at: instant(one.retireAt),
  };
}

function told({ state, activateAt, activatedAt, createdAt, retireAt }: SigningKey): string {
  if (state === 'next') return `signs from ${when(activateAt)} on`;
  if (state === 'current') return `signs since ${when(activatedAt ?? createdAt)}`;
  return state === 'retiring' ? `verifies until ${when(retireAt)}` : `gone since ${when(retireAt)}`;
}
