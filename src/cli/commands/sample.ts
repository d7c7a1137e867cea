import { Failure } from '../../platform/errors.ts';
import { findSample, listSampleClients, listSampleUsers, removeSample, SAMPLE_API } from '../../server/sample.ts';
import { readSetupSecret } from '../../signin/index.ts';
import { isSet, type RunOnDatabase } from '../command.ts';
import { derivedSetupSecret, setupUrl } from './setup-link.ts';

export const sample: RunOnDatabase = async (context, input) => {
  const { db, clock, audit } = context;
  const state = await findSample(db.fork());
  if (!state)
    throw new Failure('notFound', 'There is no sample in this database. Development mode makes one: npm start');
  if (isSet(input, 'remove')) {
    await removeSample(db.fork(), audit(), state);
    return { data: { removed: true }, text: 'The sample is removed.' };
  }
  const users = await listSampleUsers(db.fork(), state, await context.passwords(), context.masterKey());
  // Only development mode creates a sample, so its address is shown; `start` refuses a database with a sample.
  const { config } = context;
  const issuer =
    config.mode === 'development' ? context.issuer() : (config.issuer ?? `http://localhost:${config.port}`);
  const secret = await readSetupSecret(db.fork(), clock.now(), derivedSetupSecret(context.masterKey()));
  const setup = secret === null || secret === 'hidden' ? null : setupUrl(issuer, secret);
  const clients = await listSampleClients(db.fork(), state, context.masterKey(), clock.now());
  const lines = users.map((user) => `${user.username} / ${user.password ?? '(changed)'}`);
  return {
    data: { issuer, api: SAMPLE_API, users, clients, setup_url: setup },
    text: [
      `Issuer  ${issuer}`,
      `API     ${SAMPLE_API}`,
      ...lines.map((line) => `User    ${line}`),
      ...clients.map(
        (client) => `Client  ${client.client_id} / ${client.client_secret ?? '(changed)'} (${client.preset})`,
      ),
      ...(setup ? [`Setup   ${setup}`] : []),
      ...(secret === 'hidden'
        ? ['Setup   a link was made before (for a new one, which replaces it: npx signet setup-link)']
        : []),
    ].join('\n'),
  };
};
