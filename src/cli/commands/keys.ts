import { parseMasterKey } from '../../platform/config/index.ts';
import { Failure } from '../../platform/errors.ts';
import { oneLine } from '../../platform/text-file.ts';
import { readRotationPolicy } from '../../server/options.ts';
import {
  getLiveKey,
  listKeys,
  requiredAlgorithms,
  revokeKey,
  rewrapKeys,
  rotateKeys,
  type SigningKey,
} from '../../tokens/index.ts';
import { type DatabaseCommand, isSet } from '../command.ts';
import { oneOf } from './options.ts';
import { fields, instant, pluralize, rows, when } from './text.ts';

export const keysList: DatabaseCommand = {
  kind: 'database',
  name: 'keys list',
  summary: 'The signing keys, newest first: next, current, retiring, gone',
  usage: '',
  args: { min: 0, max: 0 },
  async run({ db }) {
    const keys = await listKeys(db.fork());
    return {
      data: { keys: keys.map(wireKey) },
      text:
        keys.length === 0
          ? 'There is no signing key yet. The server makes one when it starts.'
          : rows(
              ['KID', 'ALG', 'STATE', 'WHEN'],
              keys.map((key) => [key.kid, key.alg, key.state, stateText(key)]),
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
  args: { min: 0, max: 0 },
  async run(context, input) {
    const alg = oneOf(input, 'alg', ['RS256', 'ES256', 'EdDSA']);
    const isNow = isSet(input, 'now');
    const { leadSeconds } = readRotationPolicy(context.config);
    await rotateKeys(context.db.fork(), context.audit(), context.masterKey(), { leadSeconds, isNow, alg });
    const keys = (await listKeys(context.db.fork())).filter(
      (key) => key.state === (isNow ? 'current' : 'next') && (alg === undefined || key.alg === alg),
    );
    const lines = keys.map((key) =>
      isNow
        ? `${key.alg}: ${key.kid} signs now. The previous key stays published, so that its tokens verify.`
        : `${key.alg}: ${key.kid} is published, and signs from ${when(key.activateAt)} on.`,
    );
    if (isNow)
      lines.push(
        'A verifier that fetched the keys a moment ago may refuse new tokens until it fetches them again: jose after 30 seconds, a cache after at most 300.',
      );
    return { data: { keys: keys.map(wireKey) }, text: lines.join('\n') };
  },
};

function wireKey(key: SigningKey) {
  return {
    kid: key.kid,
    alg: key.alg,
    state: key.state,
    created_at: instant(key.createdAt),
    published_at: instant(key.publishedAt),
    activate_at: instant(key.activateAt),
    activated_at: instant(key.activatedAt),
    retire_at: instant(key.retireAt),
  };
}

function stateText({ state, activateAt, activatedAt, createdAt, retireAt }: SigningKey): string {
  if (state === 'next') return `signs from ${when(activateAt)} on`;
  if (state === 'current') return `signs since ${when(activatedAt ?? createdAt)}`;
  return state === 'retiring' ? `verifies until ${when(retireAt)}` : `gone since ${when(retireAt)}`;
}

export const keysRevoke: DatabaseCommand = {
  kind: 'database',
  name: 'keys revoke',
  summary: 'Remove a signing key at once, with every token that it has signed',
  usage: 'KID [--yes]   (without --yes it asks for the key once more)',
  options: { yes: { type: 'boolean' } },
  args: { min: 1, max: 1 },
  confirm: (input) => input.positionals[0] as string,
  async run(context, input) {
    const em = context.db.fork();
    const key = await getLiveKey(em, input.positionals[0] as string);
    const { kid, alg, state } = key;
    if (!isSet(input, 'yes')) {
      const isInUse = state === 'current' && (await requiredAlgorithms(em)).has(alg);
      const next = (await listKeys(em)).find((key) => key.alg === alg && key.state === 'next');
      const successorText = next
        ? `${next.kid}, which is published already`
        : 'a new key, which no verifier has fetched yet';
      return {
        data: { kid, alg, state, revoked: false },
        text: fields([
          ['Key', `${kid} (${alg}, ${state}, made ${when(key.createdAt)})`],
          [
            'Tokens',
            state === 'next'
              ? 'none: the key has signed nothing'
              : 'refused here at once; a service that verifies locally refuses them when it fetches the keys again',
          ],
          ['Next key', isInUse ? successorText : 'the key that signs now'],
          ['Private half', 'is erased. This cannot be undone.'],
        ]),
      };
    }
    await revokeKey(context.db.fork(), context.audit(), context.masterKey(), kid);
    const current = (await listKeys(context.db.fork())).find((key) => key.alg === alg && key.state === 'current');
    const signs = current
      ? `${current.kid} signs ${alg} now.`
      : `No API and no client uses ${alg}, so it has no key now.`;
    return {
      data: { kid, alg, state: 'gone', revoked: true, signs: current?.kid ?? null },
      text: `Revoked the ${alg} key ${kid}: it is no longer published, and its tokens are refused. ${signs}`,
    };
  },
};

export const keysRewrap: DatabaseCommand = {
  kind: 'database',
  name: 'keys rewrap',
  summary: 'Change the master key: seal the signing keys, which stay the same, under another one',
  usage: 'FILE   (FILE has the new master key: openssl rand -hex 32 > FILE; the settings have the old one)',
  args: { min: 1, max: 1 },
  fileArgument: 0,
  async run(context, input) {
    if (!input.file) throw new Failure('usage', 'The file is missing.');
    const to = parseMasterKey(oneLine(input.file.text, input.file.name, 'key'), input.file.name);
    const count = await rewrapKeys(context.db.fork(), context.audit(), context.masterKey(), to);
    const lines = [
      `${pluralize(count, 'signing key')} sealed under the new master key. Access tokens stay valid.`,
      `Now replace the old master key (${context.config.sources.masterKey === 'default' ? `${context.config.keysDir}/master.key` : context.config.sources.masterKey}) on every server, and restart each: a running server continues with its open keys, but cannot start with the old master key.`,
      'Refresh tokens depend on the master key: servers with the new one refuse them, and users sign in again.',
      'Keep the old master key for as long as you keep older backups.',
    ];
    return { data: { rewrapped: count }, text: lines.join('\n') };
  },
};
