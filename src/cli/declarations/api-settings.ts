import { type ApiSettingName, apiSettingNames, apiSettingTable } from '../../permissions/api-settings/index.ts';
import type { Option, Options } from '../command.ts';
import { choice, text } from './option.ts';

/** The option of each setting of an API at `api create` and `api update`, with its line of help. */
export const apiSettingFlags: { readonly [Name in ApiSettingName]: readonly [flag: string, help: string] } = {
  name: ['name', 'The name for people'],
  typ: ['typ', 'The header typ of access tokens; JWT is for libraries that refuse at+jwt'],
  alg: ['alg', 'The algorithm that signs access tokens'],
  format: ['format', 'The format of the permissions in access tokens'],
  tokenKind: ['token', 'Access tokens that services verify, or that need introspection'],
  ttlSeconds: ['ttl', 'The lifetime of an access token in seconds'],
  budgetBytes: ['budget', 'The maximum size of an access token in bytes'],
  overBudget: ['over-budget', 'What happens to a list of permissions over the budget'],
  withUsername: ['username', 'Whether access tokens have the claim username'],
  withSourceId: ['source-id', 'Whether access tokens have the claim source_id, the primary key of an import'],
  withSuperseded: ['superseded', 'Whether a token gets status 3 when its user gets more rights'],
  isCataloguePublic: ['catalogue', 'Who can read the catalogue'],
};

export function apiSettingOptions(): Options {
  return Object.fromEntries(apiSettingNames.map((name) => [apiSettingFlags[name][0], toOption(name)]));
}

function toOption(name: ApiSettingName): Option {
  const one = apiSettingTable[name];
  const [, help] = apiSettingFlags[name];
  switch (one.kind) {
    case 'text':
      return text('TEXT', help, { default: 'the audience' });
    case 'choice':
      return choice(one.choices, help, { default: one.default });
    case 'switch':
      return choice(one.names, help, { default: one.names[one.default ? 0 : 1] });
    case 'range':
      return text('NUMBER', `${help}, ${one.from} to ${one.to}`, { default: String(one.default) });
  }
}
