import type { Argument, Command, Options } from '../command.ts';
import { apiOption, choice, required, SIGNING_ALGORITHMS, text, toggle, userOptions, yesOption } from './option.ts';

const session: Argument = { name: 'ID', help: 'Id of one session', isOptional: true };
const sessionUsage = '(--user NAME | --user-id ID | ID)';
const grant: Argument = { name: 'ID', help: 'Id of one grant', isOptional: true };
const grantUsage = '((--user NAME | --user-id ID) [--client ID] | --client ID | ID)';
const grantOptions: Options = {
  ...userOptions,
  client: text('ID', 'Client, by its id or name; beside a user: only what it holds for that user'),
};

export const sessionCommands: readonly Command[] = [
  {
    kind: 'database',
    name: 'session list',
    summary: 'The live sessions of a user, newest first, or one session',
    usage: sessionUsage,
    args: [session],
    options: userOptions,
    load: async () => (await import('../commands/session.ts')).sessionList,
  },
  {
    kind: 'database',
    name: 'session end',
    summary: 'End the sessions of a user, or one session',
    usage: sessionUsage,
    args: [session],
    options: userOptions,
    load: async () => (await import('../commands/session.ts')).sessionEnd,
  },
  {
    kind: 'database',
    name: 'grant list',
    summary: 'The live refresh grants of a user or a client, newest first',
    usage: grantUsage,
    args: [grant],
    options: grantOptions,
    load: async () => (await import('../commands/grant.ts')).grantList,
  },
  {
    kind: 'database',
    name: 'grant end',
    summary:
      'End refresh grants: their tokens are refused from now on; of a user or a client, consents are forgotten too',
    usage: grantUsage,
    args: [grant],
    options: grantOptions,
    load: async () => (await import('../commands/grant.ts')).grantEnd,
  },
];

const tokenArgument: Argument = { name: '-', help: 'The token is read from standard input' };

export const tokenCommands: readonly Command[] = [
  {
    kind: 'database',
    name: 'token issue',
    summary: 'Print an access token, for trials; audited, and never the way a program logs in',
    usage: '((--user NAME | --user-id ID) [--client ID [--refresh]] | --client ID) --api AUDIENCE',
    options: {
      ...userOptions,
      client: text('ID', 'Client, by its id or name; alone: the token is its own'),
      api: required(apiOption),
      refresh: toggle('A refresh token too, as the client would get it for the user'),
    },
    load: async () => (await import('../commands/token-issue.ts')).tokenIssue,
  },
  {
    kind: 'local',
    name: 'token inspect',
    summary: 'Show what a token on standard input says; verifies nothing',
    args: [tokenArgument],
    load: async () => (await import('../commands/token-inspect.ts')).tokenInspect,
  },
  {
    kind: 'database',
    name: 'token verify',
    summary: 'Say whether a token on standard input is good now, and why not',
    args: [tokenArgument],
    readsStdin: ({ positionals }) => positionals[0] === '-',
    load: async () => (await import('../commands/token-verify.ts')).tokenVerify,
  },
];

export const keysCommands: readonly Command[] = [
  {
    kind: 'database',
    name: 'keys list',
    summary: 'The signing keys, newest first: next, current, retiring, gone',
    load: async () => (await import('../commands/keys.ts')).keysList,
  },
  {
    kind: 'database',
    name: 'keys rotate',
    summary: 'Publish the next signing key; it signs after SIGNET_KEY_LEAD seconds. --now: at once, for an emergency',
    options: {
      alg: choice(SIGNING_ALGORITHMS, 'Algorithm (default: every one that is in use)'),
      now: toggle('Let it sign at once, before verifiers have fetched it'),
    },
    load: async () => (await import('../commands/keys.ts')).keysRotate,
  },
  {
    kind: 'database',
    name: 'keys revoke',
    summary: 'Take a signing key away at once, with everything that it has signed',
    notes: 'Says first what that means, and asks for the key once more.',
    args: [{ name: 'KID', help: 'Id of the key' }],
    options: yesOption,
    confirm: ({ positionals }) => positionals[0],
    load: async () => (await import('../commands/keys.ts')).keysRevoke,
  },
  {
    kind: 'database',
    name: 'keys rewrap',
    summary: 'Change the master key: seal the signing keys, which stay the same, under another one',
    notes: 'The settings give the master key of now.',
    args: [{ name: 'FILE', help: 'Holds the new master key: openssl rand -hex 32 > FILE; - for standard input' }],
    fileArgument: 0,
    load: async () => (await import('../commands/keys.ts')).keysRewrap,
  },
];
