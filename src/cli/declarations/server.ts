import type { Command } from '../command.ts';
import { choice, required, text, toggle } from './option.ts';

export const serverCommands: readonly Command[] = [
  {
    kind: 'local',
    name: 'start',
    summary: 'Run in production mode',
    options: {
      embedded: toggle('Use the embedded database: one process, for small sites'),
      workers: text('N', 'Processes on one port, 1 to 128; not with --embedded (default: 1)'),
    },
    load: async () => (await import('../commands/start.ts')).start,
  },
  {
    kind: 'local',
    name: 'dev',
    summary: 'Run in development mode, on the embedded database unless DATABASE_URL is set (what npm start runs)',
    options: {
      https: toggle('Serve https, by a CA in the data folder'),
      port: text('N', 'Port, stronger than SIGNET_PORT (default: 4000)'),
    },
    load: async () => (await import('../commands/dev.ts')).dev,
  },
  {
    kind: 'database',
    name: 'migrate',
    summary: 'Bring the database to this version; --check only says whether that is needed',
    options: { check: toggle('Change nothing; exit 1 if a migration is needed') },
    allowsPendingMigrations: true,
    createsDatabase: true,
    load: async () => (await import('../commands/migrate.ts')).migrate,
  },
  {
    kind: 'local',
    name: 'health',
    summary: 'Ask the running server whether it is ready; exit 1 if it is not, 5 if nothing answers',
    load: async () => (await import('../commands/health.ts')).health,
  },
  {
    kind: 'database',
    name: 'doctor',
    summary: 'Look for what would go wrong: issuer, clock, keys, hashing, connections, token sizes; exit 1 on a fail',
    allowsPendingMigrations: true,
    load: async () => (await import('../commands/doctor.ts')).doctor,
  },
  {
    kind: 'local',
    name: 'config',
    summary: 'Every setting, its value and where it came from; secrets masked',
    load: async () => (await import('../commands/config.ts')).config,
  },
  {
    kind: 'local',
    name: 'openapi',
    summary: 'What the HTTP API takes and answers, as an OpenAPI document (YAML)',
    load: async () => (await import('../commands/openapi.ts')).openapi,
  },
  {
    kind: 'local',
    name: 'completion',
    summary: 'Print a script by which a shell completes the words of signet',
    args: [{ name: 'SHELL', help: 'bash, zsh or fish', proposals: ['bash', 'zsh', 'fish'] }],
    load: async () => (await import('../commands/completion.ts')).completion,
  },
  {
    kind: 'database',
    name: 'sample',
    summary: 'Show what development mode made to try things with; --remove deletes it',
    options: { remove: toggle('Delete the sample') },
    load: async () => (await import('../commands/sample.ts')).sample,
  },
];

export const importCommands: readonly Command[] = [
  {
    kind: 'database',
    name: 'import django',
    summary: 'Import users, groups and permissions from manage.py dumpdata; all or nothing',
    args: [{ name: 'FILE', help: 'What dumpdata wrote; - for standard input' }],
    options: {
      api: required(text('AUDIENCE', 'API that gets the permissions; made if there is none')),
      'dry-run': toggle('Write nothing; say what would be done, and exit 4 if it would be refused'),
      existing: choice(
        ['fail', 'skip', 'update'],
        'What becomes of names that are here already; update follows earlier imports (default: fail)',
      ),
      missing: choice(
        ['report', 'deactivate'],
        'What becomes of imported users that the dump holds no more; deactivate goes with --existing update (default: report)',
      ),
      superusers: choice(['api', 'global'], 'Where superusers and staff of Django are so (default: api)'),
      'trust-emails': toggle('Take the e-mail addresses for verified'),
      'user-model': text('APP.MODEL', 'User model of the project (default: auth.user)'),
      'username-field': text('FIELD', 'Field by which users log in; needed where the dump leaves it open'),
      renames: text('FILE', 'CSV with other names for users and groups; proposals are added to it'),
      'allow-unmapped': toggle('Import the rest where people, groups or rights have no place here'),
    },
    outputFileOption: 'renames',
    // The dump and the renames are on the caller's side, the database perhaps in a server.
    readLocal: async (input) => (await import('../commands/import-django.ts')).readFiles(input),
    load: async () => (await import('../commands/import-django.ts')).importDjangoCommand,
  },
];
