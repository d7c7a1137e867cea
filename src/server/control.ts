import { connect, type Socket } from 'node:net';
import type { LockOwner } from '../platform/database/index.ts';
import { Failure } from '../platform/errors.ts';

/** A command on its way to the server that holds the embedded database: words, standard input and file contents, never paths. */
export interface ControlRequest {
  readonly name: string;
  readonly input: ControlInput;
  readonly isJson: boolean;
  readonly actor: string;
}

/** What was typed, and what only the sender can read. */
export interface ControlInput {
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
  /** Standard input, where the command asked for it. */
  readonly stdin: string | null;
  /** The content of the file that the command was given. */
  readonly file: { readonly name: string; readonly text: string } | null;
  /** The content of further files, by the option that names them; an option whose file does not exist yet is absent. */
  readonly files?: Readonly<Record<string, { readonly name: string; readonly text: string }>>;
}

/** Rows for the file that an option names, written at the caller's side: to a new file, or to the end of the one that was read. */
export interface FileRows {
  readonly option: string;
  readonly text: string;
}

/** What the command printed, and its exit code. */
export interface ControlResult {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly rows?: FileRows;
}

type ControlReply = { readonly progress: string } | { readonly result: ControlResult };

/** Bytes of a line at the most: an import file is the largest thing that comes this way, and no text can be twice as long. */
const LARGEST = 256 * 1024 * 1024;

/** Answers commands on a connection of the control socket: one request, progress lines, one result, each a line of JSON. */
export function answerControl(
  connection: Socket,
  run: (request: ControlRequest, progress: (line: string) => void) => Promise<ControlResult>,
): void {
  const say = (reply: ControlReply) => connection.writable && connection.write(`${JSON.stringify(reply)}\n`);
  readLine(connection, (line) => {
    const request = readRequest(line);
    // Nobody who speaks this language says anything else.
    if (!request) return void connection.destroy();
    run(request, (progress) => say({ progress })).then(
      (result) => {
        say({ result });
        connection.end();
      },
      () => connection.destroy(),
    );
  });
}

/** A request of the right shape, or null. */
function readRequest(line: string): ControlRequest | null {
  try {
    const request = JSON.parse(line) as Partial<ControlRequest> | null;
    const input = request?.input as Partial<ControlInput> | undefined;
    const isRight =
      typeof request?.name === 'string' &&
      typeof request.actor === 'string' &&
      Array.isArray(input?.positionals) &&
      typeof input.options === 'object' &&
      input.options !== null;
    return isRight ? (request as ControlRequest) : null;
  } catch {
    return null;
  }
}

/** Sends a command to the holder of the folder and waits for its result. Failure when the holder stops meanwhile. */
export function sendControl(
  holder: LockOwner,
  request: ControlRequest,
  progress: (line: string) => void,
): Promise<ControlResult> {
  const { file, files = {}, stdin } = request.input;
  const texts = [file?.text, ...Object.values(files).map((one) => one.text), stdin];
  const length = texts.reduce((sum, one) => sum + (one?.length ?? 0), 0);
  // Most texts do not grow by half on the way: none is written down only to be thrown away.
  const line = length > LARGEST / 2 ? null : Buffer.from(`${JSON.stringify(request)}\n`);
  if (line === null || line.length > LARGEST)
    throw new Failure('usage', 'This is too large to hand to the running server. Stop it, then run the command again.');
  return new Promise((resolve, reject) => {
    const connection = connect(holder.socket);
    const lost = () =>
      reject(
        new Failure(
          'noConnection',
          'The server stopped before it answered. Look at its output, then run the command again.',
        ),
      );
    connection.once('error', lost);
    connection.once('close', lost);
    connection.once('connect', () => connection.write(line));
    // The greeting is the holder's instance id; the lock has compared it already.
    let isGreeted = false;
    readLines(connection, (line) => {
      if (!isGreeted) {
        isGreeted = true;
        return;
      }
      const reply = JSON.parse(line) as ControlReply;
      if ('progress' in reply) progress(reply.progress);
      else {
        resolve(reply.result);
        connection.end();
      }
    });
  });
}

function readLine(connection: Socket, take: (line: string) => void): void {
  let isTaken = false;
  readLines(connection, (line) => {
    if (!isTaken) take(line);
    isTaken = true;
  });
}

function readLines(connection: Socket, take: (line: string) => void): void {
  let chunks: Buffer[] = [];
  let size = 0;
  connection.on('data', (chunk: Buffer) => {
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      if (size + end > LARGEST) return void connection.destroy();
      const line = Buffer.concat([...chunks, rest.subarray(0, end)]).toString('utf8');
      chunks = [];
      size = 0;
      rest = rest.subarray(end + 1);
      take(line);
    }
    size += rest.length;
    if (size > LARGEST) connection.destroy();
    else chunks.push(rest);
  });
}
