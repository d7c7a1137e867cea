import type { Command } from '../command.ts';
import { choice, required, text, toggle } from './option.ts';

export const serverCommands: readonly Command[] = [
  {
    kind: 'local',
    name: 'start',
    summary: 'Run the server in production mode',
    options: {
      embedded: toggle('Use the embedded database instead of DATABASE_URL: one process, for small sites'),
      workers: text('N', 'Processes that share the port, 1 to 128; not with --embedded', { default: '1' }),
    },
    examples: ['npx signet start', 'npx signet start --workers 4'],
    load: async () => (await import('../commands/start.ts')).start,
  },
  {
    kind: 'local',
    name: 'dev',
    summary: 'Run the server in development mode, with a sample to try (npm start runs this)',
    notes: 'It uses the embedded database, unless DATABASE_URL is set.',
    options: {
      https: toggle('Serve https, with a certificate of a CA in the data folder'),
      port: text('N', 'The port; overrides SIGNET_PORT', { default: 'SIGNET_PORT, or 4000' }),
    },
    examples: ['npx signet dev', 'npx signet dev --https --port 4443'],
    load: async () => (await import('../commands/dev.ts')).dev,
  },
  {
    kind: 'database',
    name: 'migrate',
    summary: 'Create the database, or migrate it to this version of Signet',
    options: { check: toggle('Change nothing; exit 1 if a migration is needed') },
    examples: ['npx signet migrate', 'npx signet migrate --check'],
    allowsPendingMigrations: true,
    createsDatabase: true,
    load: async () => (await import('../commands/migrate.ts')).migrate,
  },
  {
    kind: 'local',
    name: 'health',
    summary: 'Check whether the running server is ready; exit 1 if it is not, 5 if there is no response',
    examples: ['npx signet health'],
    load: async () => (await import('../commands/health.ts')).health,
  },
  {
    kind: 'database',
    name: 'doctor',
    summary: 'Look for problems: issuer, clock, keys, hashing, connections, token sizes; exit 1 on a fail',
    examples: ['npx signet doctor'],
    allowsPendingMigrations: true,
    load: async () => (await import('../commands/doctor.ts')).doctor,
  },
  {
    kind: 'local',
    name: 'config',
    summary: 'Show every setting with its value and where the value came from; secrets are masked',
    examples: ['npx signet config'],
    load: async () => (await import('../commands/config.ts')).config,
  },
  {
    kind: 'local',
    name: 'openapi',
    summary: 'Print the OpenAPI document of the HTTP API (YAML)',
    examples: ['npx signet openapi > openapi.yaml'],
    load: async () => (await import('../commands/openapi.ts')).openapi,
  },
  {
    kind: 'local',
    name: 'completion',
    summary: 'Print a script that completes the commands and options of signet in a shell',
    args: [{ name: 'SHELL', help: 'bash, zsh or fish', proposals: ['bash', 'zsh', 'fish'] }],
    examples: ['eval "$(npx signet completion bash)"', 'npx signet completion fish | source'],
    load: async () => (await import('../commands/completion.ts')).completion,
  },
  {
    kind: 'database',
    name: 'sample',
    summary: 'Show the users, clients and secrets of the development sample',
    options: { remove: toggle('Delete the sample instead') },
    examples: ['npx signet sample', 'npx signet sample --remove'],
    load: async () => (await import('../commands/sample.ts')).sample,
  },
];

export const importCommands: readonly Command[] = [
  {
    kind: 'database',
    name: 'import django',
    summary: 'Import users, groups and permissions from the file of manage.py dumpdata; all or nothing',
    args: [{ name: 'FILE', help: 'The output of dumpdata; - reads standard input' }],
    options: {
      api: required(text('AUDIENCE', 'The API that gets the permissions; created if it does not exist')),
      'dry-run': toggle('Write nothing; report what an import would do, and exit 4 if it would be refused'),
      existing: choice(
        ['fail', 'skip', 'update'],
        'What happens to users and groups that exist already; update applies changes since an earlier import',
      ),
      missing: choice(
        ['report', 'deactivate'],
        'What happens to imported users that are no longer in the dump; deactivate needs --existing update',
      ),
      superusers: choice(['api', 'global'], "Where Django's superusers and staff get these flags"),
      'trust-emails': toggle('Import e-mail addresses as verified'),
      'user-model': text('APP.MODEL', 'The user model of the project', { default: 'auth.user' }),
      'username-field': text('FIELD', 'The field by which users log in; needed if the dump does not show it'),
      renames: text('FILE', 'A CSV file with new names for users and groups; proposed names are added to it'),
      'allow-unmapped': toggle('Import the rest if some users, groups or rights cannot be imported'),
    },
    examples: [
      'npx signet import django dump.json --api polls --dry-run',
      'npx signet import django dump.json --api polls --existing update',
    ],
    outputFileOption: 'renames',
    // The caller has the dump and the renames; a server may have the database.
    readLocal: async (input) => (await import('../commands/import-django.ts')).readFiles(input),
    load: async () => (await import('../commands/import-django.ts')).importDjangoCommand,
  },
];
