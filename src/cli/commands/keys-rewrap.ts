import { parseMasterKey } from '../../platform/config/index.ts';
import { Failure } from '../../platform/errors.ts';
import { oneLine } from '../../platform/text-file.ts';
import { rewrapKeys } from '../../tokens/index.ts';
import type { DatabaseCommand } from '../command.ts';
import { counted } from './text.ts';

export const keysRewrap: DatabaseCommand = {
  kind: 'database',
  name: 'keys rewrap',
  summary: 'Change the master key: seal the signing keys, which stay the same, under another one',
  usage: 'FILE   (FILE holds the new master key: openssl rand -hex 32 > FILE; the settings give the old one)',
  words: { min: 1, max: 1 },
  fileAt: 0,
  async run(context, input) {
    if (!input.file) throw new Failure('usage', 'The file is missing.');
    const to = parseMasterKey(oneLine(input.file.text, input.file.name, 'key'), input.file.name);
    const count = await rewrapKeys(context.db.fork(), context.audit(), context.masterKey(), to);
    const lines = [
      `${counted(count, 'signing key')} sealed under the new master key; tokens stay good.`,
      `Now replace the old master key (${context.config.sources.masterKey === 'default' ? `${context.config.keysDir}/master.key` : context.config.sources.masterKey}) on every server, and restart each: a running server keeps the keys it has open, and cannot start with the old master key.`,
      'Refresh tokens are made under a key derived from the master key: they are refused once the servers have the new one, and people sign in again.',
      'Keep the old one for as long as you keep backups from before.',
    ];
    return { data: { rewrapped: count }, text: lines.join('\n') };
  },
};
