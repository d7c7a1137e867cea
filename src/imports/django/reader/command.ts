import { Failure } from '../../../platform/errors.ts';
import { decodeUtf8 } from '../../../platform/text-file.ts';

/** Returns the command that creates a complete dump. `--output`, because `>` also captures the output of a settings file. */
function dumpCommand(file: string, userModel: string): string {
  const name = file.split(/[\\/]/).at(-1) ?? '';
  const output = /^[\w.+-]+$/.test(name) && name !== '-' ? name : 'dump.json';
  // -Xutf8, because Python on Windows writes files in the machine's code page.
  return `python -Xutf8 manage.py dumpdata contenttypes.contenttype auth.permission auth.group ${userModel} --output ${output}`;
}

/** Returns the Failure for a file that cannot be imported, with the command that creates a valid one. */
export function dumpError(file: string, userModel: string, what: string): Failure {
  const command = dumpCommand(file, userModel);
  return new Failure('usage', `${file} ${what}. Make it again in the Django project:\n  ${command}`, { command });
}

/** The size of the longest string in V8. */
const MAX_BYTES = 512 * 1024 * 1024 - 1024;

/** Decodes a dump. Throws Failure if it is not UTF-8, with the position and the command that writes UTF-8. */
export function decodeDump(bytes: Buffer, file: string, userModel: string): string {
  if (bytes.length > MAX_BYTES) throw dumpError(file, userModel, 'is larger than 512 MB');
  const decoded = decodeUtf8(bytes);
  if ('text' in decoded) return decoded.text;
  const { offset, line, byte, encoding } = decoded.fault;
  const what =
    encoding === null
      ? `is not UTF-8: byte ${offset} (line ${line}) is 0x${byte.toString(16).padStart(2, '0').toUpperCase()}`
      : `is ${encoding} and not UTF-8, as PowerShell's > writes it`;
  throw dumpError(file, userModel, what);
}
