import { getLiveKey, listKeys, requiredAlgorithms, revokeKey } from '../../tokens/index.ts';
import { type DatabaseCommand, isSet } from '../command.ts';
import { fields, when } from './text.ts';

export const keysRevoke: DatabaseCommand = {
  kind: 'database',
  name: 'keys revoke',
  summary: 'Take a signing key away at once, with everything that it has signed',
  usage: 'KID [--yes]   (without --yes it asks for the key once more)',
  options: { yes: { type: 'boolean' } },
  words: { min: 1, max: 1 },
  confirm: (input) => input.positionals[0] as string,
  async run(context, input) {
    const em = context.db.fork();
    const key = await getLiveKey(em, input.positionals[0] as string);
    const { kid, alg, state } = key;
    if (!isSet(input, 'yes')) {
      const isAsked = state === 'current' && (await requiredAlgorithms(em)).has(alg);
      const next = (await listKeys(em)).find((one) => one.alg === alg && one.state === 'next');
      const replaced = next
        ? `${next.kid}, which is published already`
        : 'a new key, which no verifier has fetched yet';
      return {
        data: { kid, alg, state, revoked: false },
        text: fields([
          ['Key', `${kid} (${alg}, ${state}, made ${when(key.createdAt)})`],
          [
            'Tokens',
            state === 'next'
              ? 'none: it has signed nothing'
              : 'refused here at once; a service that verifies locally refuses them when it fetches the keys again',
          ],
          ['Then signs', isAsked ? replaced : 'what signs now'],
          ['Its private half', 'is erased. It cannot be undone.'],
        ]),
      };
    }
    await revokeKey(context.db.fork(), context.audit(), context.masterKey(), kid);
    const current = (await listKeys(context.db.fork())).find((one) => one.alg === alg && one.state === 'current');
    const signs = current ? `${alg} is signed by ${current.kid}.` : `Nobody asks for ${alg}, so nothing signs it.`;
    return {
      data: { kid, alg, state: 'gone', revoked: true, signs: current?.kid ?? null },
      text: `Revoked the ${alg} key ${kid}: it is not published any more, and what it signed is refused. ${signs}`,
    };
  },
};
