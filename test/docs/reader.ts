import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Test } from 'tap';
import { root } from '../support/database.ts';
import { freePort } from '../support/process.ts';
import { findPython, NO_PYTHON } from '../support/python.ts';
import { type Block, codeBlocks, commandsOf, fileOf, isTyped } from './pages.ts';

/** What a reader types at a prompt for a password. */
const PASSWORD = 'correct horse battery staple';

/** What is not the clone's: what a reader's own trail makes. */
const own = ['data', 'keys', '.git', '.cache', '.tap'];

interface CommandResult {
  readonly code: number;
  readonly output: string;
}

/**
 * Somebody who reads a page from top to bottom and types what it says, in a clone of this tree of their own with its server running.
 * `start` is where a server's data came from: another reader's, so that the first start is made once.
 */
export async function openReader(t: Test, start?: { readonly folder: string }) {
  const folder = mkdtempSync(join(tmpdir(), 'signet-reader-'));
  for (const name of readdirSync(root)) if (!own.includes(name)) symlinkSync(join(root, name), join(folder, name));
  mkdirSync(join(folder, 'keys'));
  if (start)
    for (const name of ['data', 'keys']) cpSync(join(start.folder, name), join(folder, name), { recursive: true });
  const [port, servicePort] = [await freePort(), await freePort()];
  const { PATH = '', HOME = '' } = process.env;
  const environment = {
    PATH: `${join(root, 'node_modules/.bin')}:${PATH}`,
    HOME,
    SIGNET_PORT: String(port),
    PORT: String(servicePort),
  };
  const children: ChildProcess[] = [];
  t.teardown(() => Promise.all(children.map(end)));

  // The page's own addresses, at ports that are free here.
  const here = (text: string) =>
    text
      .replaceAll('localhost:4000', `localhost:${port}`)
      .replaceAll('https://id.example.com', `http://localhost:${port}`)
      .replaceAll('localhost:3000', `localhost:${servicePort}`)
      .replaceAll(/(?<![\w/])python3 /g, `${findPython()?.path} `);
  let client = { id: '', secret: '' };
  const filledIn = (text: string) =>
    here(text).replaceAll('CLIENT_ID', client.id).replaceAll('CLIENT_SECRET', client.secret);

  /** `npx` costs half a second each time: it is typed as it stands on the first page, and spared on the others. */
  const shell = (isShort: boolean) =>
    `set -a; [ -f .env.sh ] && . ./.env.sh; ${isShort ? 'npx() { shift; node bin/signet.mjs "$@"; }; ' : ''}`;

  function type(command: string, isShort: boolean): Promise<CommandResult> {
    return new Promise((resolve) => {
      const script = `${shell(isShort)}${filledIn(command)}\ncode=$?; unset -f npx; export -p > .env.sh; exit $code`;
      const child = spawn('bash', ['-o', 'pipefail', '-c', script], { cwd: folder, env: environment });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
      child.stdin.on('error', () => {});
      child.stdin.end(command.includes('--password-stdin') ? `${PASSWORD}\n` : '');
      child.on('close', (code) => {
        const [id, secret] = ['client_id', 'client_secret'].map(
          (name) => new RegExp(`^${name}\\s+(\\S+)$`, 'm').exec(output)?.[1],
        );
        if (id) client = { id, secret: secret ?? '' };
        resolve({ code: code ?? -1, output });
      });
    });
  }

  /** Starts what goes on until it is stopped. */
  async function inBackground(
    command: string,
    isReady: (output: string) => boolean | Promise<boolean>,
  ): Promise<string> {
    const child = spawn('bash', ['-c', `${shell(false)}exec env ${filledIn(command)}`], {
      cwd: folder,
      env: environment,
      detached: true,
    });
    children.push(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    for (let tries = 0; tries < 600 && child.exitCode === null; tries++) {
      if (await isReady(output)) return output;
      await wait(100);
    }
    throw new Error(`not ready: ${command}\n${output}`);
  }

  /** Types a block, and holds it to what it says of itself. */
  async function read(t: Test, page: string, block: Block, isShort: boolean): Promise<void> {
    if (block.until !== null) {
      const until = here(block.until);
      await inBackground(block.text, () =>
        fetch(until).then(
          () => true,
          () => false,
        ),
      );
      return;
    }
    const commands = commandsOf(block);
    for (const [i, command] of commands.entries()) {
      const isLast = i === commands.length - 1;
      const { code, output } = await type(command, isShort);
      const what = `${page}:${block.line} ${command}`;
      const wanted = isLast ? block.exit : 0;
      t.equal(code, wanted, code === wanted ? what : `${what}\n${output}`);
      // A comment that begins with a status says what comes back.
      const status = /# (\d{3})\b/.exec(command)?.[1];
      if (status) t.match(output, new RegExp(`^HTTP/[\\d.]+ ${status}\\b`, 'm'), what);
      if (isLast && block.prints !== null) hasPrinted(t, what, output, block.prints);
    }
  }

  function hasPrinted(t: Test, what: string, output: string, text: string): void {
    const isThere = output.includes(here(text));
    t.ok(isThere, isThere ? `${what} prints ${text}` : `${what} prints ${text}, not\n${output}`);
  }

  /** A program that is shown without the token that it begins with, and without the question that it is there to answer. */
  async function runProgram(t: Test, page: string, { language, text, line, prints }: Block): Promise<void> {
    const [file, command] = language === 'python' ? ['snippet.py', findPython()?.path] : ['snippet.mjs', 'node'];
    if (command === undefined) {
      await t.test(`${page}:${line}`, { skip: NO_PYTHON }, async () => {});
      return;
    }
    const program =
      language === 'python'
        ? `import os\ntoken = os.environ["TOKEN"]\n${text}\nprint(has_perm("polls.add_choice"))\n`
        : `const token = process.env.TOKEN;\n${text}\nconsole.log(hasPerm('polls.add_choice'));\n`;
    writeFileSync(join(folder, file), here(program));
    const { code, output } = await type(`${command} ${file}`, true);
    t.equal(code, 0, code === 0 ? `${page}:${line}` : `${page}:${line}\n${output}`);
    if (prints !== null) hasPrinted(t, `${page}:${line}`, output, prints);
  }

  return {
    folder,
    /** `npm start`, as the README has it, and the lines that it prints to be copied. */
    async startServer(): Promise<string> {
      const output = await inBackground('npm start', (text) => /token inspect -\n/.test(text));
      return /^ *Try it +(.*)\n +(.*)\n/m.exec(output)?.slice(1).join('\n') ?? '';
    },
    type: (command: string) => type(command, true),
    /** Reads a page to its end. */
    async readPage(t: Test, page: string, isShort = true): Promise<void> {
      for (const block of codeBlocks(page)) {
        const file = fileOf(block);
        if (file !== null && block.notRun === null) writeFileSync(join(folder, file), filledIn(`${block.text}\n`));
        if (block.hasToken) await runProgram(t, page, block);
        else if (isTyped(block) && block.notRun === null) await read(t, page, block, isShort);
      }
    },
    stop: () => Promise.all(children.map(end)),
    text: (name: string) => readFileSync(join(folder, name), 'utf8'),
  };
}

/** Of the whole group: npm and the launcher have children of their own. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = new Promise((resolve) => child.once('close', resolve));
  process.kill(-(child.pid as number), 'SIGTERM');
  await over;
}
