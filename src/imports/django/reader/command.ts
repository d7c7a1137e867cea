import { Failure } from '../../../platform/errors.ts';
import { decodeUtf8 } from '../../../platform/text-file.ts';

/** The command that makes a complete dump. `--output`, because `>` also catches what a settings file prints. */
function dumpCommand(file: string, userModel: string): string {
  const name = file.split(/[\\/]/).at(-1) ?? '';
  const output = /^[\w.+-]+$/.test(name) && name !== '-' ? name : 'dump.json';
  // -Xutf8, because Python on Windows writes files in the code page of the machine.
  return `python -Xutf8 manage.py dumpdata contenttypes.contenttype auth.permission auth.group ${userModel} --output ${output}`;
}

/** A refusal of the file as a whole, with the remedy. */
export function dumpError(file: string, userModel: string, what: string): Failure {
  const command = dumpCommand(file, userModel);
  return new Failure('usage', `${file} ${what}. Make it again in the Django project:\n  ${command}`, { command });
}

/** More does not fit into one text of the engine. */
const LARGEST_BYTES = 512 * 1024 * 1024 - 1024;

/** The text of a dump's bytes. Failure: it is not UTF-8, with the place and the command that writes it so. */
export function decodeDump(bytes: Buffer, file: string, userModel: string): string {
  if (bytes.length > LARGEST_BYTES) throw dumpError(file, userModel, 'is larger than 512 MB');
  const decoded = decodeUtf8(bytes);
  if ('text' in decoded) return decoded.text;
  const { offset, line, byte, encoding } = decoded.fault;
  const what =
    encoding === null
      ? `is not UTF-8: byte ${offset} (line ${line}) is 0x${byte.toString(16).padStart(2, '0').toUpperCase()}`
      : `is ${encoding} and not UTF-8, as PowerShell's > writes it`;
  throw dumpError(file, userModel, what);
}
