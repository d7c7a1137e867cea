import { apiSettingNames, apiSettingTable, toName } from '../../permissions/api-settings/index.ts';
import { type Api, createApi, listApis, listModels, listPermissions, updateApi } from '../../permissions/index.ts';
import { Misuse, type RunOnDatabase } from '../command.ts';
import { transaction } from '../context.ts';
import { ensureSigningKey, readApiSettings, withTypWarning } from './api-settings.ts';
import { requireApi } from './options.ts';
import { fields, rows, yesNo } from './text.ts';

export const apiCreate: RunOnDatabase = async (context, input) => {
  const settings = readApiSettings(input);
  const api = await transaction(context, async (tx) => {
    const created = await createApi(tx, context.audit(), input.positionals[0] as string, settings);
    await ensureSigningKey(context, tx, created);
    return created;
  });
  return withTypWarning(settings, {
    data: { api: wireApi(api) },
    text: `Created the API ${api.audience}. Register its permissions: npx signet api sync FILE`,
  });
};

export const apiUpdate: RunOnDatabase = async (context, input) => {
  const settings = readApiSettings(input);
  if (Object.keys(settings).length === 0) throw new Misuse('Say what to change');
  const api = await transaction(context, async (tx) => {
    const existing = await requireApi(context, tx, input.positionals[0] as string);
    const updated = await updateApi(tx, context.audit(), existing, settings);
    await ensureSigningKey(context, tx, updated);
    return updated;
  });
  return withTypWarning(settings, { data: { api: wireApi(api) }, text: `Changed the API ${api.audience}.` });
};

export const apiList: RunOnDatabase = async ({ db }) => {
  const apis = await listApis(db.fork());
  const lines = apis.map((one) => [
    one.audience,
    one.name,
    one.typ,
    `${one.ttlSeconds} s`,
    `${one.budgetBytes} bytes`,
    String(one.catalogueVersion),
  ]);
  return {
    data: { apis: apis.map(wireApi) },
    text: rows(['AUDIENCE', 'NAME', 'TYP', 'TTL', 'BUDGET', 'CATALOGUE'], lines),
  };
};

export const apiShow: RunOnDatabase = async (context, input) => {
  const em = context.db.fork();
  const api = await requireApi(context, em, input.positionals[0] as string);
  const models = (await listModels(em, api.id)).map((one) => ({ app: one.appLabel, model: one.model }));
  const permissions = (await listPermissions(em, api.id)).map(({ index, name, label }) => ({ index, name, label }));
  const heading = fields([
    ['Audience', api.audience + (api.isBuiltin ? " (Signet's own; in tokens the issuer)" : '')],
    ['Id', api.id],
    ['Name', api.name],
    [
      'Token',
      `${api.tokenKind === 'opaque' ? 'opaque' : `typ ${api.typ}, ${api.alg}`}, ${api.ttlSeconds} s, at most ${api.budgetBytes} bytes`,
    ],
    ['Permissions', `${api.format}${api.format === 'list' ? ` (over the budget: ${api.overBudget})` : ''}`],
    ['Username', `${yesNo(api.withUsername)} (the claim username)`],
    ['Superseded', `${yesNo(api.withSuperseded)} (status 3 when something was added)`],
    ['Source id', `${yesNo(api.withSourceId)} (the claim source_id: the imported primary key)`],
    ['Catalogue', api.catalogueVersion === 0 ? 'empty' : `version ${api.catalogueVersion}, hash ${api.catalogueHash}`],
    ['Models', models.map((one) => `${one.app}.${one.model}`)],
  ]);
  const list = rows(
    ['INDEX', 'PERMISSION', 'LABEL'],
    permissions.map((one) => [String(one.index), one.name, one.label]),
  );
  const catalogue = { version: api.catalogueVersion, hash: api.catalogueHash };
  return {
    data: { api: wireApi(api), catalogue, models, permissions },
    text: `${heading}\n\n${permissions.length === 0 ? 'No permissions yet: npx signet api sync FILE' : list}`,
  };
};

/** An API for `--json`: settings have the names of their options, with units. */
function wireApi(api: Api) {
  return {
    id: api.id,
    audience: api.audience,
    is_builtin: api.isBuiltin,
    ...Object.fromEntries(apiSettingNames.map((name) => [apiSettingTable[name].wire, toName(name, api[name])])),
    catalogue_version: api.catalogueVersion,
  };
}
