import type { SqlEntityManager } from '@mikro-orm/sql';
import { dryRunPublication, type Publication, publishCatalogue } from '../../oauth/index.ts';
import {
  type Api,
  type ApiFile,
  createApi,
  DocumentError,
  findApi,
  readApiFile,
  updateApi,
} from '../../permissions/index.ts';
import { Failure, isDomainError } from '../../platform/errors.ts';
import { issueText } from '../../ui/messages.ts';
import { type Context, type DatabaseCommand, type Input, isSet, type Output } from '../command.ts';
import { transaction } from '../context.ts';
import { toFailure } from '../messages.ts';
import { ensureSigningKey, withTypWarning } from './api-settings.ts';
import { names, pluralize } from './text.ts';

interface SyncResult extends Publication {
  readonly audience: string;
  readonly created: boolean;
}

export const apiSync: DatabaseCommand = {
  kind: 'database',
  name: 'api sync',
  summary: "Make an API's permissions and settings those of a file (YAML or JSON); --prune removes the rest",
  usage:
    'FILE [--prune [--yes]]   (FILE: {audience: polls, apps: {polls: {models: [question, choice], permissions: {publish_poll: Can publish poll}}}}; --prune says first whose permissions end)',
  options: { prune: { type: 'boolean' }, yes: { type: 'boolean' } },
  args: { min: 1, max: 1 },
  fileArgument: 0,
  confirm: (input) => (isSet(input, 'prune') ? readInputFile(input).audience : undefined),
  async run(context, input) {
    const file = readInputFile(input);
    const prune = isSet(input, 'prune');
    // A removed permission never comes back, so the effect is shown first.
    if (prune && !isSet(input, 'yes'))
      return syncOutput(
        file,
        await dryRunPublication(context.db.fork(), (tx) => sync(context, tx, file, prune)),
        false,
      );
    return syncOutput(file, await transaction(context, (tx) => sync(context, tx, file, prune)), true);
  },
};

function readInputFile({ file }: Input): ApiFile {
  if (!file) throw new Failure('usage', 'The file is missing.');
  try {
    return readApiFile(file.text);
  } catch (error) {
    if (error instanceof DocumentError) throw new Failure('usage', `${file.name}: ${issueLines(error)}`);
    if (isDomainError(error, 'document_unreadable'))
      throw new Failure('usage', `${file.name}: ${toFailure(error).message}`);
    throw error;
  }
}

const MAX_LINES = 20;

function issueLines({ issues }: DocumentError): string {
  const lines = issues.map((one) => `${one.path.join('.') || 'the document'} ${issueText(one)}.`);
  const more = lines.length > MAX_LINES ? [`and ${lines.length - MAX_LINES} more`] : [];
  return [...lines.slice(0, MAX_LINES), ...more].join('\n  ');
}

async function sync(context: Context, tx: SqlEntityManager, file: ApiFile, prune: boolean): Promise<SyncResult> {
  const audit = context.audit();
  const { api, created } = await findOrCreateApi(tx, context, file);
  const publication = await publishCatalogue(tx, audit, api, file.permissions, { prune });
  if (!created && Object.keys(file.settings).length > 0) await updateApi(tx, audit, api, file.settings);
  await ensureSigningKey(context, tx, { alg: file.settings.alg ?? api.alg });
  return { audience: api.audience, created, ...publication };
}

async function findOrCreateApi(
  tx: SqlEntityManager,
  context: Context,
  file: ApiFile,
): Promise<{ api: Api; created: boolean }> {
  const existing = await findApi(tx, file.audience);
  if (existing?.isBuiltin)
    throw new Failure(
      'conflict',
      "That is Signet's own API: its permissions come with the version of Signet. Write another audience into the file.",
    );
  if (existing) return { api: existing, created: false };
  return { api: await createApi(tx, context.audit(), file.audience, file.settings), created: true };
}

function syncOutput({ settings }: ApiFile, result: SyncResult, isDone: boolean): Output {
  const { audience, added, relabelled, removed, kept, holders } = result;
  const isChanged = added.length + relabelled.length + removed.length > 0;
  const lines = [
    result.created ? `${isDone ? 'Created' : 'Would create'} the API ${audience}.` : '',
    isChanged
      ? `Catalogue of ${audience}: ${isDone ? '' : 'would be '}version ${result.version}.`
      : `The catalogue of ${audience} is as the file says (version ${result.version}).`,
    added.length > 0 ? `  added       ${names(added)}` : '',
    relabelled.length > 0 ? `  relabelled  ${names(relabelled)}` : '',
    removed.length > 0 ? `  removed     ${names(removed)}` : '',
    kept.length > 0 ? `  kept        ${names(kept)}   (not in the file; --prune removes them)` : '',
    removed.length > 0 && holders.length === 0 ? 'Nobody holds what is removed.' : '',
    holders.length > 0
      ? `Permissions ${isDone ? 'ended' : 'would end'} for ${pluralize(holders.length, 'holder')}:`
      : '',
    ...holders.slice(0, MAX_LISTED).map((one) => `  ${one.permission}  ${one.kind} ${one.name}`),
    holders.length > MAX_LISTED ? `  and ${holders.length - MAX_LISTED} more${isDone ? ': --json lists all' : ''}` : '',
    !isDone && removed.length > 0
      ? 'What is removed keeps its place in the catalogue for ever, and never comes back.'
      : '',
  ];
  const wire = { ...result, holders: holders.map(({ permission, kind, name }) => ({ permission, kind, name })) };
  return withTypWarning(settings, { data: wire, text: lines.filter(Boolean).join('\n') });
}

const MAX_LISTED = 50;
