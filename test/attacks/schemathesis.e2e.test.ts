import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../support/database.ts';
import { startListening } from '../support/listening.ts';
import t from '../support/tap.ts';

// A stranger that reads openapi.yaml and nothing else (https://schemathesis.io), as somebody unknown and as a superuser.

/** Where it is: `.ci/run` installs it in a folder of its own. */
const program = process.env['SCHEMATHESIS'] ?? 'schemathesis';
const seconds = Number(process.env['SCHEMATHESIS_SECONDS'] ?? 60);

t.setTimeout(2 * (seconds + 120) * 1000);

function version(): string | null {
  try {
    return execFileSync(program, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return null;
  }
}

/** They answer for as long as somebody listens. */
const streams = ['/status-lists/events', '/status-lists/{list}/events'];

/** Token Status List §8.4: a server that keeps no lists of the past says 501 to `time`. */
const settings = `
[[operations]]
include-path = "/status-lists/{list}"
checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "501"]
`;

const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
].join(',');

const found = version();
const skip = found ? false : 'schemathesis is not installed';
await t.test(
  'openapi.yaml: no 5xx and no answer that it does not have, whatever schemathesis sends',
  { skip },
  async (t) => {
    t.comment(found);
    const signet = await startListening(t);
    const { token, cookie } = await signet.logIn('root', 'signet');
    const asRoot = ['-H', `Cookie: ${cookie}`, '-H', `Authorization: Bearer ${token}`];

    for (const [who, headers] of [
      ['somebody unknown', []],
      ['a superuser, by cookie and by token', asRoot],
    ] as const)
      await t.test(who, async (t) => {
        const cwd = mkdtempSync(join(tmpdir(), 'signet-schemathesis-'));
        writeFileSync(join(cwd, 'schemathesis.toml'), settings);
        const options = [
          ...['--url', signet.issuer, '--checks', checks, '--max-time', String(seconds), '--workers', '2'],
          ...[
            '--request-timeout',
            '20',
            '--suppress-health-check',
            'all',
            '--seed',
            '20261130',
            '--warnings',
            'off',
            '--no-color',
          ],
          ...streams.flatMap((name) => ['--exclude-path', name]),
        ];
        const run = promisify(execFile)(program, ['run', join(root, 'openapi.yaml'), ...options, ...headers], {
          cwd,
          maxBuffer: 64 * 1024 * 1024,
        });
        const { code, stdout } = await run.then(
          ({ stdout }) => ({ code: 0, stdout }),
          (error: { code: number; stdout: string }) => error,
        );
        t.equal(code, 0, code === 0 ? 'nothing was found' : stdout.slice(-20_000));
        t.match(stdout, /Test cases:|generated/, 'and something was tried');
      });
  },
);
