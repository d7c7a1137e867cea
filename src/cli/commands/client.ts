import type { SqlEntityManager } from '@mikro-orm/sql';
import { clientSettings, grantNames, type Preset, pkceSettings, presets } from '../../oauth/client-settings/index.ts';
import {
  type Client,
  createClient,
  deleteClient,
  getClient,
  listClients,
  listSecrets,
  OVERLAP_SECONDS,
  readBoundary,
  rotateSecret,
  updateClient,
} from '../../oauth/index.ts';
import { type Context, type Input, isSet, type Output, optionText, type RunOnDatabase } from '../command.ts';
import { transaction } from '../context.ts';
import { ensureSigningKey } from './api-settings.ts';
import { readClientChange } from './client-options.ts';
import { listCells, settingFields, wireClient } from './client-text.ts';
import { definedFields, findApis, oneOf, onOff, requiredOption } from './options.ts';
import { fields, rows, when, yesNo } from './text.ts';

export const clientCreate: RunOnDatabase = async (context, input) => {
  requiredOption(input, 'preset');
  const preset = oneOf(input, 'preset', Object.keys(presets) as Preset[]) as Preset;
  const { grantTypes = [], ...options } = readClientChange(context, input);
  const { client, secret } = await transaction(context, async (tx) => {
    const created = await createClient(tx, context.audit(), {
      ...options,
      name: input.positionals[0] as string,
      preset,
      grantTypes: [...presets[preset].grantTypes, ...grantTypes],
      requests: await findApis(context, tx, input, 'api'),
      serves: await findApis(context, tx, input, 'serves'),
      isFirstParty: isSet(input, 'first-party'),
    });
    await ensureClientKeys(context, tx, created.client);
    return created;
  });
  const note =
    secret === null
      ? client.authMethod === 'none'
        ? 'A public client: it has no secret.'
        : 'It authenticates by its own key: it has no secret.'
      : 'The secret is shown this once; only a digest of it is kept.';
  return {
    data: {
      client_id: client.clientId,
      ...(secret === null ? {} : { client_secret: secret }),
      name: client.name,
      preset,
    },
    text: [...credentials(client, secret), note, ...pkceAdvice(client), ...boundaryAdvice(client)].join('\n'),
  };
};

function credentials(client: Client, secret: string | null): string[] {
  return [`client_id      ${client.clientId}`, ...(secret === null ? [] : [`client_secret  ${secret}`])];
}

/** Advice about PKCE: most client libraries leave it off. */
function pkceAdvice(client: Client): string[] {
  if (!client.grantTypes.includes(grantNames.code) || clientSettings(client).pkce !== 'on') return [];
  const alternative =
    client.authMethod === 'none'
      ? ''
      : ` For a library without PKCE: npx signet client update ${client.clientId} --pkce if-sent (where it sends openid and a nonce), else --pkce off.`;
  return [
    `It has to use PKCE, which some libraries leave off: ${pkceSettings()}; docs/compatibility.md has more.${alternative}`,
  ];
}

/** Advice about permissions that a new client still needs. */
function boundaryAdvice({ isFirstParty, grantTypes, clientId }: Client): string[] {
  if (isFirstParty || grantTypes.every((type) => type === grantNames['client-credentials'])) return [];
  return [
    `It carries nothing of what its users may do until that is within its boundary: npx signet client allow ${clientId} --api AUDIENCE PERM…`,
  ];
}

export const clientUpdate: RunOnDatabase = async (context, input) => {
  const has = (name: string) => input.options[name] !== undefined;
  const { client, secret } = await transaction(context, async (tx) => {
    const existing = await getClient(tx, input.positionals[0] as string);
    const { authMethod } = existing;
    const change = definedFields({
      ...readClientChange(context, input),
      name: optionText(input, 'name'),
      requests: has('api') ? await findApis(context, tx, input, 'api') : undefined,
      serves: has('serves') ? await findApis(context, tx, input, 'serves') : undefined,
      isFirstParty: onOff(input, 'first-party'),
    });
    const updated = await updateClient(tx, context.audit(), existing, change);
    await ensureClientKeys(context, tx, updated);
    const needsSecret = updated.authMethod === 'client_secret' && authMethod !== 'client_secret';
    return { client: updated, secret: needsSecret ? await rotateSecret(tx, context.audit(), updated) : null };
  });
  const data = await wireClient(context.db.fork(), client);
  return {
    data: secret === null ? data : { ...data, client_secret: secret },
    text: [`Changed the client ${client.name}.`, ...(secret === null ? [] : credentials(client, secret))].join('\n'),
  };
};

