import type { Argument, Command, Options } from '../command.ts';
import { apiOption, choice, required, SIGNING_ALGORITHMS, text, toggle, userOptions, yesOption } from './option.ts';

const session: Argument = { name: 'ID', help: 'The id of one session', isOptional: true };
const sessionUsage = '(--user NAME | --user-id ID | ID)';
const grant: Argument = { name: 'ID', help: 'The id of one grant', isOptional: true };
const grantUsage = '((--user NAME | --user-id ID) [--client ID] | --client ID | ID)';
const grantOptions: Options = {
  ...userOptions,
  client: text('ID', 'The client, by its id or name; with a user: only the grants of the client for that user'),
};

export const sessionCommands: readonly Command[] = [
  {
    kind: 'database',
    name: 'session list',
    summary: 'List the live sessions of a user, newest first, or show one session',
    usage: sessionUsage,
    args: [session],
    options: userOptions,
    examples: ['npx signet session list --user alice'],
    load: async () => (await import('../commands/session.ts')).sessionList,
  },
  {
    kind: 'database',
    name: 'session end',
    summary: 'End all sessions of a user, or one session',
    usage: sessionUsage,
    args: [session],
    options: userOptions,
    examples: ['npx signet session end --user alice'],
    load: async () => (await import('../commands/session.ts')).sessionEnd,
  },
];

export const grantCommands: readonly Command[] = [
  {
    kind: 'database',
    name: 'grant list',
    summary: 'List the live refresh grants of a user or a client, newest first',
    usage: grantUsage,
    args: [grant],
    options: grantOptions,
    examples: ['npx signet grant list --user alice', 'npx signet grant list --client Shop'],
    load: async () => (await import('../commands/grant.ts')).grantList,
  },
  {
    kind: 'database',
    name: 'grant end',
    summary: 'End refresh grants; their tokens are refused from then on',
    notes: 'For a user or a client, the consents are deleted too.',
    usage: grantUsage,
    args: [grant],
    options: grantOptions,
    examples: ['npx signet grant end --user alice --client Shop'],
    load: async () => (await import('../commands/grant.ts')).grantEnd,
  },
];

const tokenArgument: Argument = { name: '-', help: 'The token is read from standard input' };

export const tokenCommands: readonly Command[] = [
  {
    kind: 'database',
    name: 'token issue',
    summary: 'Print an access token, for tests and emergencies',
    notes: 'The edit log records it. Programs must not log in this way.',
    usage: '((--user NAME | --user-id ID) [--client ID [--refresh]] | --client ID) --api AUDIENCE',
    options: {
      ...userOptions,
      client: text('ID', 'The client, by its id or name; without a user, the token is for the client itself'),
      api: required(apiOption),
      refresh: toggle('Print a refresh token too, as the client would get it for the user'),
    },
    examples: ['npx signet token issue --user alice --api polls', 'npx signet token issue --client Shop --api polls'],
    load: async () => (await import('../commands/token-issue.ts')).tokenIssue,
  },
  {
    kind: 'local',
    name: 'token inspect',
    summary: 'Show the header and the claims of a token; verifies nothing',
    args: [tokenArgument],
    examples: ['echo "$TOKEN" | npx signet token inspect -'],
    load: async () => (await import('../commands/token-inspect.ts')).tokenInspect,
  },
  {
    kind: 'database',
    name: 'token verify',
    summary: 'Check whether a token is active now, and explain why not; exit 1 if it is not',
    args: [tokenArgument],
    examples: ['echo "$TOKEN" | npx signet token verify -'],
    readsStdin: ({ positionals }) => positionals[0] === '-',
    load: async () => (await import('../commands/token-verify.ts')).tokenVerify,
  },
];

export const keysCommands: readonly Command[] = [
  {
    kind: 'database',
    name: 'keys list',
    summary: 'List the signing keys, newest first, with their states: next, current, retiring, gone',
    examples: ['npx signet keys list'],
    load: async () => (await import('../commands/keys.ts')).keysList,
  },
  {
    kind: 'database',
    name: 'keys rotate',
    summary: 'Publish the next signing key, which signs after SIGNET_KEY_LEAD seconds',
    options: {
      alg: choice(SIGNING_ALGORITHMS, 'The algorithm', { default: 'each that is in use' }),
      now: toggle('In an emergency: sign with it at once, before verifiers have fetched it'),
    },
    examples: ['npx signet keys rotate', 'npx signet keys rotate --alg ES256 --now'],
    load: async () => (await import('../commands/keys.ts')).keysRotate,
  },
  {
    kind: 'database',
    name: 'keys revoke',
    summary: 'Remove a signing key at once; every token that it signed is refused',
    notes: 'The command first shows the effect, and asks you to type the id of the key.',
    args: [{ name: 'KID', help: 'The id of the key, as keys list shows it' }],
    options: yesOption,
    examples: ['npx signet keys revoke 7Mqzpv9cVfbmG0HnsYxa1rUs3Fe2KdTLoWJ8iEXhQyA'],
    confirm: ({ positionals }) => positionals[0],
    load: async () => (await import('../commands/keys.ts')).keysRevoke,
  },
  {
    kind: 'database',
    name: 'keys rewrap',
    summary: 'Change the master key: seal the signing keys, which stay the same, under a new one',
    notes: 'The settings have the old master key.',
    args: [{ name: 'FILE', help: 'The file with the new master key; - reads standard input' }],
    examples: ['openssl rand -hex 32 > new.key && npx signet keys rewrap new.key'],
    fileArgument: 0,
    load: async () => (await import('../commands/keys.ts')).keysRewrap,
  },
];
