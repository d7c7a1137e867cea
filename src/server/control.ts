import { connect, type Socket } from 'node:net';
import type { LockOwner } from '../platform/folder-lock.ts';
import { serverError } from './errors.ts';

/** A command sent to the server that owns the embedded database: arguments, standard input and file contents, never paths. */
export interface ControlRequest {
  readonly name: string;
  readonly input: ControlInput;
  readonly isJson: boolean;
  readonly actor: string;
}

/** The arguments, and what only the sender can read. */
export interface ControlInput {
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
  /** Standard input, if the command reads it. */
  readonly stdin: string | null;
  /** The content of the command's file argument. */
  readonly file: { readonly name: string; readonly text: string } | null;
  /** The content of files named by options; an option whose file does not exist yet is absent. */
  readonly files?: Readonly<Record<string, { readonly name: string; readonly text: string }>>;
}

/** Rows for the file that an option names. The caller writes them to a new file, or appends them. */
export interface FileRows {
  readonly option: string;
  readonly text: string;
}

/** The command's output and exit code. */
export interface ControlResult {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly rows?: FileRows;
}

type ControlReply = { readonly progress: string } | { readonly result: ControlResult };

/** Limit of a line in bytes: an import file is the largest input, and no text can be twice as long. */
const MAX_LINE_BYTES = 256 * 1024 * 1024;

/** Serves one command on a connection of the control socket: one request, progress lines, one result, each a line of JSON. */
export function serveControl(
  connection: Socket,
  run: (request: ControlRequest, progress: (line: string) => void) => Promise<ControlResult>,
): void {
  const send = (reply: ControlReply) => connection.writable && connection.write(`${JSON.stringify(reply)}\n`);
  readLine(connection, (line) => {
    const request = readRequest(line);
    // A valid client sends nothing else.
    if (!request) return void connection.destroy();
    run(request, (progress) => send({ progress })).then(
      (result) => {
        send({ result });
        connection.end();
      },
      () => connection.destroy(),
    );
  });
}

/** Returns a request of the right shape, or null. */
function readRequest(line: string): ControlRequest | null {
  try {
    const request = JSON.parse(line) as Partial<ControlRequest> | null;
    const input = request?.input as Partial<ControlInput> | undefined;
    const isValid =
      typeof request?.name === 'string' &&
      typeof request.actor === 'string' &&
      Array.isArray(input?.positionals) &&
      typeof input.options === 'object' &&
      input.options !== null;
    return isValid ? (request as ControlRequest) : null;
  } catch {
    return null;
  }
}

/** Sends a command to the owner of the folder and waits for its result. Throws `command_too_large`, `server_stopped`. */
export function sendControl(
  owner: LockOwner,
  request: ControlRequest,
  progress: (line: string) => void,
): Promise<ControlResult> {
  const { file, files = {}, stdin } = request.input;
  const texts = [file?.text, ...Object.values(files).map((one) => one.text), stdin];
  const length = texts.reduce((sum, one) => sum + (one?.length ?? 0), 0);
  // Encoding rarely adds half: a text over half the limit is rejected before it is encoded in vain.
  const line = length > MAX_LINE_BYTES / 2 ? null : Buffer.from(`${JSON.stringify(request)}\n`);
  if (line === null || line.length > MAX_LINE_BYTES) throw serverError('command_too_large');
  return new Promise((resolve, reject) => {
    const connection = connect(owner.socket);
    const onClosed = () => reject(serverError('server_stopped'));
    connection.once('error', onClosed);
    connection.once('close', onClosed);
    connection.once('connect', () => connection.write(line));
    // The greeting is the owner's instance id, which the lock has already compared.
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

function readLine(connection: Socket, onLine: (line: string) => void): void {
  let hasLine = false;
  readLines(connection, (line) => {
    if (!hasLine) onLine(line);
    hasLine = true;
  });
}

function readLines(connection: Socket, onLine: (line: string) => void): void {
  let chunks: Buffer[] = [];
  let size = 0;
  connection.on('data', (chunk: Buffer) => {
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      if (size + end > MAX_LINE_BYTES) return void connection.destroy();
      const line = Buffer.concat([...chunks, rest.subarray(0, end)]).toString('utf8');
      chunks = [];
      size = 0;
      rest = rest.subarray(end + 1);
      onLine(line);
    }
    size += rest.length;
    if (size > MAX_LINE_BYTES) connection.destroy();
    else chunks.push(rest);
  });
}
