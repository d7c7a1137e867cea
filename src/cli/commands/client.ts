import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Api } from '../../access/index.ts';
import {
  audiencesOf,
  type Client,
  createClient,
  deleteClient,
  getClient,
  listClients,
  listSecrets,
  OVERLAP_SECONDS,
  type Preset,
  presets,
  rotateSecret,
  updateClient,
} from '../../oauth/index.ts';
import { Failure } from '../../platform/failure.ts';
import { type Context, type DatabaseCommand, type Input, isSet, optionText, optionTexts } from '../command.ts';
import { changing } from './changing.ts';
import { given, namedApi, oneOf, onOff, required } from './options.ts';
import { fields, rows, when, yesNo } from './text.ts';

const several = { type: 'string', multiple: true } as const;
const one = { min: 1, max: 1 } as const;

export const clientCreate: DatabaseCommand = {
  kind: 'database',
  name: 'client create',
  summary: 'Register a program that asks for tokens; prints its secret this once',
  usage:
    'NAME --preset web|spa|native|service|device|mcp [--redirect-uri URI]… [--api AUDIENCE]… [--serves AUDIENCE]… [--first-party]',
  options: {
    preset: { type: 'string' },
    'redirect-uri': several,
    api: several,
    serves: several,
    'first-party': { type: 'boolean' },
  },
  words: one,
  async run(context, input) {
    required(input, 'preset', `npx signet ${clientCreate.name} ${clientCreate.usage}`);
    const preset = oneOf(input, 'preset', Object.keys(presets) as Preset[]) as Preset;
    const { client, secret } = await changing(context, async (tx) =>
      createClient(tx, context.stamp(), {
        name: input.positionals[0] as string,
        preset,
        redirectUris: optionTexts(input, 'redirect-uri'),
        requests: await apisOf(context, tx, input, 'api'),
        serves: await apisOf(context, tx, input, 'serves'),
        isFirstParty: isSet(input, 'first-party'),
      }),
    );
    const note =
      secret === null
        ? 'A public client: it has no secret.'
        : 'The secret is shown this once; only a digest of it is kept.';
    return {
      data: {
        client_id: client.clientId,
        ...(secret === null ? {} : { client_secret: secret }),
        name: client.name,
        preset,
      },
      text: [`client_id      ${client.clientId}`, ...(secret === null ? [] : [`client_secret  ${secret}`]), note].join(
        '\n',
      ),
    };
  },
};

export const clientUpdate: DatabaseCommand = {
  kind: 'database',
  name: 'client update',
  summary: "Change a client; lists that are given replace the client's own",
  usage: 'ID [--name N] [--redirect-uri URI]… [--api AUDIENCE]… [--serves AUDIENCE]… [--first-party on|off]',
  options: {
    name: { type: 'string' },
    'redirect-uri': several,
    api: several,
    serves: several,
    'first-party': { type: 'string' },
  },
  words: one,
  async run(context, input) {
    const has = (name: string) => input.options[name] !== undefined;
    const client = await changing(context, async (tx) => {
      const found = await getClient(tx, input.positionals[0] as string);
      const change = given({
        name: optionText(input, 'name'),
        redirectUris: has('redirect-uri') ? optionTexts(input, 'redirect-uri') : undefined,
        requests: has('api') ? await apisOf(context, tx, input, 'api') : undefined,
        serves: has('serves') ? await apisOf(context, tx, input, 'serves') : undefined,
        isFirstParty: onOff(input, 'first-party'),
      });
      return updateClient(tx, context.stamp(), found, change);
    });
    return { data: await wire(context, client), text: `Changed the client ${client.name}.` };
  },
};

export const clientList: DatabaseCommand = {
  kind: 'database',
  name: 'client list',
  summary: 'Clients by name',
  usage: '',
  words: { min: 0, max: 0 },
  async run(context) {
    const clients = await listClients(context.db.fork());
    const data = await Promise.all(clients.map((client) => wire(context, client)));
    const cells = data.map((row) => [
      row.name,
      row.client_id,
      row.preset,
      yesNo(row.is_active),
      row.requests.join(', '),
      row.serves.join(', '),
    ]);
    const text = rows(['NAME', 'CLIENT ID', 'PRESET', 'ENABLED', 'REQUESTS', 'SERVES'], cells);
    return { data: { clients: data }, text: data.length === 0 ? 'There is no client.' : text };
  },
};

