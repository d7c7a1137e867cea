import type { Command, Options } from './command.ts';
import { apiCommands, permCommands } from './declarations/api.ts';
import { clientCommands } from './declarations/client.ts';
import { toggle } from './declarations/option.ts';
import { importCommands, serverCommands } from './declarations/server.ts';
import { grantCommands, keysCommands, sessionCommands, tokenCommands } from './declarations/session.ts';
import { accountCommands, groupCommands, userCommands } from './declarations/user.ts';

/** Commands that help lists together. */
export interface Section {
  readonly title: string;
  /** The first word of all its commands; undefined if they have names of one word. */
  readonly noun?: string;
  readonly commands: readonly Command[];
}

/** Every command, in the order of help. Nothing here loads the work of a command: see `load`. */
export const sections: readonly Section[] = [
  { title: 'Server and installation', commands: serverCommands },
  { title: 'Superusers and passwords', commands: accountCommands },
  { title: 'Users', noun: 'user', commands: userCommands },
  { title: 'Groups and their members', noun: 'group', commands: groupCommands },
  { title: 'Permissions of users, groups and clients', noun: 'perm', commands: permCommands },
  { title: 'APIs, their token settings and catalogues', noun: 'api', commands: apiCommands },
  { title: 'Clients: programs that request tokens', noun: 'client', commands: clientCommands },
  { title: 'Sessions of users', noun: 'session', commands: sessionCommands },
  { title: 'Refresh grants: the access of clients for users', noun: 'grant', commands: grantCommands },
  { title: 'Access tokens, for tests and diagnosis', noun: 'token', commands: tokenCommands },
  { title: 'Signing keys and the master key', noun: 'keys', commands: keysCommands },
  { title: 'Imports from other systems', noun: 'import', commands: importCommands },
];

export const commands: readonly Command[] = sections.flatMap((one) => one.commands);

/** Options of every command. */
const commonOptions: Options = {
  json: toggle('Print one JSON document on standard output; messages go to standard error'),
  help: toggle('Print this page; also -h'),
};

/** The options of a command, with those of every command. */
export function allOptions({ options }: Command): Options {
  return { ...options, ...commonOptions };
}
