import { pino } from 'pino';
import { PROBLEMS } from '../api/index.ts';
import { ERROR_MEANINGS } from '../oauth/index.ts';
import { formatFault, readConfig, type Setting, settings } from '../platform/config/index.ts';
import {
  OAUTH_STATUS,
  type OpenapiDocument,
  openapiDocument,
  openapiYaml,
  PROBLEM_STATUS,
} from '../platform/http/index.ts';
import { systemClock } from '../platform/time.ts';
import { buildApp } from '../server/compose.ts';
import { acceptedText } from './messages/settings.ts';
import { version } from './version.ts';

/** Returns the OpenAPI document of the routes. Nothing is served: there is no database and no key. */
export async function describeService(): Promise<OpenapiDocument> {
  const issuer = 'https://id.example';
  const unused = undefined as never;
  const app = await buildApp({
    config: readConfig('production', { SIGNET_ISSUER: issuer }),
    issuer,
    db: unused,
    clock: systemClock,
    log: pino({ level: 'silent' }),
    keys: unused,
    masterKey: Buffer.alloc(32),
    passwords: {} as never,
    openapiVersion: version,
  });
  await app.ready();
  return openapiDocument(app);
}

/** Returns the generated files by path; `npm run docs` writes them, a test compares them with the code. */
export async function generatedFiles(): Promise<Record<string, string>> {
  return {
    'openapi.yaml': await openapiYaml(await describeService()),
    'docs/errors.md': errorsPage(),
    'docs/configuration.md': configurationPage(),
  };
}

/** The keys of a table, with their type. */
const keys = Object.keys as <Key extends string>(table: Readonly<Record<Key, unknown>>) => Key[];

/** Formats a row of a Markdown table, with tags and borders escaped. */
function row(...cells: (string | number)[]): string {
  return `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|').replaceAll('<', '&lt;')).join(' | ')} |`;
}

const generatedNote = '<!-- Made by `npm run docs`. Do not edit. -->';

function errorsPage(): string {
  const problems = keys(PROBLEM_STATUS).map((code) =>
    row(`\`${code}\``, PROBLEM_STATUS[code], PROBLEMS[code].meaning, PROBLEMS[code].remedy),
  );
  const oauth = keys(OAUTH_STATUS).map((code) => row(`\`${code}\``, OAUTH_STATUS[code], ERROR_MEANINGS[code]));
  return `${generatedNote}
# Errors

Programs branch on the codes below, which do not change. The texts are for people and may change. Every response has \`x-request-id\`; the log
has the reason of a refusal under that id. \`openapi.yaml\` lists the codes of each operation.

## Problems
Everything except \`/oauth2/…\` and the forms of pages responds to an error with \`application/problem+json\` (RFC 9457): \`type\`, \`title\`, \`status\`, \`code\`, often \`detail\`, and with
\`invalid\` the list \`errors\`. A 429 and a 503 have \`Retry-After\` in seconds.

| code | status | when | what to do |
|---|---|---|---|
${problems.join('\n')}

## OAuth errors
\`/oauth2/…\` responds to an error with \`application/json\` (RFC 6749 §5.2): \`error\`, and \`error_description\` for people.

| error | status | when |
|---|---|---|
${oauth.join('\n')}
`;
}

function configurationPage(): string {
  const rows = Object.values(settings as Record<string, Setting<unknown>>).map((one) => {
    const standard = one.standard === '' ? 'not set' : one.standard;
    const names = one.secret ? `\`${one.env}\`, \`${one.env}_FILE\`` : `\`${one.env}\``;
    const fault = formatFault(one);
    return row(names, one.meaning, fault === null ? 'text' : acceptedText(fault), standard);
  });
  return `${generatedNote}
# Configuration

Signet reads environment variables once, when it starts. A name that begins with \`SIGNET_\` and is not listed here is an error. A secret can be in a file:
the variable with \`_FILE\` has its path, and the file has one line of UTF-8, without its byte-order mark and the line break at its end. Every other value is
used as it is: control characters, blanks around it and URLs that are not in normal form are refused. \`npx signet config\` prints every value, with secrets masked, and where it came from.

| setting | meaning | value | default |
|---|---|---|---|
${rows.join('\n')}
`;
}
