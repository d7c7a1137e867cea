import type { Command, Options } from './command.ts';
import { apiCommands, permCommands } from './declarations/api.ts';
import { clientCommands } from './declarations/client.ts';
import { toggle } from './declarations/option.ts';
import { importCommands, serverCommands } from './declarations/server.ts';
import { keysCommands, sessionCommands, tokenCommands } from './declarations/session.ts';
import { accountCommands, groupCommands, userCommands } from './declarations/user.ts';

/** Every command, in the order of help. Nothing here loads what a command does: see `load`. */
export const commands: readonly Command[] = [
  ...serverCommands,
  ...accountCommands,
  ...userCommands,
  ...groupCommands,
  ...permCommands,
  ...apiCommands,
  ...clientCommands,
  ...sessionCommands,
  ...tokenCommands,
  ...keysCommands,
  ...importCommands,
];

/** The first words of commands of two words. */
export const nouns: Readonly<Record<string, string>> = {
  user: 'Users: create, change, delete',
  group: 'Groups and their members',
  perm: 'Permissions of users, groups and clients',
  api: 'APIs, their token settings and catalogues',
  client: 'Programs that ask for tokens',
  session: 'Sessions of users',
  grant: 'Refresh grants: what clients hold for users',
  token: 'Access tokens, to try and to look at',
  keys: 'Signing keys and the master key',
  import: 'Users, groups and permissions of other systems',
};

/** Options of every command. */
export const commonOptions: Options = {
  json: toggle('Print one JSON document; messages go to standard error'),
};