export const clientShow: DatabaseCommand = {
  kind: 'database',
  name: 'client show',
  summary: 'A client with its settings and when its secrets were made; never the secrets',
  usage: 'ID',
  words: one,
  async run(context, input) {
    const client = await getClient(context.db.fork(), input.positionals[0] as string);
    const data = await wire(context, client);
    const secrets = (await listSecrets(context.db.fork(), client, context.clock.now())).map((secret) => ({
      created_at: secret.createdAt.toISOString(),
      ends_at: secret.expiresAt?.toISOString() ?? null,
    }));
    const text = fields([
      ['Name', data.name],
      ['Client id', data.client_id],
      ['Preset', data.preset],
      ['Enabled', yesNo(data.is_active)],
      ['First party', yesNo(data.is_first_party)],
      ['Authentication', data.auth_method],
      ['Grants', data.grant_types.join(', ')],
      ['Redirect URIs', data.redirect_uris.join(', ') || '(none)'],
      ['Requests', data.requests.join(', ') || '(none)'],
      ['Serves', data.serves.join(', ') || '(none)'],
      [
        'Secrets',
        secrets
          .map(
            (one) =>
              `made ${when(new Date(one.created_at))}${one.ends_at ? `, good until ${when(new Date(one.ends_at))}` : ''}`,
          )
          .join('; ') || '(none)',
      ],
    ]);
    return { data: { ...data, secrets }, text };
  },
};

export const clientRotateSecret: DatabaseCommand = {
  kind: 'database',
  name: 'client rotate-secret',
  summary: 'A new secret; the one before stays good for a day, with --now it ends at once',
  usage: 'ID [--now]',
  options: { now: { type: 'boolean' } },
  words: one,
  async run(context, input) {
    const now = isSet(input, 'now');
    const { client, secret } = await changing(context, async (tx) => {
      const found = await getClient(tx, input.positionals[0] as string);
      return { client: found, secret: await rotateSecret(tx, context.stamp(), found, { now }) };
    });
    const note = now
      ? 'Every secret before it has ended.'
      : `The one before stays good for ${OVERLAP_SECONDS / 3600} hours.`;
    return {
      data: { client_id: client.clientId, client_secret: secret },
      text: [`client_id      ${client.clientId}`, `client_secret  ${secret}`, note].join('\n'),
    };
  },
};

export const clientDisable = switching(
  'client disable',
  false,
  'Let a client get no more tokens; those it has are dead at introspection and has_perm at once',
);
export const clientEnable = switching('client enable', true, 'Let a client get tokens again');

export const clientDelete: DatabaseCommand = {
  kind: 'database',
  name: 'client delete',
  summary: 'Delete a client with its secrets and permissions',
  usage: 'ID',
  words: one,
  async run(context, input) {
    const client = await changing(context, async (tx) => {
      const found = await getClient(tx, input.positionals[0] as string);
      await deleteClient(tx, context.stamp(), found);
      return found;
    });
    return { data: { client_id: client.clientId, deleted: true }, text: `Deleted the client ${client.name}.` };
  },
};

function switching(name: string, isActive: boolean, summary: string): DatabaseCommand {
  return {
    kind: 'database',
    name,
    summary,
    usage: 'ID',
    words: one,
    async run(context, input) {
      const client = await changing(context, async (tx) =>
        updateClient(tx, context.stamp(), await getClient(tx, input.positionals[0] as string), { isActive }),
      );
      return {
        data: await wire(context, client),
        text: `The client ${client.name} is ${isActive ? 'enabled' : 'disabled'}.`,
      };
    },
  };
}

async function apisOf(context: Context, tx: SqlEntityManager, input: Input, option: string): Promise<Api[]> {
  const apis: Api[] = [];
  for (const audience of optionTexts(input, option)) {
    const api = await namedApi(context, tx, audience);
    if (apis.some((known) => known.id === api.id)) throw new Failure('usage', `--${option} names ${audience} twice.`);
    apis.push(api);
  }
  return apis;
}

async function wire(context: Context, client: Client) {
  return {
    client_id: client.clientId,
    name: client.name,
    preset: client.preset,
    is_active: client.isActive,
    is_first_party: client.isFirstParty,
    auth_method: client.authMethod,
    grant_types: client.grantTypes,
    redirect_uris: client.redirectUris,
    ...(await audiencesOf(context.db.fork(), client.id)),
  };
}
