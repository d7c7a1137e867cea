import { readConfig, readMasterKey } from '../../platform/config/index.ts';
import { Failure } from '../../platform/failure.ts';
import { isSet, type LocalCommand } from '../command.ts';
import { issuerOf } from '../context.ts';
import { findSample } from '../sample.ts';
import { serve, untilSignal } from '../serve.ts';
import { version } from '../version.ts';

/** `signet start`: production. Makes nothing up: what is missing is named, with its remedy. */
export const start: LocalCommand = {
  kind: 'local',
  name: 'start',
  summary: 'Run in production mode',
  usage: '[--embedded]',
  options: { embedded: { type: 'boolean' } },
  words: { min: 0, max: 0 },
  async run({ commands, environment, print }, input) {
    const config = readConfig('production', environment);
    const issuer = issuerOf(config);
    const isEmbedded = isSet(input, 'embedded');
    if (config.databaseUrl === undefined && !isEmbedded)
      throw new Failure(
        'usage',
        'DATABASE_URL is not set. Set it to a PostgreSQL, or add --embedded to use the embedded database (one process, small sites).',
      );
    if (config.databaseUrl !== undefined && isEmbedded)
      throw new Failure('usage', 'DATABASE_URL and --embedded exclude each other. Keep one of them.');
    const masterKey = readMasterKey(config);
    if (!masterKey)
      throw new Failure(
        'usage',
        `There is no master key. Set SIGNET_MASTER_KEY_FILE to the one of this database; for a new database, npx signet migrate makes ${config.keysDir}/master.key.`,
      );

    const running = await serve(config, issuer, commands, async (db) => {
      const pending = await db.migrations.pending();
      if (pending.length > 0)
        throw new Failure(
          'failed',
          `The database lacks ${pending.length} migration(s): ${pending.join(', ')}. Run: npx signet migrate`,
        );
      if (await findSample(db.fork()))
        throw new Failure('failed', 'The database holds the development sample. Remove it: npx signet sample --remove');
      return masterKey;
    });
    if (issuer.startsWith('http:'))
      running.log.warn('SIGNET_ISSUER is http: good for trials on this machine, never for users');
    if (isEmbedded) running.log.warn('the embedded database serves one process; back up the data folder while stopped');
    print(`Signet ${version} · production · ${issuer} · listening on ${config.host}:${config.port}\n`);
    await untilSignal(running, () => running.log.info('stopping'));
    return undefined;
  },
};