export const clientList: RunOnDatabase = async (context) => {
  const clients = await listClients(context.db.fork());
  const data = await Promise.all(clients.map((client) => wireClient(context.db.fork(), client)));
  const text = rows(['NAME', 'CLIENT ID', 'PRESET', 'ENABLED', 'REQUESTS', 'SERVES'], data.map(listCells));
  return { data: { clients: data }, text: data.length === 0 ? 'There is no client.' : text };
};

export const clientShow: RunOnDatabase = async (context, input) => {
  const client = await getClient(context.db.fork(), input.positionals[0] as string);
  const data = await wireClient(context.db.fork(), client);
  const boundary = await readBoundary(context.db.fork(), client);
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
    ['Boundary', boundaryLines(data.is_first_party, boundary)],
    ...settingFields(client),
    ['Secrets', secrets.map(secretLine).join('; ') || '(none)'],
  ]);
  return { data: { ...data, boundary, secrets }, text };
};

function boundaryLines(isFirstParty: boolean, boundary: Record<string, string[]>): string[] {
  if (isFirstParty) return ["(first party: carries all of its users' permissions)"];
  return Object.entries(boundary).map(([audience, permissions]) => `${audience}: ${permissions.join(', ')}`);
}

function secretLine({ created_at, ends_at }: { created_at: string; ends_at: string | null }): string {
  return `made ${when(new Date(created_at))}${ends_at ? `, good until ${when(new Date(ends_at))}` : ''}`;
}

export const clientRotateSecret: RunOnDatabase = async (context, input) => {
  const now = isSet(input, 'now');
  const { client, secret } = await transaction(context, async (tx) => {
    const existing = await getClient(tx, input.positionals[0] as string);
    return { client: existing, secret: await rotateSecret(tx, context.audit(), existing, { now }) };
  });
  const note = now
    ? 'Every secret before it has ended.'
    : `The one before stays good for ${OVERLAP_SECONDS / 3600} hours.`;
  return {
    data: { client_id: client.clientId, client_secret: secret },
    text: [...credentials(client, secret), note].join('\n'),
  };
};

export const clientDisable: RunOnDatabase = (context, input) => setActive(context, input, false);
export const clientEnable: RunOnDatabase = (context, input) => setActive(context, input, true);

export const clientDelete: RunOnDatabase = async (context, input) => {
  const client = await transaction(context, async (tx) => {
    const existing = await getClient(tx, input.positionals[0] as string);
    await deleteClient(tx, context.audit(), existing);
    return existing;
  });
  return { data: { client_id: client.clientId, deleted: true }, text: `Deleted the client ${client.name}.` };
};

async function setActive(context: Context, input: Input, isActive: boolean): Promise<Output> {
  const client = await transaction(context, async (tx) =>
    updateClient(tx, context.audit(), await getClient(tx, input.positionals[0] as string), { isActive }),
  );
  return {
    data: await wireClient(context.db.fork(), client),
    text: `The client ${client.name} is ${isActive ? 'enabled' : 'disabled'}.`,
  };
}

/** Creates the keys of a client's algorithms in the same transaction. */
async function ensureClientKeys(context: Context, tx: SqlEntityManager, client: Client): Promise<void> {
  const { idTokenAlg, userinfoAlg } = clientSettings(client);
  for (const alg of new Set([idTokenAlg, ...(userinfoAlg ? [userinfoAlg] : [])]))
    await ensureSigningKey(context, tx, { alg });
}
