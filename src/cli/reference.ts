import { acceptedValues, type Setting, settings } from '../platform/config/index.ts';
import { OAUTH_ERRORS, openapiYaml, PROBLEMS } from '../platform/http/index.ts';
import type { Command } from './command.ts';
import { describeService } from './commands/openapi.ts';
import { sections } from './commands.ts';
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

/** Formats a row of a Markdown table, with tags and borders escaped. */
function row(...cells: (string | number)[]): string {
  return `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|').replaceAll('<', '&lt;')).join(' | ')} |`;
}

const generatedNote = '<!-- Made by `npm run docs`. Do not edit. -->';

function errorsPage(): string {
  const problems = Object.entries(PROBLEMS).map(([code, { status, meaning, remedy }]) =>
    row(`\`${code}\``, status, meaning, remedy),
  );
  const oauth = Object.entries(OAUTH_ERRORS).map(([code, { status, meaning }]) => row(`\`${code}\``, status, meaning));
  return `${generatedNote}
# Errors

Programs branch on the codes below; they stay. The texts beside them are for people and may change. Every answer has \`x-request-id\`; the log
has the reason of a refusal under that id. Which operation answers with which codes stands in \`openapi.yaml\`.

## Problems
Everything but \`/oauth2/…\` and the forms of pages refuses with \`application/problem+json\` (RFC 9457): \`type\`, \`title\`, \`status\`, \`code\`, often \`detail\`, and with
\`invalid\` the list \`errors\`. A 429 and a 503 have \`Retry-After\` in seconds.

| code | status | when | what to do |
|---|---|---|---|
${problems.join('\n')}

## OAuth errors
\`/oauth2/…\` refuses with \`application/json\` (RFC 6749 §5.2): \`error\`, and \`error_description\` for people.

| error | status | when |
|---|---|---|
${oauth.join('\n')}
`;
}

function configurationPage(): string {
  const rows = Object.values(settings as Record<string, Setting<unknown>>).map((one) => {
    const standard = one.standard === '' ? 'not set' : one.standard;
    const names = one.secret ? `\`${one.env}\`, \`${one.env}_FILE\`` : `\`${one.env}\``;
    return row(names, one.meaning, acceptedValues(one) ?? 'text', standard);
  });
  return `${generatedNote}
# Configuration

Signet reads environment variables, once, at its start. A name that begins with \`SIGNET_\` and is not here is an error. A secret can stand in a file:
the variable with \`_FILE\` holds its path, and the file one line of UTF-8; a byte-order mark and the one line break at its end are no part of it. Every other value is
kept as it was typed: control characters, blanks around it and URLs that are not in their normal form are refused. \`npx signet config\` prints every value, with secrets masked, and where it came from.

| setting | meaning | takes | when absent |
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
  const examplesText = ['For example:', '', '```sh', ...examples, '```'].join('\n');
  return `\n### ${name}\n${text}\n\n    npx signet ${usage(command)}\n${table}\n${examplesText}\n`;
}
