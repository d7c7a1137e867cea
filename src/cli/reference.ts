import { PROBLEMS } from '../api/index.ts';
import { ERROR_MEANINGS } from '../oauth/index.ts';
import { formatFault, type Setting, settings } from '../platform/config/index.ts';
import { OAUTH_STATUS, openapiYaml, PROBLEM_STATUS } from '../platform/http/index.ts';
import type { Command } from './command.ts';
import { describeService } from './commands/openapi.ts';
import { sections } from './commands.ts';
import { acceptedText } from './messages/settings.ts';
import { optionHelp, optionName, usage } from './usage.ts';

/** Returns the generated files by path; `npm run docs` writes them, a test compares them with the code. */
export async function generatedFiles(): Promise<Record<string, string>> {
  return {
    'openapi.yaml': await openapiYaml(await describeService()),
    'docs/command-reference.md': commandsPage(),
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

function commandsPage(): string {
  const parts = sections.map(({ title, commands }) => `## ${title}\n${commands.map(commandSection).join('')}`);
  return `${generatedNote}
# Command reference

Every command with its arguments and options, as \`npx signet COMMAND --help\` prints them. [commands.md](commands.md) has the rules of all commands, such as \`--json\` and exit codes.

Options can be anywhere on the command line. If an option is used twice, the last use counts, except for options that can be repeated. Write a value that begins with
\`-\` as \`--option=-value\`. \`--\` ends the options.

${parts.join('\n')}`;
}

function commandSection(command: Command): string {
  const { name, summary, notes, args = [], options = {}, examples } = command;
  const rows = [
    ...args.map((one) => row(`\`${one.name}\``, one.help)),
    ...Object.entries(options).map(([option, one]) => row(`\`${optionName(option, one)}\``, optionHelp(one))),
  ];
  const table = rows.length === 0 ? '' : `\n| | |\n|---|---|\n${rows.join('\n')}\n`;
  const text = [`${summary}.`, ...(notes === undefined ? [] : [notes])].join('\n').replaceAll('<', '&lt;');
  const examplesText = ['For example:', '', ...examples.map((line) => `    ${line}`)].join('\n');
  return `\n### ${name}\n${text}\n\n    npx signet ${usage(command)}\n${table}\n${examplesText}\n`;
}
