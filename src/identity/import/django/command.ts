import { Failure } from '../../../platform/failure.ts';

/** The command that makes a complete dump. `--output`, because `>` also catches what a settings file prints. */
function dumpCommand(file: string, userModel: string): string {
  const name = file.split(/[\\/]/).at(-1) ?? '';
  const output = /^[\w.+-]+$/.test(name) && name !== '-' ? name : 'dump.json';
  return `python manage.py dumpdata contenttypes.contenttype auth.permission auth.group ${userModel} --output ${output}`;
}

/** A refusal of the file as a whole, with the remedy. */
export function refuse(file: string, userModel: string, what: string): Failure {
  const command = dumpCommand(file, userModel);
  return new Failure('usage', `${file} ${what}. Make it anew in the Django project:\n  ${command}`, { command });
}
