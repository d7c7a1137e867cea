import { parseMasterKey } from '../../platform/config/index.ts';
import { Failure } from '../../platform/failure.ts';
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
    const to = parseMasterKey(input.file.text.trim(), input.file.name);
    context.progress(
      'Refresh tokens are made under a key of the master key: once the servers have the new one, those of today are refused.',
    );
    const count = await rewrapKeys(context.db.fork(), context.stamp(), context.masterKey(), to);
    const lines = [
      `${counted(count, 'signing key')} sealed under the new master key; tokens stay good.`,
      'Refresh tokens are made under a key of the master key: they are refused once the servers have the new one, and people log in again.',
      `Now give it to every server (in the place of ${context.config.keysDir}/master.key, or by SIGNET_MASTER_KEY_FILE) and restart each: one that runs goes on with the keys it has open, and cannot start with the old master key.`,
      'Keep the old one for as long as you keep backups from before.',
    ];
    return { data: { rewrapped: count }, text: lines.join('\n') };
  },
};
